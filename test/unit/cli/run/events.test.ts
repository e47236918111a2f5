import assert from 'node:assert/strict'
import test from 'node:test'
import { EventSender } from '../../../../src/cli/run/event-sender.ts'
import { plainEvent, plainValue } from '../../../../src/cli/run/plain-data.ts'
import type { RunEvent } from '../../../../src/run/types.ts'
import { ManualClock } from './support.ts'

function logged(message: string): RunEvent {
  return { type: 'log', record: { level: 'info', message, component: 'a', instance: 0, timeMs: 0 } }
}

test('events go in batches: what comes while one is on its way goes with the next', () => {
  const clock = new ManualClock()
  const sent: number[] = []
  let done = (): void => undefined
  const sender = new EventSender(clock, (events, _left, isDone) => {
    sent.push(events.length)
    done = isDone
  })
  sender.add(logged('1'))
  sender.add(logged('2'))
  clock.advance(0)
  for (let i = 0; i < 5; i++) sender.add(logged('more'))
  clock.advance(10)
  assert.deepEqual(sent, [2])
  done()
  done()
  sender.add(logged('last'))
  clock.advance(0)
  assert.deepEqual(sent, [2, 5, 1])
})

test('what a slow parent does not take is counted, not kept; what must be known is kept', () => {
  const clock = new ManualClock()
  const batches: { events: readonly RunEvent[]; left: number }[] = []
  let done = (): void => undefined
  const sender = new EventSender(clock, (events, left, isDone) => {
    batches.push({ events, left })
    done = isDone
  })
  sender.add(logged('first'))
  clock.advance(0)
  for (let i = 0; i < 60_000; i++) sender.add(logged('more'))
  sender.add({ type: 'draining', reason: 'request' })
  done()
  assert.equal(batches[1]?.events.length, 50_001)
  assert.equal(batches[1]?.left, 10_000)
  assert.equal(batches[1]?.events.at(-1)?.type, 'draining')
})

test('values of the user become JSON data', () => {
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  assert.deepEqual(plainValue({ a: 1n, b: new Map([['k', 1]]), c: new Set([1]), d: new Date(0) }), {
    a: '1',
    b: [['k', 1]],
    c: [1],
    d: '1970-01-01T00:00:00.000Z',
  })
  assert.equal(plainValue(undefined), null)
  assert.deepEqual(plainValue({ error: new TypeError('odd'), bytes: new Uint8Array(9) }), {
    error: {
      name: 'TypeError',
      message: 'odd',
    },
    bytes: 'Uint8Array of 9 bytes',
  })
  assert.match(String(plainValue(circular)), /Circular/)
  assert.ok(String(plainValue('x'.repeat(1e6))).length < 20_000)
  const event = plainEvent({
    type: 'rejected',
    record: {
      component: 'a',
      instance: 0,
      port: 'in',
      message: 5n,
      error: { name: 'E', message: '' },
      timeMs: 0,
    },
  })
  assert.equal((event as { record: { message: unknown } }).record.message, '5')
})
