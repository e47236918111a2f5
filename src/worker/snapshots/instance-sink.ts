import { type Clock, sleep } from '../../base/clock.ts'
import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import { isThenable } from '../../base/values.ts'
import { compareSinkSnapshots, type Sink, type SinkSnapshot } from '../../component/sink.ts'
import type { SnapshotBegin } from '../../snapshot/part.ts'
import type { SavedSink } from './saved.ts'
import { encodeStaged, type Staged } from './staged.ts'

/**
 * The sink of one instance: what was prepared and is not published yet, and its publication.
 *
 * - IS-1 (SN-4) What is prepared stays until it is published; the part of each snapshot has all of it.
 * - IS-2 (SN-3) It is published when the store's record says that its snapshot, or a later one, was committed. One piece at a time, oldest
 *   first, each under the snapshot that it was prepared for: so a piece is the same whoever publishes it, and an instance that was
 *   replaced publishes nothing that its successor publishes otherwise.
 * - IS-3 Before an instance is ready, what it goes on from is published, for all writers that are its own now.
 * - IS-4 Nobody is called while the worker may not act. That is asked over and over: nobody tells an instance that is being prepared of it.
 * - IS-5 What waits is bounded, and so is what a sink says that it gathers: with more, the instance takes no messages, but for those that
 *   come before the barriers of a quiet snapshot (AL-7). They are as many as channels hold.
 * - IS-6 What it could not publish before it was closed is told, by its name and with its numbers.
 */
export interface SinkOwner {
  readonly place: string
  readonly clock: Clock
  /** Messages that it has received so far. */
  readonly received: number
  fail(error: unknown): void
  warn(error: VertigoError): void
  /** Whether the worker may act now. */
  mayAct(): boolean
  /** Something was published. */
  wake(): void
}

export interface SinkLimits {
  /** How long a sink may fail to publish before its instance fails, in milliseconds. */
  readonly commitMsMax: number
  /** The same before the instance is ready; less than what `setup` may take, so that the cause is told. */
  readonly recoverMsMax: number
  /** From when on it is told to people. */
  readonly lateMs: number
  readonly waitingMax: number
  readonly waitingBytesMax: number
}

/** A minute: longer than a database takes to start again, and short enough to be noticed before queues are full everywhere. */
export const defaultSinkLimits: SinkLimits = {
  commitMsMax: 60_000,
  recoverMsMax: 30_000,
  lateMs: 5_000,
  waitingMax: 64,
  waitingBytesMax: 64 * 1024 * 1024,
}

/** How often a worker that may not act is asked again, in milliseconds. */
const ableEveryMs = 20
const delayMsMin = 50
const delayMsMax = 5_000

/** Of what is over: whether it has published all, or waits for a snapshot to be committed before it can. */
export type Publication = 'done' | 'publishing' | 'awaits-snapshot'

/** Of whom an instance goes on. */
export interface RestoredSinks {
  /** That it goes on from. */
  readonly snapshot: SinkSnapshot
  /** The newest that sinks may have. */
  readonly upTo: SinkSnapshot
  readonly writers: readonly {
    readonly writer: string
    readonly published: SinkSnapshot | undefined
    readonly staged: readonly Staged[]
  }[]
}

interface Waiting {
  readonly snapshot: SinkSnapshot
  /** That came since the last one, for people. */
  readonly messages: number
  staged: unknown
  bytes: Uint8Array | undefined
  /** Undefined once it is prepared. */
  ready: Promise<void> | undefined
}

export class InstanceSink {
  private readonly sink: Sink
  private readonly writer: string
  private readonly owner: SinkOwner
  private readonly limits: SinkLimits
  private readonly ending = new AbortController()
  /** Oldest first. */
  private waiting: Waiting[] = []
  private waitingBytes = 0
  private receivedBefore = 0
  private committed = 0
  private published: SinkSnapshot | undefined
  private publishing: Promise<void> | undefined
  /** Its instance is over: when it has prepared once more, and all is published, nothing is left to do. */
  private end: { lastPrepared: number | undefined; readonly changed: () => void } | undefined
  private isClosed = false

  constructor(sink: Sink, writer: string, owner: SinkOwner, limits = defaultSinkLimits) {
    this.sink = sink
    this.writer = writer
    this.owner = owner
    this.limits = limits
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0
  }

  /** IS-5 */
  get isFull(): boolean {
    const { waitingMax, waitingBytesMax } = this.limits
    if (this.waiting.length >= waitingMax || this.waitingBytes >= waitingBytesMax) return true
    return this.sink.isFull?.() === true
  }

  /** IS-3. Errors: SINK_AHEAD, and those of the sink. */
  async recover({ snapshot, upTo, writers }: RestoredSinks): Promise<void> {
    for (const { writer, published, staged } of writers) {
      const ask = async () => this.sink.recover(writer, published)
      const has = await this.persist(ask, this.limits.recoverMsMax)
      if (writer === this.writer) this.published = staged.at(-1)?.snapshot ?? published
      if (has !== undefined && compareSinkSnapshots(has, upTo) > 0) throw this.ahead(writer, has, snapshot)
      for (const one of staged)
        if (has === undefined || compareSinkSnapshots(one.snapshot, has) > 0)
          await this.commit(writer, one, this.limits.recoverMsMax)
    }
  }

  /** At the cut. What the part has of it, later where the sink takes its time. */
  prepare({ incarnation, snapshot: id }: SnapshotBegin, isOver: boolean): SavedSink | Promise<SavedSink> {
    const snapshot = { incarnation, id }
    if (this.end !== undefined && isOver) this.end.lastPrepared ??= id
    let prepared: unknown
    try {
      prepared = this.sink.prepare(snapshot)
    } catch (error) {
      throw this.notPrepared(error)
    }
    const { received } = this.owner
    const messages = received - this.receivedBefore
    this.receivedBefore = received
    if (prepared !== undefined)
      this.add({ snapshot, messages, staged: prepared, bytes: undefined, ready: undefined })
    const all = [...this.waiting]
    const late = all.flatMap(({ ready }) => ready ?? [])
    this.end?.changed()
    return late.length === 0
      ? this.savedOf(all, isOver)
      : Promise.all(late).then(() => this.savedOf(all, isOver))
  }

  /** The store says so. */
  publish(committed: number): void {
    if (committed <= this.committed || this.isClosed) return
    this.committed = committed
    this.publishing ??= this.publishAll().finally(() => (this.publishing = undefined))
    this.end?.changed()
  }

  /** Its instance is over. `changed`: `publication` may be another now. */
  finish(changed: () => void): void {
    this.end = { lastPrepared: undefined, changed }
    changed()
  }

  /** What the end of its instance waits for. */
  get publication(): Publication {
    const { lastPrepared } = this.end ?? {}
    if (lastPrepared === undefined) return 'awaits-snapshot'
    if (this.isEmpty) return 'done'
    return lastPrepared > this.committed ? 'awaits-snapshot' : 'publishing'
  }

  /** Nothing is published any more, but for what may be: that is waited for up to `msMax`. IS-6 */
  async close(msMax: number): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    const ended = Promise.withResolvers<void>()
    const cancel = this.owner.clock.after(msMax, () => ended.resolve())
    await Promise.race([this.publishing, ended.promise])
    cancel()
    this.stop()
    const left = this.waiting.filter(({ snapshot }) => snapshot.id <= this.committed)
    if (left.length > 0) this.owner.warn(this.unpublished(left))
  }

  /** Nothing is called any more. */
  stop(): void {
    this.isClosed = true
    this.ending.abort(new VertigoError('STOPPED', `${this.owner.place} was stopped`))
  }

  private savedOf(pieces: readonly Waiting[], isOver: boolean): SavedSink {
    const { published } = this
    return { isOver, published, pieces: pieces.flatMap(({ bytes }) => bytes ?? []) }
  }

  private add(piece: Waiting): void {
    const { staged } = piece
    this.waiting.push(piece)
    if (!isThenable(staged)) {
      this.encode(piece)
      return
    }
    piece.ready = this.fill(piece, staged)
    // Whoever writes the part hears of it.
    piece.ready.catch(() => undefined)
  }

  private async fill(piece: Waiting, prepared: PromiseLike<unknown>): Promise<void> {
    try {
      piece.staged = await prepared
    } catch (error) {
      throw this.notPrepared(error)
    }
    if (piece.staged === undefined) this.remove(piece)
    else this.encode(piece)
    piece.ready = undefined
  }

  private encode(piece: Waiting): void {
    try {
      piece.bytes = encodeStaged(piece, this.owner.place)
      this.waitingBytes += piece.bytes.byteLength
    } catch (error) {
      throw this.notPrepared(error)
    }
  }

  /** What was received is in no snapshot, and nobody has it any more: it has to come again. */
  private notPrepared(error: unknown): unknown {
    if (!this.isClosed) this.owner.fail(error)
    return error
  }

  private remove(piece: Waiting): void {
    this.waiting = this.waiting.filter((other) => other !== piece)
    this.waitingBytes -= piece.bytes?.byteLength ?? 0
    this.end?.changed()
  }

  private async publishAll(): Promise<void> {
    try {
      for (;;) {
        const [piece] = this.waiting
        if (piece === undefined || piece.snapshot.id > this.committed) return
        await this.commit(this.writer, piece, this.limits.commitMsMax)
        this.published = piece.snapshot
        this.remove(piece)
        this.owner.wake()
      }
    } catch (error) {
      if (!this.ending.signal.aborted) this.owner.fail(error)
    }
  }

  private async commit(writer: string, { snapshot, staged }: Staged, msMax: number): Promise<void> {
    await this.persist(async () => this.sink.commit({ writer, snapshot, staged }), msMax)
  }

  /** Tries for `msMax`; while the worker may not act, nothing is tried. */
  private async persist<T>(what: () => Promise<T>, msMax: number): Promise<T> {
    const { clock } = this.owner
    const { signal } = this.ending
    let begunMs = clock.monotonic()
    let isTold = false
    for (let delayMs = delayMsMin; ; delayMs = Math.min(delayMs * 2, delayMsMax)) {
      begunMs += await this.untilAble()
      try {
        return await what()
      } catch (error) {
        signal.throwIfAborted()
        if (isVertigoError(error) && !error.retryable) throw error
        const triedMs = clock.monotonic() - begunMs
        if (triedMs + delayMs > msMax) throw this.notPublished(triedMs, error)
        if (triedMs >= this.limits.lateMs && !isTold) this.owner.warn(this.late(error))
        isTold ||= triedMs >= this.limits.lateMs
      }
      await sleep(clock, delayMs, signal)
    }
  }

  /** IS-4; how long that took, in milliseconds. A preparation that waits here is ended by its own limit. */
  private async untilAble(): Promise<number> {
    const { signal } = this.ending
    const { clock } = this.owner
    signal.throwIfAborted()
    if (this.owner.mayAct()) return 0
    const begunMs = clock.monotonic()
    do await sleep(clock, ableEveryMs, signal)
    while (!this.owner.mayAct())
    return clock.monotonic() - begunMs
  }

  private ahead(writer: string, has: SinkSnapshot, from: SinkSnapshot): VertigoError {
    const what =
      has.incarnation === from.incarnation
        ? `snapshot ${has.id}, and the store goes on from ${from.id}`
        : `snapshot ${has.id} of incarnation ${has.incarnation}, and the store goes on from ${from.id} of ${from.incarnation}`
    return new VertigoError('SINK_AHEAD', `What ${this.owner.place} writes to has ${writer} at ${what}.`, {
      place: { component: this.owner.place },
    })
  }

  private notPublished(ms: number, error: unknown): VertigoError {
    const seconds = Math.round(ms / 1000)
    const { message } = asError(error)
    const text = `${this.owner.place} has not published for ${seconds} s what is committed: ${message}`
    return new VertigoError('SINK_COMMIT_FAILED', text, {
      cause: error,
      place: { component: this.owner.place },
    })
  }

  private unpublished(left: readonly Waiting[]): VertigoError {
    const { place } = this.owner
    const [first] = left
    const of =
      left.length === 1
        ? `snapshot ${first!.snapshot.id}`
        : `snapshots ${first!.snapshot.id} to ${left.at(-1)!.snapshot.id}`
    const messages = left.reduce((sum, piece) => sum + piece.messages, 0)
    const text = `${place} was closed before it had published what it received for ${of}, ${messages} messages. It is in the snapshot, and is published when ${place} goes on from that.`
    return new VertigoError('SINK_UNPUBLISHED', text, { place: { component: place } })
  }

  private late(error: unknown): VertigoError {
    const { place } = this.owner
    const text = `${place} cannot publish what is committed, and tries again: ${asError(error).message}`
    return new VertigoError('SINK_LATE', text, { cause: error, place: { component: place } })
  }
}
