import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { ComponentRates } from '../../../../src/cli/run/components.ts'
import { type Frame, frameLines } from '../../../../src/cli/run/live-frame.ts'

function component(name: string, fields: Partial<ComponentRates> = {}): ComponentRates {
  const counts = { received: 0, sent: 0, queued: 0, rejected: 0, blocked: 0, finished: 0 }
  return { component: name, instances: 1, ...counts, receivedPerSecond: 0, sentPerSecond: 0, ...fields }
}

const frame: Frame = {
  network: 'word-count',
  elapsedMs: 12_400,
  phase: 'running',
  workers: 2,
  memoryBytes: 100 * 1024 * 1024,
  components: [
    component('lines', { sent: 9, sentPerSecond: 812_345 }),
    component('split', {
      instances: 4,
      received: 9,
      sent: 9,
      receivedPerSecond: 812_345,
      sentPerSecond: 3_141_592,
      queued: 2048,
      blocked: 1,
    }),
    component('count', { received: 9, receivedPerSecond: 3_141_592, queued: 1020, instances: 1, blocked: 1 }),
    component('result', { received: 7, receivedPerSecond: 1, finished: 1 }),
  ],
}

test('the frame tells rates, queues, instances and who is blocked', () => {
  assert.deepEqual(frameLines(frame, { columns: 80, rows: 24, color: false }), [
    'word-count: running  12.4 s  2 workers  100 MiB  Ctrl-C drains',
    'component  inst     in/s    out/s queue',
    'lines         1        -     812k ░░░░░░░░░░',
    'split         4     812k    3.14M █████░░░░░ 1/4 blocked',
    'count         1    3.14M        - ██████████ blocked',
    'result        1        1        - ░░░░░░░░░░ done',
  ])
})

test('of a narrow terminal the least important columns are left out', () => {
  assert.deepEqual(frameLines(frame, { columns: 40, rows: 24, color: false }), [
    'word-count: running  Ctrl-C drains',
    'component     in/s    out/s',
    'lines            -     812k',
    'split         812k    3.14M 1/4 blocked',
    'count        3.14M        - blocked',
    'result           1        - done',
  ])
  assert.deepEqual(frameLines(frame, { columns: 24, rows: 24, color: false })[2], 'lines        -     812k')
})

test('while it is loaded there is a title only', () => {
  const loading: Frame = { ...frame, phase: 'loading', elapsedMs: undefined, memoryBytes: 0, components: [] }
  assert.deepEqual(frameLines(loading, { columns: 80, rows: 24, color: false }), [
    'word-count: loading  Ctrl-C stops',
  ])
})

test('no frame is larger than its terminal', () => {
  const sizes = fc.record({
    columns: fc.integer({ min: 10, max: 200 }),
    rows: fc.integer({ min: 6, max: 60 }),
  })
  const names = fc.array(fc.stringMatching(/^[a-z/-]{1,60}$/), { maxLength: 80 })
  fc.assert(
    fc.property(sizes, names, fc.integer({ min: 0, max: 2e9 }), ({ columns, rows }, components, rate) => {
      const many = {
        ...frame,
        components: components.map((name) =>
          component(name, { received: 1, receivedPerSecond: rate, blocked: 1 }),
        ),
      }
      const lines = frameLines(many, { columns, rows, color: false })
      assert.ok(lines.length < rows, `${lines.length} of ${rows} rows`)
      for (const line of lines)
        assert.ok(line.length < columns, `${line.length} of ${columns} columns: ${line}`)
    }),
  )
})

test('what does not fit is counted', () => {
  const many = { ...frame, components: Array.from({ length: 40 }, (_, i) => component(`c${i}`)) }
  const lines = frameLines(many, { columns: 80, rows: 12, color: false })
  assert.equal(lines.at(-1), '  … and 32 more')
})
