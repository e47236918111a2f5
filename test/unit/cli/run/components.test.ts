import assert from 'node:assert/strict'
import test from 'node:test'
import { byComponent, RateMeter } from '../../../../src/cli/run/components.ts'
import { instance } from './support.ts'

test('instances of a component are taken together', () => {
  const sums = byComponent([
    instance('split[0]', { received: 5, sent: 9, queued: 2, isBlocked: true }),
    instance('count[0]', { received: 3 }),
    instance('split[1]', { received: 6, sent: 1, rejected: 4, isFinished: true }),
  ])
  assert.deepEqual(sums[0], {
    component: 'split',
    instances: 2,
    received: 11,
    sent: 10,
    queued: 2,
    rejected: 4,
    blocked: 1,
    finished: 1,
  })
  assert.equal(sums[1]?.component, 'count')
})

test('rates are those of the window', () => {
  const meter = new RateMeter(1000)
  assert.equal(meter.rates.length, 0)
  for (let i = 0; i <= 50; i++)
    meter.add(i * 100, [instance('a', { received: i * 10, sent: i < 30 ? i * 20 : 600 })])
  const [rates] = meter.rates
  assert.equal(rates?.receivedPerSecond, 100)
  assert.equal(rates?.sentPerSecond, 0, 'it has not sent for a while')
})

test('one sample makes no rate', () => {
  const meter = new RateMeter(1000)
  meter.add(0, [instance('a', { received: 1_000_000 })])
  assert.equal(meter.rates[0]?.receivedPerSecond, 0)
})
