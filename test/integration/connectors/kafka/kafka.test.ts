import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Admin, Producer } from '@platformatic/kafka'
import { provideKafka } from '../../../../scripts/servers/kafka.ts'
import { seededRandom } from '../../../../src/base/random.ts'
import type { SinkSnapshot, SourcePositions } from '../../../../src/component/index.ts'
import { type KafkaMessage, kafkaSink, kafkaSource } from '../../../../src/connectors/kafka/index.ts'
import { hasCode } from '../../../support/error-code.ts'
import { eventually } from '../../../support/eventually.ts'
import { KafkaServer } from '../../../support/kafka-server.ts'
import { OpenedSink, OpenedSource } from '../../../support/opened-kinds.ts'

const provided = await provideKafka()
const skip = 'missing' in provided ? provided.missing : false
let server: KafkaServer

before(
  async () => {
    if ('path' in provided) server = await KafkaServer.start(provided.path)
  },
  { timeout: 180_000 },
)
after(() => server?.stop())

const client = () => ({
  clientId: 'test',
  bootstrapBrokers: [server.bootstrap],
  retries: 20,
  retryDelay: 100,
})

async function withAdmin<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin(client())
  try {
    return await use(admin)
  } finally {
    await admin.close()
  }
}

let topics = 0

/** A topic of its own for each test. */
async function topicOf(partitions: number, configs: Record<string, string> = {}): Promise<string> {
  const name = `topic-${topics++}`
  const entries = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
  await withAdmin((admin) =>
    admin.createTopics({ topics: [name], partitions, replicas: 1, configs: entries }),
  )
  return name
}

type Told = { readonly partition?: number; readonly key?: string; readonly value?: string }

/** Outside of what is tested. With `end`, in a transaction that ends so. */
async function produce(topic: string, messages: readonly Told[], end?: 'commit' | 'abort'): Promise<void> {
  const producer = new Producer({ ...client(), idempotent: true })
  const buffers = messages.map(({ partition, key, value }) => ({
    topic,
    ...(partition === undefined ? {} : { partition }),
    ...(key === undefined ? {} : { key: Buffer.from(key) }),
    ...(value === undefined ? {} : { value: Buffer.from(value) }),
  }))
  try {
    if (end === undefined) await producer.send({ messages: buffers })
    else {
      const transaction = await producer.beginTransaction({ producerId: -1n, producerEpoch: -1 })
      await transaction.send({ messages: buffers })
      await transaction[end]()
    }
  } finally {
    await producer.close(true)
  }
}

function openSink(topic: string, config: object = {}, rest: object = {}): Promise<OpenedSink> {
  return OpenedSink.open(kafkaSink, { config: { brokers: [server.bootstrap], topic, ...config }, ...rest })
}

function openSource<T = KafkaMessage>(
  topic: string,
  config: object = {},
  rest: {
    readonly positions?: SourcePositions
    readonly instance?: number
    readonly instances?: number
  } = {},
): Promise<OpenedSource<T>> {
  return OpenedSource.open<T>(kafkaSource, {
    config: { brokers: [server.bootstrap], topic, follow: false, ...config },
    ...rest,
  })
}

/** What a reader of committed messages sees now. */
async function read(topic: string): Promise<readonly string[]> {
  const source = await openSource<string>(topic, { sends: 'values' })
  try {
    return [...(await source.all())]
  } finally {
    await source.close()
  }
}

/** A transaction is to be seen a moment after its commit is certain. */
async function shows(topic: string, expected: readonly string[]): Promise<void> {
  await eventually('all is to be seen', async () => (await read(topic)).length >= expected.length)
  assert.deepEqual((await read(topic)).toSorted(), expected.toSorted())
}

const at = (id: number, incarnation = 1): SinkSnapshot => ({ incarnation, id })

test('source: messages of all partitions, with key, headers and place', { skip }, async () => {
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

test('source: goes on from positions, wherever they were taken', { skip }, async () => {
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

test('source: instances divide the partitions among them', { skip }, async () => {
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

test(
  'source: what a transaction has taken back is not seen, and positions pass over it',
  { skip },
  async () => {
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
  },
)

test(
  'source: an offset that is gone, or a topic that was made anew, is an error before anything runs',
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

test('source: follows, also across a kill of the broker', { skip, timeout: 180_000 }, async () => {
  const topic = await topicOf(1)
  await produce(topic, [{ value: '0' }])
  const source = await openSource<string>(topic, { sends: 'values', follow: true })
  assert.deepEqual(await source.until(1), ['0'])
  const next = source.until(2)
  await server.kill()
  await server.run()
  await produce(topic, [{ value: '1' }])
  assert.deepEqual(await next, ['0', '1'])
  await source.close()
})

test('sink: messages and the snapshot are written in one transaction, and once', { skip }, async () => {
  const topic = await topicOf(2)
  const it = await openSink(topic, { key: 'word', headers: 'about' })
  assert.equal(await it.sink.recover('w/0'), undefined)
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
  assert.deepEqual(await it.sink.recover('w/0'), at(7))
  assert.equal(await it.sink.recover('w/1'), undefined)
  await it.close()
  // Another life.
  const again = await openSink(topic)
  assert.deepEqual(await again.sink.recover('w/0'), at(7))
  await again.sink.commit({ writer: 'w/0', snapshot: at(7), staged })
  await eventually('both are to be seen', async () => (await read(topic)).length === 2)
  await assert.rejects(
    async () => again.sink.commit({ writer: 'w/0', snapshot: at(8, 0), staged }),
    hasCode('SINK_AHEAD'),
  )
  await again.close()
})

test('sink: who was replaced is shut out, and nothing is there twice', { skip }, async () => {
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
        assert.ok(hasCode('SINK_FENCED')(error) || hasCode('SERVER_UNREACHABLE')(error), String(error))
        return false
      }
    }
    await Promise.all([
      eventually('the old one has', commit(old)),
      eventually('the young one has', commit(young)),
    ])
  }
  await shows(
    topic,
    Array.from({ length: 10 }, (_, n) => `${n + 1}`),
  )
  await Promise.all([old.close(), young.close()])
})

test(
  'sink: a transaction that takes too long is an error that says so, and nothing of it is seen',
  { skip, timeout: 120_000 },
  async () => {
    const topic = await topicOf(1)
    const it = await openSink(topic, { transactionTimeoutMs: 1_000, requestTimeoutMs: 20_000 })
    await it.send('late')
    const staged = await it.sink.prepare(at(1))
    await it.sink.recover('late')
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

test('sink: what does not fit is refused when it arrives', { skip }, async () => {
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

test(
  'sink: without snapshots messages are written in batches, and the rest at the end',
  { skip },
  async () => {
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
  },
)

test(
  'sink: a broker that is killed in the middle of commits, over and over, has each message once',
  { skip, timeout: 400_000 },
  async () => {
    const topic = await topicOf(2)
    let it = await openSink(topic)
    const total = 30
    let published = 0
    let kills = 0
    const ending = new AbortController()
    const killer = (async () => {
      const random = seededRandom(9)
      while (!ending.signal.aborted && kills < 4) {
        const next = published + 1 + random.int(5)
        await eventually('some more is published', () => ending.signal.aborted || published >= next, 120_000)
        await sleep(random.int(15))
        await server.kill()
        await server.run()
        kills++
      }
    })()
    try {
      for (let id = 1; id <= total; id++) {
        await it.send(`${id * 2}`, `${id * 2 + 1}`)
        const staged = await it.sink.prepare(at(id))
        const commit = async (): Promise<boolean> => {
          try {
            await it.sink.commit({ writer: 'killed', snapshot: at(id), staged })
            return true
          } catch (error) {
            assert.ok(hasCode('SERVER_UNREACHABLE')(error) || hasCode('SINK_FENCED')(error), String(error))
            return false
          }
        }
        await eventually(`snapshot ${id} is published`, commit, 120_000)
        published = id
        if (id % 10 === 0) {
          await it.close()
          it = await openSink(topic)
          assert.deepEqual(await it.sink.recover('killed'), at(id))
        }
      }
    } finally {
      ending.abort()
      await killer
    }
    await it.close()
    assert.ok(kills >= 2, `${kills} kills`)
    await shows(
      topic,
      Array.from({ length: total * 2 }, (_, n) => `${n + 2}`),
    )
  },
)
