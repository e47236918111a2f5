import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turns, underWayMax, waitingMax } from '../../../src/api/turns.ts'
import { eventLoopTurn, TestClock } from '../../../src/testkit/test-clock.ts'
import { rejectsWith } from '../testkit/errors.ts'

/** Calls of a client, of which as many are under way as a node has room for. */

function calls() {
  const clock = new TestClock()
  const turns = new Turns(clock)
  const begun: number[] = []
  const ends = new Map<number, () => void>()
  const call = (n: number, signal?: AbortSignal, timeoutMs = 1000): Promise<number> =>
    turns.run({ timeoutMs, signal }, async () => {
      begun.push(n)
      await new Promise<void>((resolve) => {
        ends.set(n, resolve)
      })
      return n
    })
  const end = async (n: number): Promise<void> => {
    ends.get(n)!()
    await eventLoopTurn()
  }
  const many = Array.from({ length: underWayMax }, (_, n) => call(n))
  return { clock, call, end, begun: () => begun.splice(0), many }
}

test('who comes when as many calls are under way as may be waits, and comes in the order of asking', async () => {
  const { call, end, begun, many } = calls()
  const next = [call(1001), call(1002), call(1003)]
  assert.equal(begun().length, underWayMax)
  await end(7)
  assert.deepEqual(begun(), [1001])
  assert.equal(await many[7], 7)
  await end(1001)
  await end(3)
  assert.deepEqual(begun(), [1002, 1003])
  assert.equal(await next[0], 1001)
})

test('who waits longer than its time, or goes, has sent nothing, and takes nobody his turn', async () => {
  const { clock, call, end, begun } = calls()
  begun()
  const leaving = new AbortController()
  const late = rejectsWith(call(1001, undefined, 50), 'SEND_TIMED_OUT', /^Not sent within 50 ms/)
  const left = assert.rejects(call(1002, leaving.signal), { name: 'AbortError' })
  const last = call(1003)
  clock.advance(51)
  // In one go: its turn comes before anybody has heard that it has left.
  leaving.abort()
  await end(5)
  await Promise.all([late, left])
  assert.deepEqual(begun(), [1003])
  await end(1003)
  assert.equal(await last, 1003)
  await end(6)
  const two = [call(1), call(2)]
  assert.deepEqual(begun(), [1, 2], 'two places were free')
  await end(1)
  await end(2)
  assert.deepEqual(await Promise.all(two), [1, 2])
})

test('more than may wait are refused', async () => {
  const { call, end, begun } = calls()
  const waiting = Array.from({ length: waitingMax }, (_, n) => call(1000 + n))
  for (const one of waiting) one.catch(() => undefined)
  await rejectsWith(call(20_000), 'PORT_BUSY')
  begun()
  await end(0)
  assert.deepEqual(begun(), [1000])
})
