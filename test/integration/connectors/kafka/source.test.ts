import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { hasCode } from '../../../support/error-code.ts'
import { eventually } from '../../../support/eventually.ts'
import {
  openSource,
  patient,
  produce,
  produceInTransactions,
  server,
  skip,
  startBroker,
  topicOf,
  withAdmin,
} from './broker.ts'

before(startBroker, { timeout: 180_000 })
after(() => server?.stop())

test('messages of all partitions, with key, headers and place', { skip }, async () => {
  const topic = await topicOf(3)
  await produce(
    topic,
    Array.from({ length: 30 }, (_, n) => ({ partition: n % 3, key: `k${n}`, value: `v${n}` })),
  )
  await produce(topic, [{ partition: 0, key: 'gone' }])
  const source = await openSource(topic)
  const all = await source.all()
  await source.close()
  assert.equal(all.length, 31)
  for (const partition of [0, 1, 2]) {
    const own = all.filter((message) => message.partition === partition)
    assert.deepEqual(
      own.map(({ offset }) => offset),
      Array.from(own.keys()),
    )
    assert.deepEqual(
      own.slice(0, 10).map(({ key, value }) => [key, value]),
      Array.from({ length: 10 }, (_, n) => [`k${n * 3 + partition}`, `v${n * 3 + partition}`]),
    )
  }
  const deleted = all.find(({ key }) => key === 'gone')
  assert.equal(deleted?.value, null)
  assert.ok(Math.abs(deleted.timeMs - Date.now()) < 60_000)
})

test(
  'what a producer has committed between two transactions that were taken back is given',
  { skip },
  async () => {
    const topic = await topicOf(1)
    await produceInTransactions(topic, [
      ['no', 'abort'],
      ['first', 'commit'],
      ['no', 'abort'],
      ['second', 'commit'],
      // The broker does not take it, so that there is nothing before the mark.
      ['no'.repeat(1024 * 1024), 'abort'],
      ['third', 'commit'],
    ])
    const source = await openSource<string>(topic, { sends: 'values' })
    assert.deepEqual(await source.all(), ['first', 'second', 'third'])
    await source.close()
  },
)

test('goes on from positions, wherever they were taken', { skip }, async () => {
  const topic = await topicOf(2)
  await produce(
    topic,
    Array.from({ length: 40 }, (_, n) => ({ partition: n % 2, value: `${n}` })),
  )
  for (const taken of [0, 1, 7, 20, 39, 40]) {
    const first = await openSource<string>(topic, { sends: 'values' })
    await first.until(taken, 3)
    const { positions } = first
    const before = [...first.messages]
    await first.close()
    const second = await openSource<string>(topic, { sends: 'values' }, { positions })
    const rest = await second.all()
    await second.close()
    const all = [...before, ...rest].map(Number).toSorted((a, b) => a - b)
    assert.deepEqual(
      all,
      Array.from({ length: 40 }, (_, n) => n),
      `after ${taken}`,
    )
  }
})

test('instances divide the partitions among them', { skip }, async () => {
  const topic = await topicOf(5)
  await produce(
    topic,
    Array.from({ length: 50 }, (_, n) => ({ partition: n % 5, value: `${n}` })),
  )
  const seen: number[] = []
  for (const instance of [0, 1, 2]) {
    const source = await openSource<string>(topic, { sends: 'values' }, { instance, instances: 3 })
    seen.push(...(await source.all()).map(Number))
    await source.close()
  }
  assert.deepEqual(
    seen.toSorted((a, b) => a - b),
    Array.from({ length: 50 }, (_, n) => n),
  )
})

test('what a transaction has taken back is not seen, and positions pass over it', { skip }, async () => {
  const topic = await topicOf(1)
  await produce(topic, [{ value: 'a' }], 'commit')
  await produce(topic, [{ value: 'no' }, { value: 'no' }], 'abort')
  await produce(topic, [{ value: 'b' }])
  await produce(topic, [{ value: 'no' }], 'abort')
  const source = await openSource<string>(topic, { sends: 'values' })
  assert.deepEqual(await source.all(), ['a', 'b'])
  const { positions } = source
  await source.close()
  await produce(topic, [{ value: 'c' }], 'commit')
  const next = await openSource<string>(topic, { sends: 'values' }, { positions })
  assert.deepEqual(await next.all(), ['c'])
  await next.close()
})

test(
  'an offset that is gone, or a topic that was made anew, is an error before anything runs',
  { skip },
  async () => {
    const topic = await topicOf(1)
    await produce(
      topic,
      Array.from({ length: 10 }, (_, n) => ({ value: `${n}` })),
    )
    const source = await openSource(topic)
    await source.until(3, 3)
    const { positions } = source
    await source.close()
    await withAdmin((admin) =>
      admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 6n }] }] }),
    )
    await assert.rejects(
      openSource(topic, {}, { positions }),
      hasCode('SOURCE_POSITION_LOST', 'begins with offset 6'),
    )
    await withAdmin(async (admin) => {
      await admin.deleteTopics({ topics: [topic] })
      await eventually('the topic is gone', async () => !(await admin.listTopics()).includes(topic))
      await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
    })
    await assert.rejects(openSource(topic, {}, { positions }), hasCode('SOURCE_POSITION_LOST', 'made anew'))
    await assert.rejects(
      openSource('nowhere', { retryMs: 0 }),
      hasCode('TARGET_UNFIT', 'there is no topic "nowhere"'),
    )
  },
)

test('follows, also across a kill of the broker', { skip, timeout: 180_000 }, async () => {
  const topic = await topicOf(1)
  await produce(topic, [{ value: '0' }])
  const source = await openSource<string>(topic, { sends: 'values', follow: true, ...patient })
  assert.deepEqual(await source.until(1), ['0'])
  const next = source.until(2)
  await server.kill()
  await server.run()
  await produce(topic, [{ value: '1' }])
  assert.deepEqual(await next, ['0', '1'])
  await source.close()
})
