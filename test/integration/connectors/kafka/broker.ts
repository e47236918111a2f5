import assert from 'node:assert/strict'
import { Admin, Producer } from '@platformatic/kafka'
import { provideKafka } from '../../../../scripts/servers/kafka.ts'
import type { SourcePositions } from '../../../../src/component/index.ts'
import { type KafkaMessage, kafkaSource } from '../../../../src/connectors/kafka/index.ts'
import { eventually } from '../../../support/eventually.ts'
import { clientOf, KafkaServer } from '../../../support/kafka-server.ts'
import { OpenedSource } from '../../../support/opened-kinds.ts'

/** The broker of a test file, and what is done with it apart from what is tested. */

const provided = await provideKafka()
export const skip = 'missing' in provided ? provided.missing : false
export let server: KafkaServer

/** For `before`. */
export const startBroker = (): Promise<void> => startBrokerWith({})

export async function startBrokerWith(settings: Readonly<Record<string, string>>): Promise<void> {
  if ('path' in provided) server = await KafkaServer.start(provided.path, settings)
}

/** Where the broker is killed: as long as it may take to come again on a busy machine. */
export const patient = { retryMs: 120_000 }

export async function withAdmin<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin(clientOf(server.bootstrap))
  try {
    return await use(admin)
  } finally {
    await admin.close()
  }
}

let topics = 0

/** A topic of its own for each test. */
export async function topicOf(partitions: number, configs: Record<string, string> = {}): Promise<string> {
  const name = `topic-${topics++}`
  const entries = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
  await withAdmin(async (admin) => {
    await admin.createTopics({ topics: [name], partitions, replicas: 1, configs: entries })
    // The controller has it; the broker hears of it a moment later.
    await eventually('the broker has the topic', () =>
      admin.metadata({ topics: [name], forceUpdate: true, retries: 0 }),
    )
  })
  return name
}

export type Told = { readonly partition?: number; readonly key?: string; readonly value?: string }

/** Outside of what is tested. With `end`, in a transaction that ends so. */
export async function produce(
  topic: string,
  messages: readonly Told[],
  end?: 'commit' | 'abort',
): Promise<void> {
  const producer = new Producer({ ...clientOf(server.bootstrap), idempotent: true })
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

/** Under one id, one transaction after the other, to partition 0; in one that is aborted, the broker may refuse the text. */
export async function produceInTransactions(
  topic: string,
  transactions: readonly (readonly [text: string, end: 'commit' | 'abort'])[],
): Promise<void> {
  for (const [text, end] of transactions) {
    const producer = new Producer({
      ...clientOf(server.bootstrap),
      idempotent: true,
      transactionalId: `to-${topic}`,
    })
    try {
      const transaction = await producer.beginTransaction({ producerId: -1n, producerEpoch: -1 })
      const sent = transaction.send({ messages: [{ topic, partition: 0, value: Buffer.from(text) }] })
      await (end === 'abort' ? sent.catch(() => undefined) : sent)
      await transaction[end]()
    } finally {
      await producer.close(true)
    }
  }
}

export function openSource<T = KafkaMessage>(
  topic: string,
  config: object = {},
  rest: {
    readonly positions?: SourcePositions
    readonly instance?: number
    readonly instances?: number
    readonly logged?: (text: string) => void
  } = {},
): Promise<OpenedSource<T>> {
  return OpenedSource.open<T>(kafkaSource, {
    config: { brokers: [server.bootstrap], topic, follow: false, ...config },
    ...rest,
  })
}

/** What a reader of committed messages sees now. */
export async function read(topic: string): Promise<readonly string[]> {
  const source = await openSource<string>(topic, { sends: 'values' })
  try {
    return [...(await source.all())]
  } finally {
    await source.close()
  }
}

/** A transaction is to be seen a moment after its commit is certain. */
export async function shows(topic: string, expected: readonly string[]): Promise<void> {
  await eventually('all is to be seen', async () => (await read(topic)).length >= expected.length)
  assert.deepEqual((await read(topic)).toSorted(), expected.toSorted())
}
