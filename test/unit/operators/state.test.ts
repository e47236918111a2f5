import assert from 'node:assert/strict'
import { test } from 'node:test'
import { array, assert as check, asyncProperty, constantFrom, nat } from 'fast-check'
import type { Cancel, Clock } from '../../../src/base/clock.ts'
import { counter, take, throttle } from '../../../src/operators/index.ts'
import { runKind } from './run-kind.ts'

test('counter counts by routing key', async () => {
  const whole = await runKind(counter<string>(), ['a', 'b', 'a', 'a'])
  assert.deepEqual(whole.sent, [
    { value: 'a', count: 1 },
    { value: 'b', count: 1 },
    { value: 'a', count: 2 },
    { value: 'a', count: 3 },
  ])
  const users = [
    { user: 'x', n: 1 },
    { user: 'x', n: 2 },
  ]
  const byUser = await runKind(counter(), users, { key: (m) => (m as { user: string }).user })
  assert.deepEqual(byUser.sent, [
    { value: users[0], count: 1 },
    { value: users[1], count: 2 },
  ])
})

test('the last count of each key is how often it came', async () => {
  await check(
    asyncProperty(array(constantFrom('a', 'b', 'c', 1, null)), async (messages) => {
      const { sent } = await runKind(counter(), messages)
      assert.equal(sent.length, messages.length)
      const last = new Map(
        (sent as { value: unknown; count: number }[]).map(({ value, count }) => [value, count]),
      )
      for (const [value, count] of last) assert.equal(count, messages.filter((m) => m === value).length)
    }),
  )
})

test('take sends on the first and drops the rest', async () => {
  await check(
    asyncProperty(array(nat()), nat(20), async (messages, count) => {
      const { sent } = await runKind(take<number>(), messages, { config: { count } })
      assert.deepEqual(sent, messages.slice(0, count))
    }),
  )
})

/** Time passes when somebody waits. */
class WaitingClock implements Clock {
  nowMs = 1000
  now = (): number => this.nowMs
  monotonic = (): number => this.nowMs
  after = (delayMs: number, action: () => void): Cancel => {
    queueMicrotask(() => {
      this.nowMs += Math.max(1, delayMs)
      action()
    })
    return () => undefined
  }
  every = (): Cancel => () => undefined
  soon = (action: () => void): void => queueMicrotask(action)
}

test('throttle keeps its rate and the order', async () => {
  for (const [perSecond, instances, expectedMs] of [
    [10, 1, 9900],
    [10, 4, 39_600],
    [1000, 1, 99],
    [50_000, 1, 2],
  ] as const) {
    const clock = new WaitingClock()
    const messages = Array.from({ length: 100 }, (_, i) => i)
    const { sent } = await runKind(throttle<number>(), messages, { config: { perSecond }, clock, instances })
    assert.deepEqual(sent, messages)
    const tookMs = clock.nowMs - 1000
    assert.ok(Math.abs(tookMs - expectedMs) <= 1, `${perSecond} a second: ${tookMs} ms`)
  }
})

test('throttle does not make up for a long silence', async () => {
  const clock = new WaitingClock()
  function* late(): Generator<number> {
    yield 0
    clock.nowMs += 60_000
    for (let i = 1; i < 11; i++) yield i
  }
  const { sent } = await runKind(throttle<number>(), late(), { config: { perSecond: 10 }, clock })
  assert.equal(sent.length, 11)
  assert.ok(clock.nowMs >= 61_000 + 850)
})
