import assert from 'node:assert/strict'
import test from 'node:test'
import { VertigoError } from '../../../../src/base/errors.ts'
import { JsonView } from '../../../../src/cli/run/json-view.ts'
import { PlainView } from '../../../../src/cli/run/plain-view.ts'
import type { RunEvent } from '../../../../src/run/types.ts'
import { instance, ManualClock, statusOf } from './support.ts'

const started: RunEvent = {
  type: 'started',
  network: 'demo',
  workers: 2,
  instances: [{ component: 'a', instance: 0, worker: 1 }],
}
const logged: RunEvent = {
  type: 'log',
  record: { level: 'warn', message: 'low', details: { left: 3 }, component: 'a', instance: 0, timeMs: 7 },
}
const rejected: RunEvent = {
  type: 'rejected',
  record: {
    component: 'a',
    instance: 0,
    port: 'in',
    message: 5,
    timeMs: 7,
    error: {
      name: 'Error',
      message: 'odd',
    },
  },
}

test('plain lines: start, log, rejected, progress every 5 s, summary', () => {
  const clock = new ManualClock()
  let text = ''
  const view = new PlainView(clock, (more) => (text += more))
  view.event(started)
  view.event(logged)
  view.event(rejected)
  for (let i = 0; i <= 110; i++) {
    view.status(statusOf(instance('a', { sent: i * 100 }), instance('b', { received: i * 100 })))
    clock.advance(100)
  }
  const summary = { network: 'demo', durationMs: 11_000, rejected: 1, deadLetter: 'demo.dead-letter.jsonl' }
  view.finished({
    ...summary,
    metrics: [
      { component: 'a', name: 'hits', type: 'counter', value: 12_345, instances: [] },
      {
        component: 'b',
        name: 'wait_ms',
        type: 'histogram',
        count: 4,
        sum: 9,
        min: 1,
        max: 4,
        p50: 2,
        p90: 4,
        p99: 4,
      },
    ],
    instances: [instance('a', { sent: 11_000 }), instance('b', { received: 11_000, rejected: 1 })],
  })
  assert.equal(
    text,
    `demo: started with 1 instance on 2 workers
a[0] warn: low {"left":3}
a[0] rejected a message of in: odd
5.0 s | a 1.00k/s out | b 1.00k/s in
10.0 s | a 1.00k/s out | b 1.00k/s in
demo: finished in 11.0 s
  component  instances      in     out  rejected
  a                  1       -  11,000         -
  b                  1  11,000       -         1
  metric                                        value
  a hits                                       12,345
  b wait_ms  4 values, mean 2.25, p50 2, p99 4, max 4
1 message rejected: see demo.dead-letter.jsonl
`,
  )
})

test('JSON: one object a line, told apart by its type', () => {
  const clock = new ManualClock()
  const events: Record<string, unknown>[] = []
  const view = new JsonView(clock, (line) => events.push(JSON.parse(line) as Record<string, unknown>))
  view.event(started)
  view.event(logged)
  view.event(rejected)
  view.event({ type: 'draining', reason: 'request' })
  view.text('words')
  for (let i = 0; i <= 10; i++) {
    view.status(statusOf(instance('a', { sent: i * 100 })))
    clock.advance(100)
  }
  const cause = new Error('odd')
  view.failed(
    new VertigoError('COMPONENT_FAILED', 'a[0] failed: odd', { cause, place: { component: 'a[0]' } }),
    1,
  )
  assert.deepEqual(
    events.map(({ type }) => type),
    ['started', 'log', 'rejected', 'draining', 'text', 'progress', 'failed'],
  )
  assert.deepEqual(events[1], { type: 'log', ...(logged as { record: object }).record })
  const progress = events[5] as {
    elapsedMs: number
    components: { component: string; sentPerSecond: number }[]
  }
  assert.equal(progress.elapsedMs, 1000)
  assert.equal(progress.components[0]?.sentPerSecond, 1000)
  const failure = events[6] as { exitCode: number; error: Record<string, unknown> }
  assert.equal(failure.exitCode, 1)
  assert.equal(failure.error['code'], 'COMPONENT_FAILED')
  assert.deepEqual(failure.error['place'], { component: 'a[0]' })
  assert.equal('stack' in failure.error, false)
})
