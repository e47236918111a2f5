import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Inbox } from '../../../../src/messaging/inbox.ts'
import { InputChannel } from '../../../../src/messaging/input-channel.ts'
import { promisesSettled } from '../../../../src/testkit/cluster/simulated-time.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { ComponentCut, type CutOwner } from '../../../../src/worker/snapshots/component-cut.ts'

/** An instance with one back edge, of which a test says what is at work. */
class Owner implements CutOwner {
  readonly place = 'it[0]'
  readonly inbox = new Inbox(1, () => undefined)
  readonly inputs = [{ name: 'back', index: 0 }]
  readonly tasks = { isIdle: true, takenBack: [], waitUntilIdle: () => undefined }
  readonly timers = { all: [], restore: () => undefined }
  lastCut = 0
  queued = false
  readonly isSource = false
  readonly back = new InputChannel(1, 0, { release: () => undefined })

  constructor() {
    this.back.isBack = true
    this.back.name = 'it.again back'
    this.inbox.add(this.back)
  }

  cut({ snapshot }: { readonly snapshot: number }): void {
    this.lastCut = snapshot
  }

  turn(): number {
    // The test calls what a turn would.
    return 0
  }

  flushFrames(): void {
    // Nothing is sent.
  }

  fail(error: unknown): void {
    throw error
  }

  arrive(items: readonly unknown[], control: { type: 'barrier'; snapshot: number } | null = null): void {
    this.inbox.arrive(this.back, {
      items: [...items],
      group: 0,
      control,
      bytes: 0,
      tracks: null,
      released: false,
    })
  }
}

test('SN-5: an abort ends what a back edge is being logged for, and the next snapshot logs anew', async () => {
  const owner = new Owner()
  const cut = new ComponentCut(owner, {
    clock: new TestClock(),
    schedule: () => undefined,
    late: () => undefined,
  })
  const begin = { type: 'begin', generation: 1, incarnation: 1, predecessor: null, isAligned: true } as const
  const take = (snapshot: number): ReturnType<ComponentCut['savedLate']> => {
    cut.alignment.announced({ ...begin, snapshot, alignMsMax: null })
    cut.tryCut()
    assert.equal(owner.lastCut, snapshot, 'what comes over a back edge is not waited for')
    return cut.savedLate()
  }
  let isTold = false
  const told = (): void => {
    isTold = true
  }
  take(1)!.then(told, told)
  owner.arrive(['of 1'])
  cut.ended(1)
  owner.arrive(['between'])
  // Its sender had taken the cut before it heard of the abort.
  owner.arrive([], { type: 'barrier', snapshot: 1 })
  await promisesSettled()
  assert.ok(!isTold, 'nobody asks for it any more')
  const second = take(2)
  owner.arrive(['of 2'])
  owner.arrive([], { type: 'barrier', snapshot: 2 })
  const [saved] = (await second)!
  assert.deepEqual(
    saved!.parcels.flatMap(({ items }) => items),
    ['of 1', 'between', 'of 2'],
    'all that has come and was not handled',
  )
})
