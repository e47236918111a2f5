import assert from 'node:assert/strict'
import { test } from 'node:test'
import { array, assert as check, asyncProperty, constantFrom, nat } from 'fast-check'
import { counter, take, throttle } from '../../../src/operators/index.ts'
import { testComponent } from '../../../src/testkit/index.ts'
import { runKind } from './run-kind.ts'

test('counter counts by routing key', async () => {
  const whole = await runKind(counter<string>(), ['a', 'b', 'a', 'a'])
  assert.deepEqual(whole, [
    { value: 'a', count: 1 },
    { value: 'b', count: 1 },
    { value: 'a', count: 2 },
    { value: 'a', count: 3 },
  ])
  const users = [
    { user: 'x', n: 1 },
    { user: 'x', n: 2 },
  ]
  const byUser = await runKind(counter(), users, { key: 'user' })
  assert.deepEqual(byUser, [
    { value: users[0], count: 1 },
    { value: users[1], count: 2 },
  ])
})

test('the last count of each key is how often it came', async () => {
  await check(
    asyncProperty(array(constantFrom('a', 'b', 'c', 1, null)), async (messages) => {
      const sent = await runKind(counter(), messages)
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
      const sent = await runKind(take<number>(), messages, { config: { count } })
      assert.deepEqual(sent, messages.slice(0, count))
    }),
  )
})

test('throttle keeps its rate and the order', async () => {
  for (const [perSecond, instances, expectedMs] of [
    [10, 1, 9900],
    [10, 4, 39_600],
    [1000, 1, 99],
    [50_000, 1, 2],
  ] as const) {
    const tester = await testComponent(throttle<number>(), { config: { perSecond }, instances, instance: 0 })
    const messages = Array.from({ length: 100 }, (_, i) => i)
    await tester.send('in', ...messages)
    await tester.advance(expectedMs - 2)
    const early = tester.outputs.out.length
    assert.ok(early < 100, `${perSecond} a second: ${early} messages after ${expectedMs - 2} ms`)
    await tester.advance(3)
    assert.deepEqual(tester.outputs.out, messages, `${perSecond} a second: after ${expectedMs + 1} ms`)
    await tester.end()
  }
})

test('throttle does not make up for a long silence', async () => {
  const tester = await testComponent(throttle<number>(), { config: { perSecond: 10 } })
  await tester.send('in', 0)
  await tester.advance(60_000)
  await tester.send('in', ...Array.from({ length: 10 }, (_, i) => i + 1))
  await tester.advance(850)
  assert.ok(tester.outputs.out.length < 11)
  assert.equal((await tester.end()).out.length, 11)
})
