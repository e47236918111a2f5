import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../../../src/base/random.ts'
import type { SinkSnapshot } from '../../../../src/component/index.ts'
import { baseOptions, loadKafka } from '../../../../src/connectors/kafka/client.ts'
import { LogReader } from '../../../../src/connectors/kafka/log-reader.ts'
import { SnapshotsTopic } from '../../../../src/connectors/kafka/snapshots-topic.ts'
import { kafkaSink } from '../../../../src/connectors/kafka/index.ts'
import { hasCode } from '../../../support/error-code.ts'
import { eventually, Hopeless } from '../../../support/eventually.ts'
import { OpenedSink } from '../../../support/opened-kinds.ts'
import { openSource, patient, read, server, shows, skip, startBroker, topicOf, withAdmin } from './broker.ts'

before(startBroker, { timeout: 180_000 })
after(() => server?.stop())

function openSink(topic: string, config: object = {}, rest: object = {}): Promise<OpenedSink> {
  return OpenedSink.open(kafkaSink, { config: { brokers: [server.bootstrap], topic, ...config }, ...rest })
}

/** In a condition: it is tried again, and told where time is over. */
function again(error: unknown): never {
  assert.ok(hasCode('SERVER_UNREACHABLE')(error) || hasCode('SINK_FENCED')(error), String(error))
  throw error
}

const at = (id: number, incarnation = 1): SinkSnapshot => ({ incarnation, id })

test('messages and the snapshot are written in one transaction, and once', { skip }, async () => {
  const topic = await topicOf(2)
  const it = await openSink(topic, { key: 'word', headers: 'about' })
  assert.equal(await it.sink.recover('w/0', undefined), undefined)
  await it.send({ word: 'a', count: 1, about: { from: 'test' } }, { word: 'b', count: 2 })
  const staged = await it.sink.prepare(at(7))
  assert.deepEqual(await read(topic), [])
  for (let times = 0; times < 3; times++) await it.sink.commit({ writer: 'w/0', snapshot: at(7), staged })
  await eventually('both are to be seen', async () => (await read(topic)).length >= 2)
  const source = await openSource(topic, { value: 'json' })
  const seen = [...(await source.all())].toSorted((a, b) => ((a.key as string) < (b.key as string) ? -1 : 1))
  await source.close()
  assert.deepEqual(
    seen.map(({ key, value, headers }) => ({ key, value, headers })),
    [
      { key: 'a', value: { word: 'a', count: 1, about: { from: 'test' } }, headers: { from: 'test' } },
      { key: 'b', value: { word: 'b', count: 2 }, headers: {} },
    ],
  )
  assert.deepEqual(await it.sink.recover('w/0', undefined), at(7))
  assert.equal(await it.sink.recover('w/1', undefined), undefined)
  await it.close()
  // Another life.
  const again = await openSink(topic)
  assert.deepEqual(await again.sink.recover('w/0', undefined), at(7))
  const lost = async (): Promise<unknown> => again.sink.recover('w/0', at(8))
  await assert.rejects(lost(), hasCode('SINK_TARGET_LOST', 'has snapshot 1/7'))
  await again.sink.commit({ writer: 'w/0', snapshot: at(7), staged })
  await eventually('both are to be seen', async () => (await read(topic)).length === 2)
  await assert.rejects(
    async () => again.sink.commit({ writer: 'w/0', snapshot: at(8, 0), staged }),
    hasCode('SINK_AHEAD'),
  )
  await again.close()
})

test('who was replaced is shut out, and nothing is there twice', { skip }, async () => {
  const topic = await topicOf(1)
  const [old, young] = [await openSink(topic), await openSink(topic)]
  const stage = async (id: number): Promise<unknown> => {
    await old.send(`${id}`)
    return old.sink.prepare(at(id))
  }
  for (let id = 1; id <= 10; id++) {
    const staged = await stage(id)
    const commit = (it: OpenedSink) => async (): Promise<boolean> => {
      try {
        await it.sink.commit({ writer: 'zombie', snapshot: at(id), staged })
        return true
      } catch (error) {
        return again(error)
      }
    }
    await Promise.all([
      eventually('the old one has', commit(old), 60_000),
      eventually('the young one has', commit(young), 60_000),
    ])
  }
  await shows(
    topic,
    Array.from({ length: 10 }, (_, n) => `${n + 1}`),
  )
  await Promise.all([old.close(), young.close()])
})

test(
  'KA-3: what somebody is writing who took the writer over meanwhile does not count as published',
  { skip },
  async (t) => {
    const use = { component: 'it', what: 'it' }
    const loaded = await loadKafka(use.component)
    const own = {
      brokers: [server.bootstrap],
      tls: false,
      requestTimeoutMs: 20_000,
      retryMs: 20_000,
    }
    const topic = new SnapshotsTopic('vertigo-snapshots', loaded, own, use)
    await topic.create()
    const reader = new LogReader(loaded, own, use)
    t.after(() => reader.close())
    const other = new loaded.Producer({
      ...baseOptions(use.component, own),
      idempotent: true,
      transactionalId: 'vertigo/raced',
    })
    t.after(() => other.close(true))
    const write = async (id: number) => {
      const transaction = await other.beginTransaction({ producerId: -1n, producerEpoch: -1 })
      await transaction.send({ messages: [topic.message('raced', at(id))] })
      return transaction
    }
    await (await write(1)).commit()
    assert.deepEqual(await topic.read(reader, 'raced'), at(1))
    const underWay = await write(2)
    await assert.rejects(topic.read(reader, 'raced'), hasCode('SINK_FENCED', 'has taken over'))
    // It does not matter to others.
    assert.equal(await topic.read(reader, 'nobody'), undefined)
    await underWay.abort()
    assert.deepEqual(await topic.read(reader, 'raced'), at(1))
  },
)

test(
  'a transaction that takes too long is an error that says so, and nothing of it is seen',
  { skip, timeout: 120_000 },
  async () => {
    const topic = await topicOf(1)
    const it = await openSink(topic, { transactionTimeoutMs: 1_000, requestTimeoutMs: 20_000 })
    await it.send('late')
    const staged = await it.sink.prepare(at(1))
    await it.sink.recover('late', undefined)
    // The broker stands still in the middle of it, and takes it back when it goes on.
    const committed = it.sink.commit({ writer: 'late', snapshot: at(1), staged }) as Promise<void>
    const outcome = committed.then(
      () => 'written',
      (error: unknown) => error,
    )
    server.pause()
    await sleep(3_000)
    server.resume()
    const result = await outcome
    if (result !== 'written') {
      assert.ok(
        hasCode('SINK_TRANSACTION_EXPIRED')(result) ||
          hasCode('SERVER_UNREACHABLE')(result) ||
          hasCode('SINK_FENCED')(result),
        String(result),
      )
      await eventually('it is written when it is tried again', async () => {
        try {
          await it.sink.commit({ writer: 'late', snapshot: at(1), staged })
          return true
        } catch {
          return false
        }
      })
    }
    await shows(topic, ['late'])
    await it.close()
  },
)

test('what does not fit is refused when it arrives', { skip }, async () => {
  const topic = await topicOf(1)
  const it = await openSink(topic, { key: 'id', value: 'text', messageBytesMax: 100 })
  await assert.rejects(it.send('text'), hasCode('MESSAGE_UNFIT', 'is no record'))
  await assert.rejects(it.send({ id: 1 }), hasCode('MESSAGE_UNFIT', 'lacks the field "text"'))
  await assert.rejects(it.send({ id: 1, text: 'x'.repeat(101) }), hasCode('MESSAGE_UNFIT', 'has 102 bytes'))
  await it.send({ id: 1, text: null }, { id: 2, text: new Uint8Array([1, 2]) })
  const staged = await it.sink.prepare(at(1))
  await it.sink.commit({ writer: 'fit', snapshot: at(1), staged })
  await it.close()
  await eventually('both are to be seen', async () => (await read(topic)).length === 2)
  const source = await openSource(topic, { value: 'bytes' })
  assert.deepEqual(
    (await source.all()).map(({ key, value }) => [key, value]),
    [
      ['1', null],
      ['2', new Uint8Array([1, 2])],
    ],
  )
  await source.close()
  await withAdmin((admin) =>
    admin.createTopics({
      topics: ['forgets'],
      partitions: 1,
      replicas: 1,
      configs: [{ name: 'cleanup.policy', value: 'delete' }],
    }),
  )
  await assert.rejects(
    openSink(topic, { snapshotsTopic: 'forgets' }),
    hasCode('TARGET_UNFIT', 'would forget'),
  )
  await assert.rejects(openSink('nowhere'), hasCode('TARGET_UNFIT', 'there is no topic'))
})

test('without snapshots messages are written in batches, and the rest at the end', { skip }, async () => {
  const topic = await topicOf(1)
  const it = await openSink(topic, { batchMessages: 10, flushMs: 20 }, { publishes: 'at-once' })
  await it.send('0')
  await eventually('a message that waits is written', async () => (await read(topic)).length === 1)
  for (let n = 1; n < 25; n++) await it.send(`${n}`)
  await it.drain()
  await it.close()
  assert.deepEqual(
    await read(topic),
    Array.from({ length: 25 }, (_, n) => `${n}`),
  )
})

test(
  'a broker that is killed in the middle of commits, over and over, has each message once',
  { skip, timeout: 400_000 },
  async () => {
    const topic = await topicOf(2)
    let it = await openSink(topic, patient)
    const total = 30
    let published = 0
    let kills = 0
    const ending = new AbortController()
    let failure: Error | undefined
    const kill = async (): Promise<void> => {
      const random = seededRandom(9)
      while (!ending.signal.aborted && kills < 4) {
        const next = published + 1 + random.int(5)
        await eventually('some more is published', () => ending.signal.aborted || published >= next, 120_000)
        await sleep(random.int(15))
        await server.kill()
        await server.run()
        kills++
      }
    }
    // Without a broker nothing comes any more.
    const killer = kill().catch((error: unknown) => {
      failure = new Hopeless('the broker does not come again', { cause: error })
    })
    try {
      for (let id = 1; id <= total; id++) {
        await it.send(`${id * 2}`, `${id * 2 + 1}`)
        const staged = await it.sink.prepare(at(id))
        const commit = async (): Promise<boolean> => {
          if (failure !== undefined) throw failure
          try {
            await it.sink.commit({ writer: 'killed', snapshot: at(id), staged })
            return true
          } catch (error) {
            return again(error)
          }
        }
        await eventually(`snapshot ${id} is published`, commit, 120_000)
        published = id
        if (id % 10 === 0) {
          await it.close()
          it = await openSink(topic, patient)
          assert.deepEqual(await it.sink.recover('killed', undefined), at(id))
        }
      }
    } finally {
      ending.abort()
      await killer
    }
    await it.close()
    assert.ifError(failure)
    assert.ok(kills >= 2, `${kills} kills`)
    await shows(
      topic,
      Array.from({ length: total * 2 }, (_, n) => `${n + 2}`),
    )
  },
)
