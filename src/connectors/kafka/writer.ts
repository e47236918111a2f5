import type { Producer } from '@platformatic/kafka'
import { VertigoError } from '../../base/errors.ts'
import { type Clock, sleep } from '../../base/clock.ts'
import type { SinkBatch, SinkSnapshot } from '../../component/index.ts'
import { checkKnows, isThere } from '../servers/published.ts'
import { baseOptions, type KafkaPackage } from './client.ts'
import type { ServerConfig } from './config.ts'
import { kafkaError, type Use } from './errors.ts'
import { asBuffer } from '../servers/formats.ts'
import { describeTransaction, lastTransaction } from './coordinator.ts'
import { type Ending, LastEnding, type ProducerNumber, type TransactionState } from './last-ending.ts'
import type { LogReader } from './log-reader.ts'
import type { OpenTransaction, SnapshotsTopic } from './snapshots-topic.ts'
import { piecesOf, type StagedMessages } from './staged.ts'

type Transaction = Awaited<ReturnType<Producer['beginTransaction']>>

export interface WriterOptions {
  readonly package: KafkaPackage
  readonly server: ServerConfig
  readonly topic: string
  readonly transactionTimeoutMs: number
  readonly use: Use
  readonly clock: Clock
  /** For the topic of snapshots. */
  readonly reader: LogReader
  readonly snapshots: SnapshotsTopic
}

/** Of one request; far below what brokers take of one partition (1 MiB by default), as texts may grow on the way. */
const requestBytesMax = 512 * 1024

const shownEveryMs = 5

/** A producer that has a writer's transactional id, and what Kafka had of the writer then. */
interface Hold {
  readonly producer: Producer
  published: SinkSnapshot | undefined
}

/**
 * Publishes what one writer has staged, each snapshot in a transaction of its own.
 *
 * Kafka takes transactions from the last producer only that took the transactional id, so what this one has read when it took
 * that stays true for as long as its transactions are taken. After any error it takes the id again and reads again: whether the last
 * transaction was committed is not known then.
 */
export class TransactionalWriter {
  readonly #writer: string
  readonly #options: WriterOptions
  readonly #lastEnding = new LastEnding()
  #hold: Hold | undefined

  constructor(writer: string, options: WriterOptions) {
    this.#writer = writer
    this.#options = options
  }

  /** `known`: what was published for certain. */
  async published(known: SinkSnapshot | undefined): Promise<SinkSnapshot | undefined> {
    try {
      const { published } = await this.#take()
      checkKnows(published, known, this.#writer, this.#options.use)
      return published
    } catch (error) {
      await this.#drop()
      throw kafkaError(error, this.#options.use)
    }
  }

  async publish({ snapshot, staged }: SinkBatch<StagedMessages>): Promise<void> {
    const startMs = this.#options.clock.monotonic()
    try {
      const hold = this.#hold ?? (await this.#take())
      if (isThere(hold.published, snapshot, this.#writer, this.#options.use)) return
      await this.#write(hold.producer, snapshot, staged)
      hold.published = snapshot
    } catch (thrown) {
      await this.#drop()
      throw this.#explained(kafkaError(thrown, this.#options.use), startMs)
    }
  }

  async close(): Promise<void> {
    await this.#drop()
  }

  /** Whoever had the id is shut out by it, and his transaction taken back. */
  async #take(): Promise<Hold> {
    await this.#drop()
    const { package: loaded, server, use, transactionTimeoutMs, snapshots } = this.#options
    const { component } = use
    const coordinator = {
      package: loaded,
      server,
      component,
      transactionTimeoutMs,
      snapshots: snapshots.name,
    }
    this.#lastEnding.expect(await lastTransaction(coordinator, this.#id))
    const producer = new loaded.Producer({
      ...baseOptions(component, server),
      idempotent: true,
      transactionalId: this.#id,
      timeout: transactionTimeoutMs,
    })
    try {
      // The id is taken with the first transaction. Without a producer's number: it takes over whichever there was.
      const transaction = await producer.beginTransaction({ producerId: -1n, producerEpoch: -1 })
      await transaction.cancel()
      const hold = { producer, published: await this.#read(producer) }
      this.#hold = hold
      return hold
    } catch (error) {
      await closed(producer)
      throw error
    }
  }

  /** What Kafka has, after the id was taken. */
  async #read(producer: Producer): Promise<SinkSnapshot | undefined> {
    const { snapshots, reader, topic } = this.#options
    const { underWay, found } = await snapshots.search(reader, this.#writer)
    if (underWay === undefined) return found
    const own = { producerId: producer.producerId!, producerEpoch: producer.producerEpoch! }
    if (!(await this.#isLost(producer, own, underWay))) throw snapshots.fenced(this.#writer, underWay)
    const how = this.#lastEnding.of(underWay, own)
    if (how === undefined) throw snapshots.lost(this.#writer, underWay, topic)
    await this.#endAgain(producer, how)
    return snapshots.read(reader, this.#writer)
  }

  /** KA-4: the id is still ours, and nothing was begun since it was taken. */
  async #isLost(producer: Producer, own: ProducerNumber, open: OpenTransaction): Promise<boolean> {
    if (open.producerId !== own.producerId || open.producerEpoch === own.producerEpoch) return false
    const said = await this.#describe(producer)
    return (
      said?.transactionState === 'Empty' &&
      said.producerId === own.producerId &&
      said.producerEpoch === own.producerEpoch
    )
  }

  /** KA-4: a transaction of ours that ends also ends, in each of its partitions, what is open there of the same producer. */
  async #endAgain(producer: Producer, how: Ending): Promise<void> {
    const { topic, snapshots } = this.#options
    const metadata = await producer.metadata({ topics: [topic, snapshots.name] })
    const transaction = await producer.beginTransaction({ producerId: -1n, producerEpoch: -1 })
    const partitions = Array.from(metadata.topics, ([name, { partitionsCount }]) =>
      Array.from({ length: partitionsCount }, (_, partition) => ({ topic: name, partition })),
    )
    await transaction.addPartitions(metadata, partitions.flat() as never)
    await transaction[how]()
    await this.#shown(producer).catch(() => undefined)
  }

  async #describe(producer: Producer): Promise<TransactionState | undefined> {
    const node = producer.coordinatorId
    if (node === undefined) return undefined
    const connection = (await producer.connectToBrokers([node])).get(node)
    return connection === undefined
      ? undefined
      : describeTransaction(this.#options.package, connection, this.#id)
  }

  async #write(producer: Producer, snapshot: SinkSnapshot, staged: StagedMessages): Promise<void> {
    const { topic, snapshots } = this.#options
    const transaction = await producer.beginTransaction({ producerId: -1n, producerEpoch: -1 })
    for (const [from, to] of piecesOf(staged, requestBytesMax))
      await send(transaction, topic, staged, from, to)
    await transaction.send({ messages: [snapshots.message(this.#writer, snapshot)] })
    await transaction.commit()
    await this.#shown(producer).catch(() => undefined)
  }

  /**
   * The end is certain when Kafka has acknowledged it; it is to be seen when its marks are written, a few milliseconds later. Where
   * that cannot be asked (older brokers, no permission), it is not waited for.
   */
  async #shown(producer: Producer): Promise<void> {
    const { clock, server } = this.#options
    const endMs = clock.monotonic() + server.requestTimeoutMs
    const { signal } = new AbortController()
    while (clock.monotonic() < endMs) {
      const said = await this.#describe(producer)
      if (said === undefined || !said.transactionState.startsWith('Prepare')) return
      await sleep(clock, shownEveryMs, signal)
    }
  }

  get #id(): string {
    return `vertigo/${this.#writer}`
  }

  #explained(error: VertigoError, startMs: number): VertigoError {
    const { clock, transactionTimeoutMs, use } = this.#options
    const tookMs = clock.monotonic() - startMs
    if (error.code !== 'SINK_FENCED' || tookMs < transactionTimeoutMs) return error
    return new VertigoError(
      'SINK_TRANSACTION_EXPIRED',
      `${use.component}: a transaction for ${use.what} took ${Math.round(tookMs)} ms, and may take ${transactionTimeoutMs} (config field "transactionTimeoutMs").`,
      { cause: error, place: { component: use.component } },
    )
  }

  async #drop(): Promise<void> {
    const hold = this.#hold
    this.#hold = undefined
    if (hold !== undefined) await closed(hold.producer)
  }
}

export async function send(
  to: Pick<Transaction, 'send'>,
  topic: string,
  { keys, values, headers }: StagedMessages,
  from: number,
  end: number,
): Promise<void> {
  const messages = values.slice(from, end).map((value, index) => {
    const key = keys?.[from + index] ?? null
    const own = headers?.[from + index] ?? null
    return {
      topic,
      ...(value === null ? {} : { value: asBuffer(value) }),
      ...(key === null ? {} : { key: asBuffer(key) }),
      ...(own === null ? {} : { headers: asHeaders(own) }),
    }
  })
  await to.send({ messages })
}

function asHeaders(headers: Readonly<Record<string, string>>): Map<Buffer, Buffer> {
  return new Map(Object.entries(headers).map(([name, value]) => [Buffer.from(name), Buffer.from(value)]))
}

/** One that does not close well is of no use to anybody either. */
async function closed(producer: Producer): Promise<void> {
  await producer.close(true).catch(() => undefined)
}
