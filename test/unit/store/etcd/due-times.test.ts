import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Due, DueTimes } from '../../../../src/store/etcd/due-times.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'

class Call implements Due {
  dueAtMs: number
  readonly calledAtMs: number[] = []
  private readonly clock: TestClock
  private readonly again: (call: Call) => void

  constructor(clock: TestClock, dueAtMs: number, again: (call: Call) => void = () => undefined) {
    this.clock = clock
    this.dueAtMs = dueAtMs
    this.again = again
  }

  due(): void {
    this.calledAtMs.push(this.clock.monotonic())
    this.again(this)
  }
}

describe('the times at which calls are due', () => {
  test('each is told at its time, those before others that were added later too', () => {
    const clock = new TestClock()
    const startMs = clock.monotonic()
    const times = new DueTimes(clock)
    const calls = [30, 10, 20].map((ms) => new Call(clock, startMs + ms))
    for (const call of calls) times.add(call)
    clock.advance(100)
    assert.deepEqual(
      calls.map(({ calledAtMs }) => calledAtMs.map((ms) => Math.round(ms - startMs))),
      [[30], [10], [20]],
    )
  })

  test('one that was removed is not told, and the others are', () => {
    const clock = new TestClock()
    const times = new DueTimes(clock)
    const [first, second] = [10, 20].map((ms) => new Call(clock, clock.monotonic() + ms))
    times.add(first!)
    times.add(second!)
    times.remove(first!)
    clock.advance(100)
    assert.deepEqual([first!.calledAtMs.length, second!.calledAtMs.length], [0, 1])
  })

  test('one that is added again is told again, one that is removed meanwhile is not', () => {
    const clock = new TestClock()
    const startMs = clock.monotonic()
    const times = new DueTimes(clock)
    const other = new Call(clock, startMs + 10)
    const call = new Call(clock, startMs + 10, (self) => {
      times.remove(other)
      if (self.calledAtMs.length > 1) return
      self.dueAtMs = startMs + 40
      times.add(self)
    })
    times.add(call)
    times.add(other)
    clock.advance(100)
    assert.deepEqual(
      call.calledAtMs.map((ms) => Math.round(ms - startMs)),
      [10, 40],
    )
    assert.deepEqual(other.calledAtMs, [])
  })
})
