import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MetricReader } from '../../../src/run/metrics.ts'
import { InstanceMetrics } from '../../../src/worker/metrics.ts'

function instances(count: number) {
  const reader = new MetricReader()
  const made = (record: Parameters<MetricReader['add']>[0]): void => reader.add(record)
  const all = Array.from(
    { length: count },
    (_, instance) => new InstanceMetrics({ component: 'count', instance }, made),
  )
  return { reader, all }
}

test('counters and gauges are summed over the instances, and told for each', () => {
  const { reader, all } = instances(2)
  for (const [i, metrics] of all.entries()) {
    const hits = metrics.counter('hits')
    hits.add()
    hits.add(i * 10)
    metrics.gauge('open').set(3 - i)
  }
  assert.deepEqual(reader.status(), [
    {
      component: 'count',
      name: 'hits',
      type: 'counter',
      value: 12,
      instances: [
        { instance: 0, value: 1 },
        { instance: 1, value: 11 },
      ],
    },
    {
      component: 'count',
      name: 'open',
      type: 'gauge',
      value: 5,
      instances: [
        { instance: 0, value: 3 },
        { instance: 1, value: 2 },
      ],
    },
  ])
})

test('quantiles of a histogram are those of all values, at most an eighth too high', () => {
  const { reader, all } = instances(3)
  const values = Array.from({ length: 3000 }, (_, i) => ((i * 7919) % 3000) / 10 + 0.05)
  for (const [i, value] of values.entries()) all[i % 3]!.histogram('wait_ms').record(value)
  const [status] = reader.status()
  assert.ok(status?.type === 'histogram')
  const sorted = values.toSorted((a, b) => a - b)
  assert.equal(status.count, values.length)
  assert.ok(Math.abs(status.sum - values.reduce((sum, value) => sum + value, 0)) < 1e-6)
  assert.equal(status.min, sorted[0])
  assert.equal(status.max, sorted.at(-1))
  for (const [part, given] of [
    [0.5, status.p50],
    [0.9, status.p90],
    [0.99, status.p99],
  ] as const) {
    const exact = sorted[Math.ceil(values.length * part) - 1]!
    assert.ok(given! >= exact && given! <= exact * 1.125, `p${part * 100} is ${given}, exactly ${exact}`)
  }
})

test('a histogram takes the least and the greatest numbers, and says nothing where it has none', () => {
  const { reader, all } = instances(1)
  const histogram = all[0]!.histogram('size')
  const empty = reader.status()[0]
  assert.ok(empty?.type === 'histogram')
  assert.equal(empty.count, 0)
  assert.equal(empty.p50, undefined)
  for (const value of [0, Number.MIN_VALUE, Number.MAX_VALUE]) histogram.record(value)
  const full = reader.status()[0]
  assert.ok(full?.type === 'histogram')
  assert.deepEqual([full.count, full.min, full.max, full.p99], [3, 0, Number.MAX_VALUE, Number.MAX_VALUE])
})

test('-0 is no more than 0 in a histogram', () => {
  const { reader, all } = instances(1)
  const histogram = all[0]!.histogram('wait_ms')
  for (let i = 0; i < 9; i++) histogram.record(Math.round(-0.2))
  histogram.record(5)
  const [status] = reader.status()
  assert.ok(status?.type === 'histogram')
  assert.ok(status.p50! < 0.001, `p50 is ${status.p50}`)
})

test('a metric that is there is given again; one of another type is refused', () => {
  const { all } = instances(1)
  const metrics = all[0]!
  assert.equal(metrics.counter('hits'), metrics.counter('hits'))
  assert.throws(() => metrics.gauge('hits'), {
    code: 'METRIC_INVALID',
    message: '"hits" is a counter already, and cannot be a gauge.',
  })
})

test('names and values that are none are refused', () => {
  const { all } = instances(1)
  const metrics = all[0]!
  for (const name of ['', '1st', 'a-b', 'a b', 'x'.repeat(101), 7, undefined])
    assert.throws(() => metrics.counter(name as string), { code: 'METRIC_INVALID' }, String(name))
  metrics.counter('x'.repeat(100))
  for (const value of [-1, NaN, Infinity, '1', Object.create(null), Symbol('n')])
    assert.throws(() => metrics.counter('n').add(value as number), { code: 'METRIC_INVALID' })
  for (const value of [-1, NaN, Infinity, '1'])
    assert.throws(
      () => metrics.histogram('h').record(value as number),
      { code: 'METRIC_INVALID' },
      String(value),
    )
  metrics.gauge('g').set(-1)
  for (const value of [NaN, Infinity, '1'])
    assert.throws(() => metrics.gauge('g').set(value as number), { code: 'METRIC_INVALID' }, String(value))
})

test('an instance has a hundred metrics at most', () => {
  const { all } = instances(2)
  for (let i = 0; i < 100; i++) all[0]!.counter(`c${i}`)
  assert.throws(() => all[0]!.counter('more'), {
    code: 'METRIC_LIMIT',
    message: /count\[0\] has 100 metrics/,
  })
  all[0]!.counter('c7').add()
  all[1]!.counter('more')
})
