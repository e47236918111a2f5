import { type Clock, sleep } from '../../base/clock.ts'
import type { ErrorCode } from '../../base/error-codes.ts'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import { isThenable } from '../../base/values.ts'
import { compareSinkSnapshots, type Sink, type SinkSnapshot } from '../../component/sink.ts'
import type { SnapshotBegin } from '../../snapshot/part.ts'
import type { SavedSink } from './saved.ts'
import { ahead, discarded, late, notPublished, unpublished } from './sink-errors.ts'
import type { SliceWork } from './slice-work.ts'
import { type Staged, StagedEncoder } from './staged.ts'

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
 *   come before the barriers of a snapshot that cannot do without them (AL-7, AL-8). They are as many as channels hold, and what a handler
 *   above sends before its own cut.
 * - IS-6 Of what is committed, nothing is dropped in silence. What it could not publish before it was closed is told, by its name and
 *   with its numbers; and so is what it cannot publish before it begins afresh, since somebody has discarded its state.
 * - IS-7 What is prepared is encoded in slices: at the cut for no longer than one, so that little is ready at once.
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
  /** Does it in slices, between others' turns. */
  inSlices(work: SliceWork): void
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

/** Whatever is tried, by whatever version: what was written is not there any more. */
const lostCodes: ReadonlySet<string> = new Set<ErrorCode>([
  'SNAPSHOT_FILE_MISSING',
  'SNAPSHOT_FILE_DAMAGED',
  'SNAPSHOT_FOREIGN',
])

/** At the cut, in milliseconds. */
const encodeMs = 1
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
    readonly since: SinkSnapshot | undefined
    readonly staged: readonly Staged[]
  }[]
}

interface Waiting {
  readonly snapshot: SinkSnapshot
  /** That came since the last one, for people. */
  readonly messages: number
  staged: unknown
  chunks: readonly Uint8Array[] | undefined
  bytes: number
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
  /** The first of this deployment; null where it goes on, and nobody has noted it. Undefined before the first. */
  private since: SinkSnapshot | null | undefined
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
    for (const { writer, published, since, staged } of writers) {
      const ask = async () => this.sink.recover(writer, published, since)
      const has = await this.persist(ask, this.limits.recoverMsMax)
      if (writer === this.writer) {
        this.published = staged.at(-1)?.snapshot ?? published
        this.since = since ?? null
      }
      if (has !== undefined && compareSinkSnapshots(has, upTo) > 0)
        throw ahead(this.owner.place, writer, has, snapshot)
      for (const one of staged)
        if (has === undefined || compareSinkSnapshots(one.snapshot, has) > 0)
          await this.commit(writer, one, this.limits.recoverMsMax)
    }
  }

  /**
   * In place of `recover`, where somebody lets the component begin afresh: what it had left is published where the target takes it, and else
   * dropped, and told (IS-6). Nothing that the target says is refused: that is what the choice is for. Errors: those of the storage, SINK_COMMIT_FAILED.
   */
  async discard(read: () => Promise<RestoredSinks>): Promise<void> {
    const { clock, place } = this.owner
    const from = await this.left(read)
    const endMs = clock.monotonic() + this.limits.recoverMsMax
    const leftMs = (): number => endMs - clock.monotonic()
    for (const { writer, published, since, staged } of from?.writers ?? []) {
      if (writer === this.writer) this.since = since ?? null
      let left = staged
      try {
        const ask = async () => this.sink.recover(writer, published, since)
        const has = await this.persist(ask, leftMs())
        left = staged.filter(({ snapshot }) => has === undefined || compareSinkSnapshots(snapshot, has) > 0)
        for (; left.length > 0; left = left.slice(1)) await this.commit(writer, left[0]!, leftMs())
      } catch (error) {
        this.ending.signal.throwIfAborted()
        if (left.length > 0) this.owner.warn(discarded(place, writer, left, error))
      }
    }
  }

  /**
   * Undefined where nobody can ever read it again, which is told. While its storage does not give it, the instance fails and comes again: one
   * that began would take it out of the snapshots for good.
   */
  private async left(read: () => Promise<RestoredSinks>): Promise<RestoredSinks | undefined> {
    try {
      return await this.persist(read, this.limits.recoverMsMax)
    } catch (error) {
      this.ending.signal.throwIfAborted()
      if (!isVertigoError(error) || !lostCodes.has(error.code)) throw error
      this.owner.warn(discarded(this.owner.place, undefined, undefined, error))
      return undefined
    }
  }

  /** At the cut. What the part has of it, later where the sink takes its time. */
  prepare({ incarnation, snapshot: id }: SnapshotBegin, isOver: boolean): SavedSink | Promise<SavedSink> {
    const snapshot = { incarnation, id }
    if (this.end !== undefined && isOver) this.end.lastPrepared ??= id
    if (this.since === undefined) this.since = snapshot
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
      this.add({ snapshot, messages, staged: prepared, chunks: undefined, bytes: 0, ready: undefined })
    const all = [...this.waiting]
    const late = all.flatMap(({ ready }) => ready ?? [])
    this.end?.changed()
    return late.length === 0
      ? this.savedOf(all, isOver)
      : Promise.all(late).then(() => this.savedOf(all, isOver))
  }

  /** The store says so. `whenPublished`: it was the last one of the network; called when nothing of it is left, or nobody publishes it here. */
  publish(committed: number, whenPublished?: () => void): void {
    if (committed <= this.committed || this.isClosed) {
      whenPublished?.()
      return
    }
    if (whenPublished !== undefined) this.sink.undeployed?.()
    this.committed = committed
    this.publishing ??= this.publishAll().finally(() => (this.publishing = undefined))
    if (whenPublished !== undefined) this.publishing = this.publishing.then(whenPublished)
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
    const messages = left.reduce((sum, piece) => sum + piece.messages, 0)
    if (left.length > 0) this.owner.warn(unpublished(this.owner.place, left, messages))
  }

  /** Nothing is called any more. */
  stop(): void {
    this.isClosed = true
    this.ending.abort(new VertigoError('STOPPED', `${this.owner.place} was stopped`))
  }

  private savedOf(pieces: readonly Waiting[], isOver: boolean): SavedSink {
    const { published, since } = this
    return {
      isOver,
      published,
      since: since ?? undefined,
      pieces: pieces.flatMap(({ chunks }) => (chunks === undefined ? [] : [chunks])),
    }
  }

  private add(piece: Waiting): void {
    const { staged } = piece
    this.waiting.push(piece)
    piece.ready = isThenable(staged) ? this.fill(piece, staged) : this.encode(piece)
    // Whoever writes the part hears of it.
    piece.ready?.catch(() => undefined)
  }

  private async fill(piece: Waiting, prepared: PromiseLike<unknown>): Promise<void> {
    try {
      piece.staged = await prepared
    } catch (error) {
      throw this.notPrepared(error)
    }
    if (piece.staged === undefined) this.remove(piece)
    else await this.encode(piece)
    piece.ready = undefined
  }

  /** IS-7. Undefined where that is done. */
  private encode(piece: Waiting): Promise<void> | undefined {
    const encoder = new StagedEncoder(piece, this.owner.place)
    encoder.step(this.owner.clock, encodeMs)
    if (encoder.chunks === undefined) {
      if (encoder.isWaiting) this.owner.inSlices(encoder)
      return this.encoded(piece, encoder)
    }
    this.keep(piece, encoder.chunks)
    return undefined
  }

  private async encoded(piece: Waiting, encoder: StagedEncoder): Promise<void> {
    try {
      this.keep(piece, await encoder.done)
    } catch (error) {
      throw this.notPrepared(error)
    }
    piece.ready = undefined
  }

  private keep(piece: Waiting, chunks: readonly Uint8Array[]): void {
    piece.chunks = chunks
    piece.bytes = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)
    this.waitingBytes += piece.bytes
  }

  /** What was received is in no snapshot, and nobody has it any more: it has to come again. */
  private notPrepared(error: unknown): unknown {
    if (!this.isClosed) this.owner.fail(error)
    return error
  }

  private remove(piece: Waiting): void {
    this.waiting = this.waiting.filter((other) => other !== piece)
    this.waitingBytes -= piece.bytes
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
    const { clock, place } = this.owner
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
        if (triedMs + delayMs > msMax) throw notPublished(place, triedMs, error)
        if (triedMs >= this.limits.lateMs && !isTold) this.owner.warn(late(place, error))
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
}
