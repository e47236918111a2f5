/**
 * The topic that says which snapshot of each writer Kafka has: a message with the writer as its key is written in the transaction that
 * writes the snapshot's messages.
 *
 * - KA-1 A writer's messages of a snapshot are committed if, and only if, the last committed message here with its key has that
 *   snapshot or a later one.
 * - KA-2 It is read after the writer's transactional id was taken over: by then each transaction of whoever had it has ended, one way or
 *   the other, and no new one of his is taken.
 * - KA-3 Whoever takes it over meanwhile may have a transaction under way, of which nobody knows how it will end: then the writer has to
 *   take it over again, and to read again.
 * - KA-4 Where nobody else has taken it over and a transaction is open here all the same, its coordinator has ended it, and a broker has lost
 *   the mark: nothing ends it any more, whoever writes next would take it along, and readers of committed messages wait. So the
 *   writer ends it again, in the way in which it ended (`LastEnding`); where that is not known, people have to
 *   (`SINK_TRANSACTION_LOST`). Kafka 4.3 does so where a partition has no leader for a moment (KAFKA-20734).
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
import type { ProducerNumber } from './last-ending.ts'
import { endOf, type LogReader } from './log-reader.ts'

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

  /** KA-3. `open`: what shows it. */
  fenced(writer: string, open: OpenTransaction): VertigoError {
    const { component, what } = this.#use
    return new VertigoError(
      'SINK_FENCED',
      `${component}: another instance has taken over the writing of "${writer}", by ${what}: there is ${textOf(open)}, which has not ended.`,
      { place: { component } },
    )
  }

  #gone(offset: bigint, end: bigint): VertigoError {
    const { component, what } = this.#use
    return new VertigoError(
      'SERVER_UNREACHABLE',
      `${component}: Kafka gives no messages of ${what} from offset ${offset} on, and has said that it ends at ${end}.`,
      { place: { component } },
    )
  }

  /** KA-4, where it is not known how `open` ended. */
  lost(writer: string, open: OpenTransaction, target: string): VertigoError {
    const { component, what } = this.#use
    const commands = `\`kafka-transactions.sh abort --topic ${this.name} --partition ${partition} --start-offset ${open.offset}\``
    return new VertigoError(
      'SINK_TRANSACTION_LOST',
      `${component}: in ${what} a transaction of "${writer}" is open that nobody has any more: ${textOf(open)}.`,
      {
        place: { component },
        remedy: `End it with Kafka's own tool: ${commands}, and in the same way where \`kafka-transactions.sh describe-producers\` shows producer ${open.producerId} with an open transaction in a partition of "${target}". What it had is published again then.`,
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

  /** After the writer's transactional id was taken over. Errors: SINK_FENCED where somebody else has taken it over since. */
  async read(reader: LogReader, writer: string): Promise<SinkSnapshot | undefined> {
    const { underWay, found } = await this.search(reader, writer)
    if (underWay !== undefined) throw this.fenced(writer, underWay)
    return found
  }

  /** Errors: SERVER_UNREACHABLE, also where messages that were there are not given within `requestTimeoutMs`. */
  async search(reader: LogReader, writer: string): Promise<Search> {
    const info = await reader.topic(this.name, true)
    const [first] = await reader.offsets(this.name, 'first')
    // Before the end: a transaction that ends in between is not to count as one that has ended long ago.
    const [stable] = await reader.offsets(this.name, 'stable')
    const [end] = await reader.offsets(this.name, 'end')
    const search = new Search(writer, stable ?? 0n)
    let waitedMs = 0
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
      if (last === undefined) {
        // It ended there when it was asked: a leader that has lost messages gives none.
        waitedMs += maxWaitMs
        if (waitedMs >= this.#server.requestTimeoutMs) throw this.#gone(offset, end!)
        continue
      }
      waitedMs = 0
      for (const batch of piece!.batches) search.see(batch)
      offset = endOf(last)
    }
    return search
  }
}

interface Written extends ProducerNumber {
  readonly snapshot: SinkSnapshot
  readonly offset: bigint
  /** When it was written, in milliseconds since 1970. */
  readonly writtenMs: number
}

/** A transaction whose end is not in the log. */
export interface OpenTransaction extends Written {
  /** All transactions that begin before it have ended. */
  readonly stable: bigint
}

function textOf({ producerId, producerEpoch, offset, stable, snapshot, writtenMs }: OpenTransaction): string {
  const { incarnation, id } = snapshot
  const since = new Date(writtenMs).toISOString()
  return `a transaction with snapshot ${incarnation}/${id} at offset ${offset} (producer ${producerId}, epoch ${producerEpoch}, written ${since}; the last stable offset is ${stable})`
}

/** The last snapshot of a writer in what it is shown, in the order of the log. */
export class Search {
  readonly #writer: Buffer
  readonly #stable: bigint
  #committed: Written | undefined
  /** In transactions whose end was not seen yet, by their producers. */
  readonly #open = new Map<bigint, Written>()

  /** `stable`: all transactions that begin before it have ended. */
  constructor(writer: string, stable: bigint) {
    this.#writer = Buffer.from(writer)
    this.#stable = stable
  }

  see(batch: RawBatch): void {
    const marker = markerOf(batch)
    if (marker !== undefined) {
      if (marker === 'commit') this.#committed = this.#open.get(batch.producerId) ?? this.#committed
      this.#open.delete(batch.producerId)
      return
    }
    for (const { key, value, offsetDelta } of batch.records) {
      if (key === null || key === undefined || value === null || value === undefined) continue
      if (!this.#writer.equals(key)) continue
      const snapshot = JSON.parse(asBuffer(value).toString('utf8')) as SinkSnapshot
      const { producerId, producerEpoch } = batch
      const offset = batch.firstOffset + BigInt(offsetDelta)
      const writtenMs = Number(batch.firstTimestamp)
      const written = { snapshot, offset, producerId, producerEpoch, writtenMs }
      if (inTransaction(batch)) this.#open.set(batch.producerId, written)
      else this.#committed = written
    }
  }

  /** KA-3, KA-4: a transaction that has not ended, or whose end is lost. */
  get underWay(): OpenTransaction | undefined {
    const stable = this.#stable
    const open = [...this.#open.values()].find(({ offset }) => offset >= stable)
    return open === undefined ? undefined : { ...open, stable }
  }

  /**
   * Where the end of a transaction is not there, it was committed: by KA-2 each has ended, and Kafka removes the mark of an aborted
   * one together with what that had written, never before.
   */
  get found(): SinkSnapshot | undefined {
    const all = [...this.#open.values()]
    if (this.#committed !== undefined) all.push(this.#committed)
    return all.toSorted((a, b) => (a.offset < b.offset ? -1 : 1)).at(-1)?.snapshot
  }
}
