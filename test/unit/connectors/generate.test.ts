import assert from 'node:assert/strict'
import test from 'node:test'
import { generator, interval, recordGenerator } from '../../../src/connectors/index.ts'
import { ManualClock, RunningSource, configFaults, settle, within } from './support.ts'

test('generator: the numbers of a sequence', async () => {
  const all = async (config: Readonly<Record<string, unknown>>): Promise<unknown[]> =>
    (await RunningSource.open(generator, { config })).all(3)
  assert.deepEqual(await all({ count: 5 }), [0, 1, 2, 3, 4])
  assert.deepEqual(await all({ count: 3, from: 10, step: -5 }), [10, 5, 0])
  assert.deepEqual(await all({ count: 0 }), [])
})

test('generator: instances share the sequence out', async () => {
  for (const instances of [1, 2, 3, 7]) {
    const shares = await Promise.all(
      Array.from({ length: instances }, async (_, instance) =>
        (await RunningSource.open(generator, { config: { count: 10 }, instance, instances })).all(2),
      ),
    )
    assert.deepEqual(
      (shares.flat() as number[]).toSorted((a, b) => a - b),
      Array.from({ length: 10 }, (_, n) => n),
    )
  }
})

test('generator: without a count it goes on', async () => {
  const source = await RunningSource.open(generator, {})
  for (let n = 0; n < 10; n++) assert.equal(await source.poll(1000), 'more')
  assert.equal(source.output.messages.length, 10_000)
})

test('generator: a rate is kept', async () => {
  const clock = new ManualClock()
  const source = await RunningSource.open(generator, { config: { count: 100, rate: 10 }, clock })
  const end = source.until(() => false)
  for (let tenths = 0; tenths < 25; tenths++) {
    await settle()
    clock.advance(100)
  }
  await settle()
  assert.equal(source.output.messages.length, 26)
  await source.close()
  await within(end, 'the end')
  assert.equal(clock.timers, 0)
})

test('record-generator: fills the template in', async () => {
  const record = { id: '{n}', name: 'user-{n}-{n}', fixed: true, tags: ['{n}', { deep: 'x{n}' }] }
  const source = await RunningSource.open(recordGenerator, { config: { count: 2, from: 5, record } })
  assert.deepEqual(await source.all(), [
    { id: 5, name: 'user-5-5', fixed: true, tags: [5, { deep: 'x5' }] },
    { id: 6, name: 'user-6-6', fixed: true, tags: [6, { deep: 'x6' }] },
  ])
})

test('interval: ticks by its clock, without drift, and leaves out what it could not send', async () => {
  const clock = new ManualClock()
  const source = await RunningSource.open(interval, { config: { periodMs: 100, count: 3 }, clock })
  const first = source.poll()
  assert.deepEqual(source.output.messages, [])
  clock.advance(100)
  assert.equal(await within(Promise.resolve(first), 'the first tick'), 'more')
  assert.equal(source.poll(), 'more')
  assert.deepEqual(source.output.messages, [{ n: 0, timeMs: 1_000_100 }])
  // 350 ms without room: of the ticks at 200, 300 and 400, one is late and the others are left out.
  clock.advance(350)
  assert.equal(source.poll(), 'more')
  assert.deepEqual(source.output.messages.at(-1), { n: 1, timeMs: 1_000_450 })
  const third = source.poll()
  assert.notEqual(third, 'more')
  clock.advance(50)
  await within(Promise.resolve(third), 'the third tick')
  assert.equal(source.poll(), 'done')
  assert.deepEqual(source.output.messages.at(-1), { n: 2, timeMs: 1_000_500 })
})

test('interval: an abort ends the wait', async () => {
  const clock = new ManualClock()
  const abort = new AbortController()
  const source = await RunningSource.open(interval, {
    config: { periodMs: 100 },
    clock,
    signal: abort.signal,
  })
  const end = source.until(() => false)
  abort.abort()
  await within(end, 'the end')
  assert.equal(clock.timers, 0)
})

test('faults of the configuration name the field', async () => {
  assert.deepEqual(await configFaults(interval, {}), ['periodMs: is missing'])
  assert.deepEqual(await configFaults(interval, { periodMs: 0 }), [
    'periodMs: must be a whole number from 1 to 2147483647',
  ])
  assert.deepEqual(await configFaults(generator, { rate: 0, cuont: 3 }), [
    'rate: must be a number above 0',
    'cuont: is not a field of this kind. Did you mean "count"?',
  ])
  assert.deepEqual(await configFaults(recordGenerator, {}), ['record: is missing'])
})
