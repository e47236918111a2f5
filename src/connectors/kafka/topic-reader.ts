import { asError } from '../../base/errors.ts'
import type { PollContext, PollResult, Port, SourcePositions, SourceReader } from '../../component/index.ts'
import { positionLost } from '../servers/position-lost.ts'
import { type Patience, withPatience } from '../servers/retry.ts'
import { Waiting } from '../servers/waiting.ts'
import { committedOnly, firstGap, type RawBatch } from './batches.ts'
import type { Use } from './errors.ts'
import { asBuffer, decode } from '../servers/formats.ts'
import { endOf, type LogReader, type Piece } from './log-reader.ts'
import { PartitionWatch } from './partition-watch.ts'
import { asPosition, splitOf } from './positions.ts'
import type { KafkaMessage, KafkaSourceConfig, ReadingPlan } from './source-config.ts'

type Outputs = { readonly out: Port<unknown> }

export interface TopicReaderOptions extends ReadingPlan {
  readonly reader: LogReader
  readonly config: KafkaSourceConfig
  readonly patience: Patience
  readonly component: string
  readonly use: Use
  /** Whether a partition that is added is this instance's. */
  readonly owns: (partition: number) => boolean
}

/** How long a broker holds a fetch open while there is nothing. */
const maxWaitMs = 500

interface Waiter {
  readonly offset: bigint
  readonly batch: RawBatch
  readonly index: number
}

/** What is read of one partition. */
interface Progress {
  /** What is fetched next. */
  fetch: bigint
  /** What is sent next: of what stands before, all was sent. */
  send: bigint
  readonly end: bigint | undefined
  /** Fetched and not sent; those before `sent` are gone. */
  queue: Waiter[]
  sent: number
}

/** Reads partitions ahead, with one fetch at a time from each broker. */
export class TopicReader implements SourceReader<Outputs> {
  readonly #options: TopicReaderOptions
  readonly #partitions: Map<number, Progress>
  readonly #waiting = new Waiting()
  /** Brokers that are being asked. */
  readonly #asking = new Map<number, Promise<void>>()
  #turn = 0
  #looks: PartitionWatch | undefined
  #hasGap = false
  #failed: Error | undefined
  #closed = false

  constructor(options: TopicReaderOptions) {
    this.#options = options
    const starts = Array.from(options.starts, ([partition, { from, end }]): [number, Progress] => [
      partition,
      { fetch: from, send: from, end, queue: [], sent: 0 },
    ])
    this.#partitions = new Map(starts)
    options.patience.signal.addEventListener('abort', () => this.#waiting.wake(), { once: true })
  }

  poll(max: number, { emit }: PollContext<Outputs>): PollResult | Promise<PollResult> {
    if (this.#failed !== undefined) throw this.#failed
    if (this.#closed || this.#options.patience.signal.aborted) return 'done'
    this.#watch()
    const all = [...this.#partitions]
    let left = max
    for (let tries = 0; tries < all.length && left > 0; tries++) {
      const [partition, progress] = all[this.#turn++ % all.length]!
      left -= this.#send(partition, progress, left, emit.out)
    }
    // One that follows may be given partitions, also where it has none.
    if (!this.#options.config.follow && all.every(([, progress]) => isDone(progress))) return 'done'
    this.#ask()
    return left < max ? 'more' : this.#waiting.wait()
  }

  positions(): SourcePositions {
    const { info } = this.#options
    return Object.fromEntries(
      Array.from(this.#partitions, ([partition, { send }]) => [
        splitOf(info.id, partition),
        asPosition(send),
      ]),
    )
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#waiting.wake()
    await this.#looks?.close()
    await this.#options.reader.close()
    await Promise.all(this.#asking.values())
  }

  #send(partition: number, progress: Progress, max: number, emit: (message: unknown) => void): number {
    const { queue } = progress
    const end = Math.min(queue.length, progress.sent + max)
    const count = end - progress.sent
    for (; progress.sent < end; progress.sent++) {
      const waiter = queue[progress.sent]!
      emit(this.#message(partition, waiter))
      progress.send = waiter.offset + 1n
    }
    if (progress.sent < queue.length) return count
    progress.queue = []
    progress.sent = 0
    // What was fetched behind the last message (markers, what was aborted) need not be fetched again.
    progress.send = progress.fetch
    return count
  }

  #message(partition: number, { batch, index, offset }: Waiter): unknown {
    const { config, component } = this.#options
    const record = batch.records[index]!
    const place = (): { component: string; where: string } => ({
      component,
      where: `offset ${offset} of partition ${partition} of the topic "${config.topic}"`,
    })
    const value = decode(record.value, config.value, place)
    if (config.sends === 'values') return value
    const headers: Record<string, string> = {}
    for (const [name, text] of record.headers)
      if (name !== null)
        headers[asBuffer(name).toString('utf8')] = text === null ? '' : asBuffer(text).toString('utf8')
    return {
      key: decode(record.key, config.key, place),
      value,
      headers,
      topic: config.topic,
      partition,
      offset: Number(offset),
      timeMs: Number(batch.firstTimestamp + record.timestampDelta),
    } satisfies KafkaMessage
  }

  /** Starts a fetch from each broker that has something which is wanted, and is not being asked already. */
  #ask(): void {
    const { info } = this.#leading
    for (const node of new Set(info.leaders)) {
      if (this.#asking.has(node) || this.#wanted(node).size === 0) continue
      const asking = this.#fetch(node).then(
        () => this.#asked(node),
        (error: unknown) => {
          if (!this.#closed && !this.#options.patience.signal.aborted) this.#failed = asError(error)
          this.#asked(node)
        },
      )
      this.#asking.set(node, asking)
    }
  }

  #asked(node: number): void {
    this.#asking.delete(node)
    this.#waiting.wake()
  }

  get #leading(): ReadingPlan {
    return this.#current ?? this.#options
  }

  /** After a change of leaders. */
  #current: ReadingPlan | undefined

  #wanted(node: number): Map<number, bigint> {
    const { leaders } = this.#leading.info
    const wanted = new Map<number, bigint>()
    for (const [partition, progress] of this.#partitions) {
      const waits = progress.queue.length - progress.sent
      if (leaders[partition] === node && !isFetched(progress) && waits < this.#options.config.aheadMessages)
        wanted.set(partition, progress.fetch)
    }
    return wanted
  }

  /** Tried again while the broker does not answer: by then another one may lead. */
  #fetch(node: number): Promise<void> {
    const { patience, component, reader, config } = this.#options
    let again = false
    return withPatience(patience, component, async () => {
      if (this.#closed) return
      if (again) await this.#lookAgain()
      again = true
      const offsets = this.#wanted(node)
      if (offsets.size === 0) return
      const pieces = await reader.fetch({
        node,
        topicId: this.#options.info.id,
        offsets,
        maxWaitMs,
        partitionBytesMax: config.fetchBytes,
        committedOnly: true,
      })
      for (const piece of pieces) this.#take(piece, offsets)
    })
  }

  #watch(): void {
    const { config, patience, component } = this.#options
    if (!config.follow || this.#looks !== undefined) return
    this.#looks = new PartitionWatch({
      everyMs: config.partitionsMs,
      clock: patience.clock,
      look: () => withPatience(patience, component, () => this.#lookForMore()),
      failed: (error) => {
        if (this.#closed || patience.signal.aborted) return
        this.#failed = error
        this.#waiting.wake()
      },
    })
  }

  /** Those that are new. What is in them was seen by nobody, so they are read whole. */
  async #lookForMore(): Promise<void> {
    const { reader, config, patience, component, use, owns } = this.#options
    if (this.#closed) return
    await this.#lookAgain()
    const { leaders } = this.#leading.info
    const added = [...leaders.keys()].filter(
      // One without a leader is not ready yet.
      (partition) => !this.#partitions.has(partition) && owns(partition) && leaders[partition]! >= 0,
    )
    if (added.length === 0) return
    const first = await reader.offsets(config.topic, 'first')
    const there = added.filter((partition) => first[partition] !== undefined)
    for (const partition of there) {
      const from = first[partition]!
      this.#partitions.set(partition, { fetch: from, send: from, end: undefined, queue: [], sent: 0 })
    }
    patience.log.info(`${component}: ${use.what} has more partitions, of which it reads ${there.join(', ')}.`)
    this.#waiting.wake()
  }

  /** Errors: SOURCE_POSITION_LOST where the topic is another one by now. */
  async #lookAgain(): Promise<void> {
    const { reader, config, use, starts, info } = this.#options
    const now = await reader.topic(config.topic, true)
    if (now.id !== info.id)
      throw positionLost(use.component, `${use.what} was deleted and made anew while it was read`)
    this.#current = { info: now, starts }
  }

  /** Once: what compaction has taken out is no loss, and not given again either. */
  #tellGap(partition: number, from: bigint, batches: readonly RawBatch[]): void {
    const gap = this.#hasGap ? undefined : firstGap(from, batches)
    if (gap === undefined) return
    this.#hasGap = true
    const { patience, component, use } = this.#options
    patience.log.info(
      `${component}: ${use.what} is compacted: from offset ${gap} of partition ${partition} on, messages are gone that newer ones of their keys have replaced. They are passed over, also where it is read again.`,
    )
  }

  #take({ partition, batches, aborted }: Piece, asked: ReadonlyMap<number, bigint>): void {
    const progress = this.#partitions.get(partition)
    // A broker may give what was not asked for.
    if (progress === undefined || asked.get(partition) !== progress.fetch) return
    this.#tellGap(partition, progress.fetch, batches)
    for (const batch of committedOnly(batches, aborted)) {
      for (const [index, { offsetDelta }] of batch.records.entries()) {
        const offset = batch.firstOffset + BigInt(offsetDelta)
        // A fetch gives whole batches, also where it begins inside of one.
        if (offset >= progress.fetch && (progress.end === undefined || offset < progress.end))
          progress.queue.push({ offset, batch, index })
      }
    }
    const last = batches.at(-1)
    if (last !== undefined) progress.fetch = endOf(last)
    // Where nothing waits, all before it was sent.
    if (progress.sent === progress.queue.length) progress.send = progress.fetch
  }
}

function isFetched({ fetch, end }: Progress): boolean {
  return end !== undefined && fetch >= end
}

function isDone(progress: Progress): boolean {
  return isFetched(progress) && progress.sent === progress.queue.length
}
