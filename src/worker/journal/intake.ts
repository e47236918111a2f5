import type { Cancel, Clock } from '../../base/clock.ts'
import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import type { TrackedOptions } from '../../component/tracking.ts'
import type { Journal } from '../../journal/journal.ts'
import type { Reader } from '../iterator-reader.ts'
import { PollSize } from '../poll-size.ts'
import { TurnPace, type YieldAsked } from '../turn-pace.ts'
import { checkMessages, encodeRecord, type Gathered } from './journal-record.ts'

/** Messages of one record. */
const recordMessagesMax = 1024
/** Of one record as it is written, well below what a journal takes: one that is larger is written in halves. */
const recordBytesMax = 4 * 1024 * 1024
/** Messages that have been given and are not written yet, above which the source is not asked for more. */
const gatheredMessagesMax = 4096
/** What is written and not sent yet, above which the source is not asked for more: a journal is no queue for hours. */
export const aheadBytesMax = 64 * 1024 * 1024
/** How often a journal that is full is asked again: a snapshot makes room, at the earliest after its interval. */
const fullRetryMs = 100
/** How long a poll that is under way may take to end when the source is asked to. */
const lastPollMsMax = 1_000

export interface IntakeMeans {
  readonly journal: Journal
  readonly ports: readonly string[]
  readonly place: string
  readonly clock: Clock
  readonly yieldAsked?: YieldAsked
  /** Of the instance; aborted here where the reader has no other way to be asked to end. */
  readonly stop: AbortController
  /** It is over, or has failed. */
  readonly wake: () => void
}

interface Given {
  readonly port: number
  readonly message: unknown
  readonly tracked: TrackedOptions | null
}

type Tell = (error?: Error) => void

/**
 * Takes what a source gives into its journal, in the order given, and says what is kept.
 *
 * - IT-1 (JN-1) `kept` is called without an error only when the disk has all that was emitted before it. One record is written at a time, so
 *   that a full journal never lets a later message pass an earlier one.
 * - IT-2 What is emitted without a wait in between is written as one record where it fits: a batch is kept whole or not at all.
 * - IT-3 When the journal was taken over by a newer generation, the instance is over: it takes nothing more and acknowledges nothing. That
 *   is no failure of it.
 * - IT-4 Asked to end, it is over when the journal has all that was emitted until then, however long that takes: its source has
 *   given it, and nobody would send what is not written.
 */
export class Intake {
  private readonly means: IntakeMeans
  private reader: Reader | undefined
  private gathered: Given[] = []
  private waiting: { readonly behind: number; readonly tell: Tell }[] = []
  /** Messages that were gathered, and of those that are kept, in this life. */
  private count = 0
  private kept = 0
  private isWriting = false
  private isDue = false
  private ahead = 0
  private onRoom: (() => void)[] = []
  private isEnding = false
  /** The poll that was under way has had its time: nothing more is taken, and what was taken before is written. */
  private isCut = false
  private hasEnd: boolean
  private isStopped = false
  private begun: Promise<void> | undefined
  private closing: Promise<void> | undefined
  private cancels = new Set<Cancel>()
  /** Nothing will be added to the journal any more. */
  isOver: boolean
  isSealed = false
  failure: Error | undefined

  /** `hasEnd`: its end is in the journal already. */
  constructor(means: IntakeMeans, hasEnd: boolean) {
    this.means = means
    this.pace = new TurnPace(means.yieldAsked)
    this.hasEnd = hasEnd
    this.isOver = hasEnd
  }

  /** Of the polls between two turns of the event loop; kept by the reader too where that is an iterator's. */
  readonly pace: TurnPace
  private readonly pollSize = new PollSize()

  /** What the reader is given for its polls. */
  readonly context = { emit: {} as Record<string, unknown>, kept: (tell: Tell) => this.whenKept(tell) }

  set source(reader: Reader) {
    this.reader = reader
    for (const [index, name] of this.means.ports.entries()) this.context.emit[name] = this.emitter(index)
  }

  /** For sources that are iterated. */
  readonly gather = (message: unknown): void => this.add(0, message)

  /** What is heard of tracked messages is its to hear. */
  get source(): Reader | undefined {
    return this.reader
  }

  get takesMessages(): boolean {
    return this.writes && !this.isCut
  }

  /** What was taken is still to be written. */
  private get writes(): boolean {
    return !this.isStopped && !this.isSealed && this.failure === undefined
  }

  /** A record was written that is not sent yet, or was sent. */
  aheadBy(bytes: number): void {
    this.ahead += bytes
    if (this.ahead <= aheadBytesMax) this.makeRoom()
  }

  begin(): void {
    if (this.begun !== undefined || this.isOver) return
    this.begun = this.run().catch((error: unknown) => this.fail(error))
  }

  /** The run asks the source to end; what it has accepted is kept and sent. */
  drain(): void {
    if (this.isEnding || this.isOver) return
    this.isEnding = true
    if (this.begun === undefined) {
      this.end()
      return
    }
    if (this.reader?.drain !== undefined) this.reader.drain()
    else {
      this.means.stop.abort(new VertigoError('STOPPED', `${this.means.place} was asked to end`))
      this.after(lastPollMsMax, () => {
        this.isCut = true
        this.written()
          .then(() => this.end())
          .catch((error: unknown) => this.fail(error))
      })
    }
    this.makeRoom()
  }

  /** At once. The journal is still open. */
  async stop(): Promise<void> {
    if (this.isStopped) return
    this.isStopped = true
    for (const cancel of this.cancels) cancel()
    this.makeRoom()
    await this.closeReader()
  }

  private async run(): Promise<void> {
    const { pace } = this
    const { clock } = this.means
    pace.begin(clock.monotonic())
    while (this.takesMessages && !this.isOver) {
      if (await this.hasWaitedForRoom()) pace.begin(clock.monotonic())
      if (!this.takesMessages || this.isOver) break
      const before = this.count
      if ((await this.poll()) === 'done') break
      pace.note(clock.monotonic())
      if (this.count !== before && !pace.hasEnded) continue
      await this.turn()
      pace.begin(clock.monotonic())
    }
    await this.written()
    if (!this.writes) return
    if (!this.isEnding && !this.hasEnd) await this.append(encodeRecord({ kind: 'end' }, this.means.place))
    this.end()
  }

  private async poll(): Promise<'more' | 'done'> {
    const { stop, clock } = this.means
    const { count } = this
    const beganMs = this.pace.readMs
    let result: unknown
    try {
      const given = this.reader!.poll(this.pollSize.messagesMax, this.context)
      // Of one that gives a promise, what it has done before.
      const heldMs = clock.monotonic() - beganMs
      result = await given
      this.pollSize.took(heldMs, this.count - count)
    } catch (error) {
      // Whoever waits with the signal is woken by it.
      if (!stop.signal.aborted) throw error
      result = 'done'
    }
    if (result !== 'more' && result !== 'done')
      throw new VertigoError('SOURCE_MISUSED', `poll returned ${String(result)}; it returns "more" or "done"`)
    return stop.signal.aborted ? 'done' : result
  }

  private end(): void {
    this.isOver = true
    this.makeRoom()
    this.means.wake()
  }

  private emitter(port: number): unknown {
    const refuse = (): never => {
      throw new VertigoError(
        'SOURCE_MISUSED',
        `${this.means.place} sends groups or batches, which its journal does not keep`,
        {
          remedy:
            'Send single messages, let the source rewind by itself (`positions`), or say `guarantee: at-most-once`.',
        },
      )
    }
    return Object.assign((message: unknown) => this.add(port, message), {
      group: refuse,
      batch: refuse,
      tracked: (message: unknown, tracked: TrackedOptions = {}) => this.add(port, message, tracked),
    })
  }

  private add(port: number, message: unknown, tracked: TrackedOptions | null = null): void {
    if (!this.takesMessages)
      throw new VertigoError('STOPPED', `${this.means.place} takes nothing into its journal any more`)
    checkMessages(tracked === null ? [message] : [message, tracked], this.means.place)
    this.gathered.push({ port, message, tracked })
    this.count++
    this.due()
  }

  private whenKept(tell: Tell): void {
    if (this.failure !== undefined) tell(this.failure)
    else if (this.kept === this.count) tell()
    else this.waiting.push({ behind: this.count, tell })
  }

  /** Not at once: what is emitted in the same turn is written together. */
  private due(): void {
    if (this.isDue || this.isWriting) return
    this.isDue = true
    Promise.resolve()
      .then(() => this.writeAll())
      .catch((error: unknown) => this.fail(error))
  }

  private async writeAll(): Promise<void> {
    this.isDue = false
    this.isWriting = true
    try {
      while (this.gathered.length > 0 && this.failure === undefined && !this.isSealed) {
        const part = this.gathered.slice(0, recordMessagesMax)
        this.gathered = this.gathered.slice(part.length)
        await this.write(part)
        this.kept += part.length
        this.acknowledge()
        this.makeRoom()
      }
    } finally {
      this.isWriting = false
    }
  }

  private async write(part: readonly Given[]): Promise<void> {
    const bytes = encodeRecord({ kind: 'messages', ...this.record(part) }, this.means.place)
    if (bytes.length <= recordBytesMax || part.length === 1) {
      await this.append(bytes)
      return
    }
    const half = Math.ceil(part.length / 2)
    await this.write(part.slice(0, half))
    await this.write(part.slice(half))
  }

  private record(part: readonly Given[]): Gathered {
    const { ports } = this.means
    const messages = part.map(({ message }) => message)
    const isAnyTracked = part.some(({ tracked }) => tracked !== null)
    const all = { messages, tracked: isAnyTracked ? part.map(({ tracked }) => tracked) : null }
    const [first] = part
    if (part.every(({ port }) => port === first!.port))
      return { ports: [ports[first!.port]!], portOf: null, ...all }
    return { ports, portOf: part.map(({ port }) => port), ...all }
  }

  private async append(bytes: Uint8Array): Promise<void> {
    const { journal } = this.means
    // The codec writes over it with the next record, which may come while this one waits for room.
    const record = bytes.slice()
    for (;;) {
      try {
        await journal.append(record)
        this.aheadBy(record.length)
        return
      } catch (error) {
        if (!isVertigoError(error)) throw error
        if (error.code !== 'JOURNAL_FULL' && error.code !== 'JOURNAL_BUSY') throw error
        if (this.isStopped) throw error
        await this.pause(fullRetryMs)
      }
    }
  }

  private acknowledge(): void {
    while (this.waiting.length > 0 && this.waiting[0]!.behind <= this.kept) this.waiting.shift()!.tell()
  }

  /** Until all that was gathered is written, or never will be. */
  private async written(): Promise<void> {
    while (this.kept < this.count && this.writes) await this.nextRoom()
  }

  private async hasWaitedForRoom(): Promise<boolean> {
    let hasWaited = false
    for (; this.isFull && this.takesMessages && !this.isOver; hasWaited = true) await this.nextRoom()
    return hasWaited
  }

  private get isFull(): boolean {
    return this.count - this.kept >= gatheredMessagesMax || this.ahead > aheadBytesMax
  }

  private nextRoom(): Promise<void> {
    return new Promise((resolve) => {
      this.onRoom.push(resolve)
    })
  }

  private makeRoom(): void {
    const waiting = this.onRoom
    this.onRoom = []
    for (const resolve of waiting) resolve()
  }

  /** Others have their turn: a reader that gives nothing, and does not wait either, would take the thread for itself. */
  private turn(): Promise<void> {
    return new Promise((resolve) => {
      this.means.clock.soon(resolve)
    })
  }

  private pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve)
    })
  }

  private after(delayMs: number, action: () => void): void {
    const cancel = this.means.clock.after(
      delayMs,
      () => {
        this.cancels.delete(cancel)
        action()
      },
      { background: true },
    )
    this.cancels.add(cancel)
  }

  private fail(thrown: unknown): void {
    if (this.failure !== undefined) return
    const error = asError(thrown)
    this.failure = error
    this.isSealed = isVertigoError(error) && error.code === 'JOURNAL_SEALED'
    for (const { tell } of this.waiting.splice(0)) tell(error)
    this.gathered = []
    // Its successor may need what it holds, such as a port of the machine.
    if (this.isSealed) this.closeReader().catch(() => undefined)
    this.makeRoom()
    this.means.wake()
  }

  /** Once; who awaits it hears what it throws. */
  private closeReader(): Promise<void> {
    this.closing ??= Promise.resolve(this.reader?.close?.()).then(() => undefined)
    return this.closing
  }
}
