import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import type { InstanceParts } from '../../../../src/worker/snapshots/instance-parts.ts'
import { WorkerSnapshots } from '../../../../src/worker/snapshots/worker-snapshots.ts'

/** An instance of which each cut is a part that is written in `steps` steps. */
function partsOf(steps: number): { readonly parts: InstanceParts; readonly left: () => number } {
  let left = 0
  const part = {
    isGivenBack: false,
    get isWaiting() {
      return left > 0
    },
    step: () => void left--,
    store: () => Promise.withResolvers().promise,
    giveBack: () => void (left = 0),
  }
  const begin = (): typeof part => {
    left = steps
    return part
  }
  const parts = { begin, merge: () => undefined, close: () => undefined } as unknown as InstanceParts
  return { parts, left: () => left }
}

test('a part that is being written waits for a slice, like other work, until nothing of it is left', () => {
  const snapshots = new WorkerSnapshots({
    clock: new TestClock(),
    storage: () => Promise.reject(new Error('nothing is stored')),
    requestStep: () => undefined,
    rejectionsTaken: () => undefined,
    merge: () => Promise.reject(new Error('nothing is merged')),
    mergeFailed: () => undefined,
    report: () => undefined,
  })
  const { parts, left } = partsOf(2)
  snapshots.add(1, parts)
  assert.equal(snapshots.isWaiting, false)
  const mode = { isAligned: true, alignMsMax: null }
  const begin = {
    type: 'begin',
    generation: 1,
    snapshot: 1,
    incarnation: 1,
    predecessor: null,
    ...mode,
  } as const
  snapshots.cut(1, begin, 0, () => ({ saved: { entries: [], hasChannelState: false }, isFinished: false }))
  const seen = [[snapshots.isWaiting, left()]]
  for (let n = 0; n < 2; n++) {
    const isMore = snapshots.step()
    assert.equal(isMore, snapshots.isWaiting)
    seen.push([isMore, left()])
  }
  assert.deepEqual(seen, [
    [true, 2],
    [true, 1],
    [false, 0],
  ])
  snapshots.close()
})
