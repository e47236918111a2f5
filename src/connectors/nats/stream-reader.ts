import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream'
import type { Cancel } from '../../base/clock.ts'
import { asError, VertigoError } from '../../base/errors.ts'
import type { PollContext, PollResult, Port, SourcePositions, SourceReader } from '../../component/index.ts'
import { decode } from '../servers/formats.ts'
import type { Patience } from '../servers/retry.ts'
import { Waiting } from '../servers/waiting.ts'
import { natsError, type NatsClient, type Use } from './client.ts'
import type { NatsMessage, NatsSourceConfig } from './source-config.ts'

type Outputs = { readonly out: Port<unknown> }

export interface StreamReaderOptions {
  readonly client: NatsClient
  readonly config: NatsSourceConfig
  readonly patience: Patience
  readonly use: Use
  readonly starts: readonly { readonly split: string; readonly subject: string; readonly after: number }[]
  /** The last message that is read; undefined: it never ends. */
  readonly end: number | undefined
}

/** The server says that it is there every half of it. After two times without, the client asks anew. */
const expiresMs = 2_000

/** What is read of one split. */
interface Progress {
  readonly split: string
  readonly subject: string
  /** The last message that was fetched. */
  fetched: number
  /** The last one that was sent; all before it were sent. */
  sent: number
  queue: JsMsg[]
  isComplete: boolean
  messages: ConsumerMessages | undefined
  /** Wakes the loop that fetches, where it waits for room. */
  hasRoom: (() => void) | undefined
}

/**
 * Reads each split with an ordered consumer: one that the server keeps in memory only, and the client makes anew, behind the last
 * message, whenever a message is missing or the server was away.
 */
export class StreamReader implements SourceReader<Outputs> {
  readonly #options: StreamReaderOptions
  readonly #splits: readonly Progress[]
  readonly #waiting = new Waiting()
  readonly #loops: Promise<void>[] = []
  #cancelPatience: Cancel | undefined
  #turn = 0
  #failed: Error | undefined
  #isStarted = false
  #closed = false

  constructor(options: StreamReaderOptions) {
    this.#options = options
    this.#splits = options.starts.map(({ split, subject, after }) => ({
      split,
      subject,
      fetched: after,
      sent: after,
      queue: [],
      isComplete: false,
      messages: undefined,
      hasRoom: undefined,
    }))
    options.patience.signal.addEventListener('abort', () => this.#waiting.wake(), { once: true })
  }

  poll(max: number, { emit }: PollContext<Outputs>): PollResult | Promise<PollResult> {
    if (this.#failed !== undefined) throw this.#failed
    if (this.#closed || this.#options.patience.signal.aborted) return 'done'
    if (!this.#isStarted) this.#start()
    let left = max
    for (let tries = 0; tries < this.#splits.length && left > 0; tries++)
      left -= this.#send(this.#splits[this.#turn++ % this.#splits.length]!, left, emit.out)
    if (this.#splits.every(({ isComplete, queue }) => isComplete && queue.length === 0)) return 'done'
    return left < max ? 'more' : this.#waiting.wait()
  }

  positions(): SourcePositions {
    return Object.fromEntries(
      this.#splits.map(({ split, sent }) => [split, { version: 1, position: { sequence: sent } }]),
    )
  }

  /** What no kept snapshot goes back to. */
  async release(positions: SourcePositions): Promise<void> {
    const { client, config, use } = this.#options
    if (config.afterwards !== 'purge') return
    try {
      const manager = await client.jetstream.jetstreamManager(client.nats)
      for (const { split, subject } of this.#splits) {
        const { sequence } = (positions[split]?.position ?? {}) as { readonly sequence?: number }
        // Up to the given one, which stays.
        if (sequence !== undefined)
          await manager.streams.purge(config.stream, { filter: subject, seq: sequence + 1 })
      }
    } catch (error) {
      throw natsError(error, use)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelPatience?.()
    this.#waiting.wake()
    for (const split of this.#splits) {
      split.hasRoom?.()
      split.messages?.stop()
    }
    await this.#options.client.nats.close()
    await Promise.all(this.#loops)
  }

  #send(split: Progress, max: number, emit: (message: unknown) => void): number {
    const messages = split.queue.splice(0, max)
    for (const message of messages) {
      emit(this.#message(message))
      split.sent = message.seq
    }
    if (split.queue.length < this.#options.config.aheadMessages) {
      split.hasRoom?.()
      split.hasRoom = undefined
    }
    return messages.length
  }

  #message({ subject, data, headers: given, seq, timestampNanos }: JsMsg): unknown {
    const { config, use } = this.#options
    const place = { component: use.component, where: `message ${seq} of ${use.what}` }
    const value = decode(data, config.value, () => place)
    if (config.sends === 'values') return value
    const headers: Record<string, string> = {}
    for (const [name, values] of given ?? []) headers[name] = values.at(-1) ?? ''
    const timeMs = Number(timestampNanos / 1_000_000n)
    return { subject, value, headers, sequence: seq, timeMs } satisfies NatsMessage
  }

  #start(): void {
    this.#isStarted = true
    const fail = (error: unknown): void => this.#fail(error)
    this.#loops.push(this.#watch().catch(fail))
    for (const split of this.#splits) this.#loops.push(this.#read(split).catch(fail))
  }

  #fail(error: unknown): void {
    if (this.#closed || this.#options.patience.signal.aborted) return
    this.#failed ??= natsError(asError(error), this.#options.use)
    this.#waiting.wake()
  }

  /** The client connects again for as long as it takes; here is how long that may be. */
  async #watch(): Promise<void> {
    const { client, patience, use, config } = this.#options
    const givesUp = (): void =>
      this.#fail(
        new VertigoError(
          'SERVER_UNREACHABLE',
          `${use.component}: NATS has not answered for ${config.retryMs} ms, for ${use.what}.`,
          { place: { component: use.component } },
        ),
      )
    for await (const { type } of client.nats.status()) {
      if (type === 'disconnect') this.#cancelPatience ??= patience.clock.after(config.retryMs, givesUp)
      else if (type === 'reconnect') {
        this.#cancelPatience?.()
        this.#cancelPatience = undefined
      }
    }
  }

  async #read(split: Progress): Promise<void> {
    const { client, config, end } = this.#options
    if (end !== undefined && !(await this.#hasNext(split, end))) {
      this.#complete(split)
      return
    }
    const { jetstream, DeliverPolicy } = client.jetstream
    const consumer = await jetstream(client.nats).consumers.get(config.stream, {
      filter_subjects: split.subject,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: split.fetched + 1,
    })
    const messages = await consumer.consume({ max_messages: config.aheadMessages, expires: expiresMs })
    split.messages = messages
    for await (const message of messages) {
      if (this.#closed) break
      if (message.seq > split.fetched && (end === undefined || message.seq <= end)) {
        split.fetched = message.seq
        split.queue.push(message)
        this.#waiting.wake()
      }
      if (end !== undefined && (message.seq >= end || message.info.pending === 0)) break
      if (split.queue.length >= config.aheadMessages) await this.#room(split)
    }
    messages.stop()
    if (end !== undefined) this.#complete(split)
    else if (!this.#closed) throw new Error('the consumer has ended')
  }

  #room(split: Progress): Promise<void> {
    return new Promise((resolve) => {
      split.hasRoom = resolve
    })
  }

  #complete(split: Progress): void {
    split.isComplete = true
    this.#waiting.wake()
  }

  /** Whether there is anything left to read up to the end. */
  async #hasNext({ subject, fetched }: Progress, end: number): Promise<boolean> {
    if (fetched >= end) return false
    const { client, config } = this.#options
    const manager = await client.jetstream.jetstreamManager(client.nats)
    // Its type lacks the second field, which servers take here too.
    const query = { seq: fetched + 1, next_by_subj: subject }
    const next = await manager.streams.getMessage(config.stream, query)
    return next !== null && next.seq <= end
  }
}
