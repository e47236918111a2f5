import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PartReport, SnapshotBegin } from '../../../../src/snapshot/part.ts'
import { storageOver } from '../../../../src/snapshot/storage/checked-storage.ts'
import { MemoryStorageBackend } from '../../../../src/snapshot/storage/memory/memory-backend.ts'
import { promisesSettled } from '../../../../src/testkit/cluster/simulated-time.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import type { HostedInstance } from '../../../../src/worker/hosted.ts'
import { HostedSnapshots } from '../../../../src/worker/snapshots/hosted-snapshots.ts'

/** An instance that has nothing, as far as snapshots know it. */
function instance(id: number): HostedInstance {
  const own = {
    identity: { component: 'a', instance: 0, instances: 1 },
    definition: { role: 'component', inputs: {}, outputs: {} },
    keyed: undefined,
    place: 'a[0]',
    takesSnapshots: true,
    lastCut: 0,
    beginSnapshot: () => undefined,
    partFacts: () => ({ saved: { entries: [], hasChannelState: false }, isFinished: true }),
  }
  return { id, assigned: {}, instance: own, hasFinished: false } as unknown as HostedInstance
}

function begun(generation: number, snapshot: number): SnapshotBegin {
  const mode = { isAligned: true, alignMsMax: null }
  return { type: 'begin', generation, snapshot, incarnation: 1, predecessor: null, ...mode }
}

function setUp() {
  const clock = new TestClock()
  const storage = storageOver(new MemoryStorageBackend(), clock)
  const told: PartReport[] = []
  const means = {
    clock,
    snapshots: { storage: () => Promise.resolve(storage) },
    events: { part: (report: PartReport) => told.push(report) },
  }
  return { told, snapshots: new HostedSnapshots(means as never, 'net', () => undefined) }
}

describe('the snapshots of a worker', () => {
  it('have nothing of an instance of a later generation than the one they began in', async () => {
    const { told, snapshots } = setUp()
    const [before, after] = [instance(1), instance(2)]
    await snapshots.begin(before)
    snapshots.obey(begun(1, 3), [before])
    await snapshots.begin(after)
    // Nobody has said how snapshot 3 ended: the worker was held.
    snapshots.switched([before])
    snapshots.finished(after)
    await promisesSettled()
    assert.deepEqual(told, [])
    snapshots.obey(begun(2, 4), [Object.assign(after, { hasFinished: true })])
    await promisesSettled()
    assert.deepEqual(
      told.map(({ type, snapshot, generation, instance: id }) => [type, snapshot, generation, id]),
      [['part-stored', 4, 2, 2]],
    )
  })
  it('work in slices of their own only, and ask for one in all others for as long as there is work (TN-3)', () => {
    const { snapshots } = setUp()
    let left = 3
    const work = {
      get isWaiting() {
        return left > 0
      },
      step: () => void left--,
    }
    assert.deepEqual([snapshots.sliceEnd(false), snapshots.sliceEnd(true)], [false, false])
    snapshots.inSlices(work)
    const asked = [false, true, false, false, true, false, true, false].map((isOwnTurn) => [
      snapshots.sliceEnd(isOwnTurn),
      left,
    ])
    assert.deepEqual(asked, [
      [true, 3],
      [true, 2],
      [true, 2],
      [true, 2],
      [true, 1],
      [true, 1],
      [false, 0],
      [false, 0],
    ])
  })
})
