import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../../src/base/clock.ts'
import type { Schedulable } from '../../../src/worker/host.ts'
import { Scheduler } from '../../../src/worker/scheduler.ts'

/** TN-1 to TN-4 of `worker/scheduler.ts`. */

/** An event loop, turn by turn. */
class LoopClock implements Clock {
  private nowMs = 0
  private waiting: (() => void)[] = []

  now(): number {
    return this.nowMs
  }

  monotonic(): number {
    return this.nowMs
  }

  soon(action: () => void): void {
    this.waiting.push(action)
  }

  after(): never {
    throw new Error('the scheduler sets no timers')
  }

  every(): never {
    return this.after()
  }

  pass(ms: number): void {
    this.nowMs += ms
  }

  /** One turn of the event loop: what is asked for meanwhile runs in the next one. */
  turn(): void {
    const actions = this.waiting
    this.waiting = []
    for (const action of actions) action()
  }
}

function setUp() {
  const clock = new LoopClock()
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
      return clock.monotonic()
    },
    flushFrames: () => undefined,
  })
  return { clock, scheduler, turns, slices, add }
}

test('TN-1: what a source has sent goes all the way before it sends more', () => {
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

test('TN-2: a source has its turns beside components that are always ready', () => {
  const { clock, scheduler, turns, add } = setUp()
  const busy = ['a', 'b'].map((name): Schedulable => {
    const one = add(name, false, () => {
      // As time passes, slices end.
      clock.pass(1)
      scheduler.schedule(one)
    })
    return one
  })
  const source = add('source', true, () => scheduler.schedule(source))
  for (const one of [...busy, source]) scheduler.schedule(one)
  for (let slice = 0; slice < 10; slice++) clock.turn()
  const count = turns.filter((name) => name === 'source').length
  assert.ok(count >= 8, `${count} turns of ${turns.length}`)
  scheduler.stop()
})

test('TN-2: it waits for no more than a slice and a turn, however long turns are', () => {
  const { clock, scheduler, turns, add } = setUp()
  const busy = add('busy', false, () => {
    clock.pass(10)
    scheduler.schedule(busy)
  })
  const source = add('source', true, () => scheduler.schedule(source))
  scheduler.schedule(busy)
  scheduler.schedule(source)
  for (let slice = 0; slice < 5; slice++) clock.turn()
  // One slice has the turn that it waits for, and the next begins with one that has waited longer.
  assert.deepEqual(turns, ['busy', 'source', 'busy', 'busy', 'source', 'busy', 'busy'])
  scheduler.stop()
})

test('TN-3: of all slices in a turn of the event loop one is its own, whatever arrives meanwhile', () => {
  const { clock, scheduler, turns, slices, add } = setUp()
  const sink = add('sink', false, () => undefined)
  scheduler.schedule(sink)
  for (let frame = 0; frame < 3; frame++) scheduler.run()
  assert.deepEqual(turns, ['sink'])
  assert.deepEqual(slices, [false, false, false])
  clock.turn()
  assert.deepEqual(slices, [false, false, false, true])
})

test('a slice ends with the turn that tells of its end', () => {
  const { clock, scheduler, turns, add } = setUp()
  const slow = add('slow', false, () => {
    clock.pass(5)
    scheduler.schedule(slow)
  })
  scheduler.schedule(slow)
  for (let slice = 0; slice < 3; slice++) clock.turn()
  assert.equal(turns.length, 3)
  scheduler.stop()
})

test('TN-4: frames that arrive for ever have slices for 4 ms, and the rest of them waits for the next turn of the event loop', () => {
  const { clock, scheduler, turns, slices, add } = setUp()
  const sink = add('sink', false, () => clock.pass(1))
  const arrive = (): void => {
    scheduler.schedule(sink)
    scheduler.run()
  }
  const perTurn: number[] = []
  for (let turn = 0; turn < 3; turn++) {
    const before = slices.length
    for (let frame = 0; frame < 1000; frame++) arrive()
    clock.turn()
    perTurn.push(slices.length - before)
  }
  assert.deepEqual(perTurn, [6, 6, 6])
  assert.equal(turns.length, 18)
  assert.ok(scheduler.isIdle)
})

test('TN-4: such a slice has no more than what is left of the 4 ms', () => {
  const { clock, scheduler, turns, add } = setUp()
  const busy = add('busy', false, () => {
    clock.pass(1)
    scheduler.schedule(busy)
  })
  scheduler.run()
  clock.pass(3.5)
  scheduler.schedule(busy)
  scheduler.run()
  assert.equal(turns.length, 1)
  scheduler.stop()
})

test('TN-4: what arrives afterwards has a slice of its own, also where nothing was ready', () => {
  const { clock, scheduler, slices } = setUp()
  scheduler.run()
  clock.pass(5)
  scheduler.run()
  assert.deepEqual(slices, [false])
  clock.turn()
  assert.deepEqual(slices, [false, true])
})
