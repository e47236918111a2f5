import assert from 'node:assert/strict'
import test from 'node:test'
import { generator, interval, recordGenerator } from '../../../src/connectors/index.ts'
import { testSource } from '../../../src/testkit/index.ts'
import { configFaults, within } from './support.ts'

test('generator: the numbers of a sequence', async () => {
  const all = async (config: { count: number; from?: number; step?: number }): Promise<readonly unknown[]> =>
    (await (await testSource(generator, { config })).rest()).out
  assert.deepEqual(await all({ count: 5 }), [0, 1, 2, 3, 4])
  assert.deepEqual(await all({ count: 3, from: 10, step: -5 }), [10, 5, 0])
  assert.deepEqual(await all({ count: 0 }), [])
})

test('generator: instances share the sequence out', async () => {
  for (const instances of [1, 2, 3, 7]) {
    const shares = await Promise.all(
      Array.from({ length: instances }, async (_, instance) => {
        const source = await testSource(generator, { config: { count: 10 }, instance, instances })
        return (await source.rest()).out
      }),
    )
    assert.deepEqual(
      shares.flat().toSorted((x, y) => x - y),
      Array.from({ length: 10 }, (_, n) => n),
    )
  }
})

test('generator: without a count it goes on, and no further than is taken', async () => {
  const source = await testSource(generator)
  const taken = await source.take(5_000)
  assert.deepEqual([taken.length, taken.at(-1)], [5_000, 4_999])
  assert.equal(source.isFinished, false)
  assert.ok(source.emitted < 6_000, `it ran ahead: ${source.emitted}`)
  await source.close()
})

test('generator: a rate is kept', async () => {
  const source = await testSource(generator, { config: { count: 100, rate: 10 } })
  await source.release('out', 100)
  await source.advance(2500)
  assert.equal(source.outputs.out.length, 26)
  await source.close()
  assert.equal(source.clock.nextDueMs, undefined)
})

test('record-generator: fills the template in', async () => {
  const record = { id: '{n}', name: 'user-{n}-{n}', fixed: true, tags: ['{n}', { deep: 'x{n}' }] }
  const source = await testSource(recordGenerator, { config: { count: 2, from: 5, record } })
  assert.deepEqual((await source.rest()).out, [
    { id: 5, name: 'user-5-5', fixed: true, tags: [5, { deep: 'x5' }] },
    { id: 6, name: 'user-6-6', fixed: true, tags: [6, { deep: 'x6' }] },
  ])
})

test('interval: a tick for each period on the engine, and an end', async () => {
  const source = await testSource(interval, { config: { periodMs: 100, count: 3 }, startMs: 1_000_000 })
  await source.release('out', 3)
  await source.advance(99)
  assert.deepEqual(source.outputs.out, [])
  await source.advance(201)
  // The two clocks of a machine are never quite at one, nor are those of the test kit.
  assert.deepEqual(
    source.outputs.out.map(({ n, timeMs }) => ({ n, timeMs: Math.round(timeMs) })),
    [
      { n: 0, timeMs: 1_000_100 },
      { n: 1, timeMs: 1_000_200 },
      { n: 2, timeMs: 1_000_300 },
    ],
  )
  await source.settle()
  assert.ok(source.isFinished)
  await source.close()
})

test('interval: without drift, and leaves out what it could not send', async () => {
  const config = { periodMs: 100, count: 4 }
  const source = await testSource(interval, { config, startMs: 1_000_000 })
  const ticks = (): unknown => source.outputs.out.map(({ n, timeMs }) => [n, Math.round(timeMs)])
  await source.advance(200)
  assert.deepEqual([source.emitted, ticks()], [2, []])
  // 350 ms without room: of the ticks at 300, 400 and 500, one is late and the others are left out.
  await source.advance(350)
  assert.equal(source.emitted, 2)
  await source.release('out', 4)
  await source.advance(49)
  assert.equal(source.emitted, 3)
  await source.advance(2)
  assert.deepEqual(ticks(), [
    [0, 1_000_100],
    [1, 1_000_200],
    [2, 1_000_550],
    [3, 1_000_600],
  ])
  await source.close()
})

test('interval: a drain ends the wait', async () => {
  const source = await testSource(interval, { config: { periodMs: 100 } })
  await source.settle()
  assert.deepEqual(await within(source.end(), 'the end'), { out: [] })
  assert.equal(source.clock.nextDueMs, undefined)
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
