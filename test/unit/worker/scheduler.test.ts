import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '../../../src/testkit/test-clock.ts'
import type { Schedulable } from '../../../src/worker/host.ts'
import { Scheduler } from '../../../src/worker/scheduler.ts'

/** SC-1 to SC-3 of `worker/scheduler.ts`. */

function setUp() {
  const clock = new TestClock()
  const turns: string[] = []
  const slices: boolean[] = []
  const scheduler = new Scheduler(clock, {
    turn: () => undefined,
    sliceEnd: (_, isOwnTurn) => {
      slices.push(isOwnTurn)
      return false
    },
    mayAct: () => true,
  })
  const add = (name: string, isSource: boolean, work: () => void): Schedulable => ({
    isSource,
    queued: false,
    turn() {
      turns.push(name)
      work()
    },
    flushFrames: () => undefined,
  })
  return { clock, scheduler, turns, slices, add }
}

test('SC-1: what a source has sent goes all the way before it sends more', () => {
  const { scheduler, turns, add } = setUp()
  let left = 3
  const sink = add('sink', false, () => undefined)
  const pass = add('pass', false, () => scheduler.schedule(sink))
  const source = add('source', true, () => {
    if (--left > 0) scheduler.schedule(source)
    scheduler.schedule(pass)
  })
  scheduler.schedule(source)
  scheduler.run()
  const round = ['source', 'pass', 'sink']
  assert.deepEqual(turns, [...round, ...round, ...round])
  assert.ok(scheduler.isIdle)
})

test('SC-2: a source has its turns beside components that are always ready', () => {
  const { clock, scheduler, turns, add } = setUp()
  const busy = ['a', 'b'].map((name): Schedulable => {
    const one = add(name, false, () => {
      // As time passes, slices end.
      clock.advance(1)
      scheduler.schedule(one)
    })
    return one
  })
  const source = add('source', true, () => scheduler.schedule(source))
  for (const one of [...busy, source]) scheduler.schedule(one)
  for (let slice = 0; slice < 10; slice++) scheduler.run()
  const count = turns.filter((name) => name === 'source').length
  assert.ok(count >= 8, `${count} turns of ${turns.length}`)
  scheduler.stop()
})

test('SC-2: it waits for no more than a slice and a turn, however long turns are', () => {
  const { clock, scheduler, turns, add } = setUp()
  const busy = add('busy', false, () => {
    clock.advance(10)
    scheduler.schedule(busy)
  })
  const source = add('source', true, () => scheduler.schedule(source))
  scheduler.schedule(busy)
  scheduler.schedule(source)
  for (let slice = 0; slice < 5; slice++) scheduler.run()
  assert.deepEqual(turns.slice(0, 6), ['busy', 'source', 'busy', 'source', 'busy', 'source'])
  scheduler.stop()
})

test('SC-3: of all slices in a turn of the event loop one is its own, whatever arrives meanwhile', () => {
  const { clock, scheduler, turns, slices, add } = setUp()
  const sink = add('sink', false, () => undefined)
  scheduler.schedule(sink)
  for (let frame = 0; frame < 3; frame++) scheduler.run()
  assert.deepEqual(turns, ['sink'])
  assert.deepEqual(slices, [false, false, false])
  clock.runSoon()
  assert.deepEqual(slices, [false, false, false, true])
})
