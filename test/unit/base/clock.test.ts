import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { type Clock, pause, steadyClock, systemClock } from '../../../src/base/clock.ts'
import { timeOffsets } from '../../../src/base/time-namespace.ts'
import { TestClock } from '../../../src/testkit/test-clock.ts'

const nodeDelayMsMax = 2 ** 31 - 1

/** The delays that were asked of Node; each timer fires as soon as it is looked at. */
function timersOfNode(t: TestContext): { readonly delaysMs: number[]; fire(): void } {
  const waiting: (() => void)[] = []
  const delaysMs: number[] = []
  const fake = (action: () => void, delayMs: number): object => {
    waiting.push(action)
    delaysMs.push(delayMs)
    return { unref: () => undefined }
  }
  t.mock.method(globalThis, 'setTimeout', fake as typeof setTimeout)
  t.mock.method(globalThis, 'clearTimeout', () => waiting.splice(0))
  return { delaysMs, fire: () => waiting.shift()?.() }
}

test('a delay longer than the timers of Node is waited for in steps', (t) => {
  const timers = timersOfNode(t)
  let fired = 0
  systemClock.after(2 * nodeDelayMsMax + 5, () => fired++, { background: true })
  timers.fire()
  timers.fire()
  assert.equal(fired, 0)
  timers.fire()
  assert.equal(fired, 1)
  assert.deepEqual(timers.delaysMs, [nodeDelayMsMax, nodeDelayMsMax, 5])
})

test('a delay without end never fires, and can be cancelled', (t) => {
  const timers = timersOfNode(t)
  const cancel = systemClock.after(Infinity, () => assert.fail('it fired'))
  for (let i = 0; i < 5; i++) timers.fire()
  cancel()
  const before = timers.delaysMs.length
  timers.fire()
  assert.equal(timers.delaysMs.length, before)
  assert.ok(timers.delaysMs.every((delayMs) => delayMs <= nodeDelayMsMax))
})

test('a period longer than the timers of Node is kept, again and again', (t) => {
  const timers = timersOfNode(t)
  let fired = 0
  const cancel = systemClock.every(nodeDelayMsMax + 1, () => fired++)
  for (let i = 0; i < 4; i++) timers.fire()
  assert.equal(fired, 2)
  cancel()
  timers.fire()
  timers.fire()
  assert.equal(fired, 2)
})

test('a steady clock goes on as before where somebody sets the time of day', () => {
  let wallMs = 1_000_000
  let monotonicMs = 500
  const clock: Clock = { ...systemClock, now: () => wallMs, monotonic: () => monotonicMs }
  const steady = steadyClock(clock)
  assert.equal(steady.now(), 1_000_000)
  for (const jumpMs of [3_600_000, -7_200_000]) {
    const beforeMs = steady.now()
    wallMs += jumpMs + 40
    monotonicMs += 40
    assert.equal(steady.now() - beforeMs, 40)
    assert.equal(steady.monotonic(), monotonicMs)
  }
})

/** The time that all processes of the machine share. */
function machineTime(t: TestContext): (ms: number) => void {
  let nowMs = 0
  t.mock.method(process.hrtime, 'bigint', () => BigInt(Math.round((nowMs + timeOffsets.monotonicMs) * 1e6)))
  return (ms) => {
    nowMs = ms
  }
}

test('a coarse period runs at its whole multiples, so that all threads and processes wake together', (t) => {
  const timers = timersOfNode(t)
  const setTime = machineTime(t)
  let fired = 0
  setTime(1_234)
  const cancel = systemClock.every(500, () => fired++, { coarse: true })
  setTime(1_502)
  timers.fire()
  // A little early, and then late by more than a period.
  setTime(1_999)
  timers.fire()
  setTime(3_100)
  timers.fire()
  assert.equal(fired, 3)
  assert.deepEqual(timers.delaysMs, [266, 498, 501, 400])
  cancel()
  timers.fire()
  assert.equal(fired, 3)
})

test('a coarse period begins after half of it at the least', (t) => {
  const timers = timersOfNode(t)
  machineTime(t)(1_400)
  systemClock.every(500, () => undefined, { coarse: true })
  assert.deepEqual(timers.delaysMs, [600])
})

test('an action of a coarse period that throws is called again', (t) => {
  const timers = timersOfNode(t)
  machineTime(t)(1_000)
  const thrown = new Error('of the action')
  systemClock.every(
    500,
    () => {
      throw thrown
    },
    { coarse: true },
  )
  assert.throws(() => timers.fire(), thrown)
  assert.throws(() => timers.fire(), thrown)
})

test('a pause ends when its time is over, and when it is aborted, and never fails', async () => {
  const clock = new TestClock()
  const ending = new AbortController()
  let ended = 0
  const pauses = [undefined, ending.signal].map((signal) => pause(clock, 1_000, signal).then(() => ended++))
  ending.abort(new Error('enough'))
  await pauses[1]
  assert.equal(ended, 1)
  clock.advance(1_000)
  await pauses[0]
  await pause(clock, 1_000, ending.signal)
  assert.equal(ended, 2)
})
