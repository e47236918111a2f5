import type { Consumer } from '@platformatic/kafka'
import { asError, VertigoError } from '../../base/errors.ts'
import type { KafkaPackage } from './client.ts'
import { baseOptions } from './client.ts'
import type { ServerConfig } from './config.ts'
import type { AbortedTransaction, RawBatch } from './batches.ts'
import { kafkaError, saysOf, type Use } from './errors.ts'

/** A topic as it is at the moment. */
export interface TopicInfo {
  /** The same for as long as the topic exists. */
  readonly id: string
  /** The number of the broker that leads each partition. */
  readonly leaders: readonly number[]
}

/** What a fetch has brought of one partition. */
export interface Piece {
  readonly partition: number
  readonly batches: readonly RawBatch[]
  readonly aborted: readonly AbortedTransaction[]
  /** Behind the last message that all transactions before have ended. */
  readonly lastStableOffset: bigint
}

export interface FetchOptions {
  readonly node: number
  readonly topicId: string
  /** Where to go on, by partition. */
  readonly offsets: ReadonlyMap<number, bigint>
  readonly maxWaitMs: number
  readonly partitionBytesMax: number
  readonly committedOnly: boolean
}

/** Reads partitions by offsets, without a consumer group: which instance reads what, and how far it is, is known by its snapshots. */
export class LogReader {
  readonly #consumer: Consumer
  readonly #package: KafkaPackage
  readonly #use: Use

  constructor(loaded: KafkaPackage, server: ServerConfig, use: Use) {
    this.#package = loaded
    this.#use = use
    // The client wants the name of a group, which is never joined.
    this.#consumer = new loaded.Consumer({
      ...baseOptions(use.component, server),
      groupId: 'vertigo',
      autocommit: false,
    })
  }

  /** Errors: TARGET_UNFIT where there is no such topic. */
  async topic(name: string, fresh = false): Promise<TopicInfo> {
    try {
      const metadata = await this.#consumer.metadata({ topics: [name], forceUpdate: fresh })
      const found = metadata.topics.get(name)
      if (found === undefined) throw this.#missing(name)
      return { id: found.id, leaders: found.partitions.map(({ leader }) => leader) }
    } catch (error) {
      // The client says it in words of its own.
      const isUnknown = asError(error).message.startsWith('Unknown topic')
      if (isUnknown || saysOf(error, 'UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION'))
        throw this.#missing(name, error)
      throw kafkaError(error, this.#use)
    }
  }

  /** Of each partition, by its number. */
  async offsets(topic: string, which: 'first' | 'end' | 'stable'): Promise<readonly bigint[]> {
    const { ListOffsetTimestamps } = this.#package
    try {
      const found = await this.#consumer.listOffsets({
        topics: [topic],
        timestamp: which === 'first' ? ListOffsetTimestamps.EARLIEST : ListOffsetTimestamps.LATEST,
        isolationLevel: this.#isolation(which === 'stable'),
      })
      return found.get(topic) ?? []
    } catch (error) {
      throw kafkaError(error, this.#use)
    }
  }

  /**
   * All batches that there are: also those of transactions that were aborted, and markers.
   *
   * Where a piece has aborted transactions, the client has taken out what it believes to be theirs: of each producer all from the first message
   * of one of them to its last abort marker in the piece, with what it has committed between the two. So such pieces are fetched
   * again, without asking it to do so.
   */
  async fetch(options: FetchOptions): Promise<Piece[]> {
    const pieces = await this.#fetch(options)
    const thinned = pieces.filter(({ aborted }) => aborted.length > 0)
    if (thinned.length === 0) return pieces
    const offsets = new Map(thinned.map(({ partition }) => [partition, options.offsets.get(partition)!]))
    const whole = await this.#fetch({ ...options, offsets, committedOnly: false })
    return pieces.flatMap((piece) => {
      const last = piece.batches.at(-1)
      if (piece.aborted.length === 0 || last === undefined) return [piece]
      // The last batch is never taken out: a marker is behind all that is.
      const end = endOf(last)
      return whole
        .filter(({ partition }) => partition === piece.partition)
        .map(({ batches }) => ({ ...piece, batches: batches.filter((batch) => endOf(batch) <= end) }))
    })
  }

  async #fetch(options: FetchOptions): Promise<Piece[]> {
    const { node, topicId, offsets, maxWaitMs, partitionBytesMax } = options
    try {
      const response = await this.#consumer.fetch({
        node,
        maxWaitTime: maxWaitMs,
        minBytes: 1,
        isolationLevel: this.#isolation(options.committedOnly),
        topics: [
          {
            topicId,
            partitions: Array.from(offsets, ([partition, fetchOffset]) => ({
              partition,
              fetchOffset,
              currentLeaderEpoch: -1,
              lastFetchedEpoch: -1,
              partitionMaxBytes: partitionBytesMax,
            })),
          },
        ],
      })
      return response.responses.flatMap(({ partitions }) =>
        partitions.map((each) => ({
          partition: each.partitionIndex,
          batches: (each.records ?? []) as readonly RawBatch[],
          aborted: each.abortedTransactions ?? [],
          lastStableOffset: each.lastStableOffset,
        })),
      )
    } catch (error) {
      // Another broker leads by now.
      if (
        saysOf(
          error,
          'NOT_LEADER_OR_FOLLOWER',
          'FENCED_LEADER_EPOCH',
          'UNKNOWN_TOPIC_OR_PARTITION',
          'UNKNOWN_TOPIC_ID',
        )
      )
        this.#consumer.clearMetadata()
      throw kafkaError(error, this.#use)
    }
  }

  async close(): Promise<void> {
    await this.#consumer.close(true)
  }

  #isolation(committed: boolean): 0 | 1 {
    const { READ_COMMITTED, READ_UNCOMMITTED } = this.#package.FetchIsolationLevels
    return committed ? READ_COMMITTED : READ_UNCOMMITTED
  }

  #missing(name: string, cause?: unknown): VertigoError {
    const { component } = this.#use
    return new VertigoError('TARGET_UNFIT', `${component}: there is no topic "${name}".`, {
      cause,
      place: { component },
      remedy: 'Create it, with as many partitions as you want instances at most, or correct the name.',
    })
  }
}

/** The offset behind it. */
export function endOf({ firstOffset, lastOffsetDelta }: RawBatch): bigint {
  return firstOffset + BigInt(lastOffsetDelta) + 1n
}
