/**
 * The topic that says which snapshot of each writer Kafka has: a message with the writer as its key is written in the transaction that
 * writes the snapshot's messages.
 *
 * - KA-1 A writer's messages of a snapshot are committed if, and only if, the last committed message here with its key has that
 *   snapshot or a later one.
 * - KA-2 It is read after the writer's transactional id was taken over: by then each transaction of whoever had it has ended, one way or
 *   the other, and no new one of his is taken.
 *
 * A topic of its own, which keeps the last message of each key, and no consumer group: the offsets of a group expire (after seven days
 * by default), and what is published would be published again.
 */
import { VertigoError } from '../../base/errors.ts'
import type { SinkSnapshot } from '../../component/index.ts'
import { inTransaction, markerOf, type RawBatch } from './batches.ts'
import { baseOptions, type KafkaPackage } from './client.ts'
import type { ServerConfig } from './config.ts'
import { kafkaError, saysOf, type Use } from './errors.ts'
import { asBuffer } from '../servers/formats.ts'
import type { LogReader } from './log-reader.ts'

const partition = 0
const maxWaitMs = 200
const fetchBytes = 4 * 1024 * 1024

/** Small segments: what is written over and over is soon made one. */
const topicConfig = {
  'cleanup.policy': 'compact',
  'segment.bytes': String(1024 * 1024),
  'segment.ms': String(60 * 60 * 1000),
  'min.cleanable.dirty.ratio': '0.1',
}

export class SnapshotsTopic {
  readonly name: string
  readonly #package: KafkaPackage
  readonly #server: ServerConfig
  readonly #use: Use

  constructor(name: string, loaded: KafkaPackage, server: ServerConfig, use: Use) {
    this.name = name
    this.#package = loaded
    this.#server = server
    this.#use = { ...use, what: `the topic "${name}"` }
  }

  /** Makes the topic where it is missing. Errors: TARGET_UNFIT where it does not keep what it is given. */
  async create(): Promise<void> {
    const admin = new this.#package.Admin(baseOptions(this.#use.component, this.#server))
    try {
      await admin.createTopics({
        topics: [this.name],
        partitions: 1,
        replicas: -1,
        configs: Object.entries(topicConfig).map(([name, value]) => ({ name, value })),
      })
    } catch (error) {
      if (!saysOf(error, 'TOPIC_ALREADY_EXISTS')) throw kafkaError(error, this.#use)
      await this.#check(admin)
    } finally {
      await admin.close()
    }
  }

  async #check(admin: InstanceType<KafkaPackage['Admin']>): Promise<void> {
    const { ConfigResourceTypes } = this.#package
    const found = await admin
      .describeConfigs({
        resources: [
          {
            resourceType: ConfigResourceTypes.TOPIC,
            resourceName: this.name,
            configurationKeys: ['cleanup.policy'],
          },
        ],
      })
      .catch((error: unknown) => {
        throw kafkaError(error, this.#use)
      })
    const policy = found[0]?.configs.find(({ name }) => name === 'cleanup.policy')?.value
    if (policy === 'compact') return
    const { component } = this.#use
    throw new VertigoError(
      'TARGET_UNFIT',
      `${component}: the topic "${this.name}" has the clean-up policy ${String(policy)}, and would forget what is published.`,
      {
        place: { component },
        remedy: 'Set its `cleanup.policy` to `compact`, or name another topic in `snapshotsTopic`.',
      },
    )
  }

  message(writer: string, snapshot: SinkSnapshot) {
    return {
      topic: this.name,
      partition,
      key: Buffer.from(writer),
      value: Buffer.from(JSON.stringify(snapshot)),
    }
  }

  /** After the writer's transactional id was taken over. */
  async read(reader: LogReader, writer: string): Promise<SinkSnapshot | undefined> {
    const info = await reader.topic(this.name, true)
    const [first] = await reader.offsets(this.name, 'first')
    const [end] = await reader.offsets(this.name, 'end')
    const search = new Search(writer)
    for (let offset = first ?? 0n; offset < (end ?? 0n);) {
      // Also of transactions of others that are under way: they do not matter here, and may take their time.
      const [piece] = await reader.fetch({
        node: info.leaders[partition]!,
        topicId: info.id,
        offsets: new Map([[partition, offset]]),
        maxWaitMs,
        partitionBytesMax: fetchBytes,
        committedOnly: false,
      })
      const last = piece?.batches.at(-1)
      if (last === undefined) continue
      for (const batch of piece!.batches) search.see(batch)
      offset = last.firstOffset + BigInt(last.lastOffsetDelta) + 1n
    }
    return search.found
  }
}

/** The last snapshot of a writer in what it is shown, in the order of the log. */
export class Search {
  readonly #writer: Buffer
  #committed: SinkSnapshot | undefined
  /** In transactions whose end was not seen yet, by their producers. */
  readonly #open = new Map<bigint, SinkSnapshot>()

  constructor(writer: string) {
    this.#writer = Buffer.from(writer)
  }

  see(batch: RawBatch): void {
    const marker = markerOf(batch)
    if (marker !== undefined) {
      if (marker === 'commit') this.#committed = this.#open.get(batch.producerId) ?? this.#committed
      this.#open.delete(batch.producerId)
      return
    }
    for (const { key, value } of batch.records) {
      if (key === null || key === undefined || value === null || value === undefined) continue
      if (!this.#writer.equals(key)) continue
      const snapshot = JSON.parse(asBuffer(value).toString('utf8')) as SinkSnapshot
      if (inTransaction(batch)) this.#open.set(batch.producerId, snapshot)
      else this.#committed = snapshot
    }
  }

  /**
   * Where the end of a transaction is not there, it was committed: by KA-2 each has ended, and Kafka removes the mark of an aborted
   * one together with what that had written, never before.
   */
  get found(): SinkSnapshot | undefined {
    return [...this.#open.values()].at(-1) ?? this.#committed
  }
}
