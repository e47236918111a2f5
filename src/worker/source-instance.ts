import type { Cancel } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import { isThenable } from '../base/values.ts'
import type { Logger } from '../component/context.ts'
import type { ListedSplits, SourcePositions } from '../component/define.ts'
import type { KindDefinition } from '../component/kind.ts'
import type { TrackedOptions } from '../component/tracking.ts'
import type { OutputPort } from '../messaging/output-port.ts'
import type { SnapshotBegin, SnapshotEnd } from '../snapshot/part.ts'
import { type Call, callClosed, callDirect, callDiscard } from './call.ts'
import type { InstanceHost } from './host.ts'
import { iteratorReader, type Reader, type ReaderOwner } from './iterator-reader.ts'
import { Instance, type InstanceIdentity, type LifeHooks } from './instance.ts'
import { JournaledReader, type OpenedJournal } from './journal/journaled-reader.ts'
import { PollSize } from './poll-size.ts'
import { ReleasedPositions } from './released-positions.ts'
import type { Saved, SavedLate } from './snapshots/saved.ts'
import { codeBridge, sharedContext, type SetupMeans, type SourceJournals } from './setup.ts'
import { dealJournals, dealKnown, dealListed, journalSplit, owns, type Share } from './splits.ts'
import { rejectionOf } from './rejection.ts'
import type { SavedTree } from './tracking/saved-trees.ts'
import { SourceTracking } from './tracking/source-tracking.ts'
import { TurnPace } from './turn-pace.ts'

const pollsPerTurn = 4
/** How long a poll that is under way may take to end when the source is asked to: what it has pulled is not lost. */
const lastPollMsMax = 1_000

/** A source with a journal begins always: where it goes on is the journal's to know. */
const nothingShared: Share = { positions: undefined, splits: undefined }

/** An instance that is asked for messages while there is room for them. */
export class SourceInstance extends Instance {
  private readonly means: SetupMeans
  /** Where it goes on: of all instances, where they are dealt anew. */
  private from: SourcePositions | undefined
  private readonly needed: ReleasedPositions
  private pollContext: object
  private reader: Reader | undefined
  private call: Call
  private polling = false
  private exhausted = false
  private lastSaved: SourcePositions | undefined
  /** What is open at the last cut, of which answers are to come. */
  private lateTrees: Promise<readonly SavedTree[]> | undefined
  /** See `Saved`: what it goes on from. */
  private answered: Saved['answered'] = []
  private openAtRestore: readonly unknown[] = []
  /** The snapshot that it goes on from. */
  private restored: number | undefined
  /** `from` is of all instances, and their number is another one now. */
  private isUndealt = false
  /** It was asked to end. */
  isEnding = false
  private cancelLastPoll: Cancel = () => undefined
  override readonly isSource = true
  /** Kept by the reader too where that is an iterator's. */
  readonly pace: TurnPace
  private readonly pollSize = new PollSize()
  /** Made with the first message that is tracked. */
  private tracker: SourceTracking | undefined

  constructor(
    identity: InstanceIdentity,
    definition: KindDefinition,
    host: InstanceHost,
    hooks: LifeHooks,
    means: SetupMeans,
    from?: SourcePositions,
  ) {
    super(identity, definition, host, hooks)
    this.means = means
    this.pace = new TurnPace(host.yieldAsked)
    this.from = from
    this.call = undefined as unknown as Call
    this.pollContext = {}
    this.needed = new ReleasedPositions(this.place, this.logger as Logger)
  }

  actingCall(): Call {
    return this.call
  }

  /** Opens a tree (`emit.port.tracked`). */
  readonly openTree = (port: OutputPort, message: unknown, options: TrackedOptions | undefined): void => {
    this.tracker ??= this.makeTracker()
    this.tracker.open(port, message, options)
  }

  get takesMessages(): boolean {
    return this.state === 'running'
  }

  /** How far it has come: what stands before has been sent. Undefined for one that cannot say. */
  get positions(): SourcePositions | undefined {
    return this.reader?.positions?.()
  }

  /** Between two polls, or while one waits: what it has said so far has been sent. */
  beginSnapshot(begin: SnapshotBegin): void {
    if (begin.predecessor !== null) this.tracker?.committed(begin.predecessor)
    if (this.state !== 'running' || begin.snapshot <= this.lastCut) return
    try {
      this.cut(begin, 0)
    } catch (error) {
      this.fail(error)
    }
  }

  endSnapshot(): void {
    // It waits for nobody.
  }

  /** What no kept snapshot goes back to is let go of. */
  snapshotEnded(end: SnapshotEnd): void {
    const { reader, state } = this
    if (end.type === 'committed') this.tracker?.committed(end.snapshot)
    if (end.type === 'committed' && (state === 'running' || state === 'finished'))
      this.needed.committed(end, reader?.release && ((positions) => reader.release!(positions)))
  }

  restoredFrom(snapshot: number): void {
    this.restored = snapshot
  }

  override cut(begin: SnapshotBegin, alignedMs: number): void {
    super.cut(begin, alignedMs)
    this.needed.cut(begin.snapshot, this.lastSaved)
    this.tracker?.cut(begin.snapshot)
  }

  override saved(snapshot: number): Saved {
    this.lastSaved = this.positions
    const tracked = this.tracker?.saved(snapshot) ?? []
    this.lateTrees = tracked instanceof Promise ? tracked : undefined
    return {
      ...super.saved(snapshot),
      positions: this.lastSaved,
      tracked: tracked instanceof Promise ? [] : tracked,
      answered: this.reader?.kept?.() ?? [],
    }
  }

  protected override savedLate(): Promise<SavedLate> | undefined {
    return this.lateTrees?.then((tracked) => ({ tracked }))
  }

  override restore(saved: Saved): void {
    super.restore(saved)
    this.isUndealt = saved.isUndealt === true
    this.from = saved.positions ?? this.from
    this.answered = saved.answered
    this.openAtRestore = saved.tracked.filter((tree) => tree.wantsAnswers).map(({ id }) => id)
    if (saved.tracked.length === 0) return
    this.tracker = this.makeTracker()
    this.tracker.restore(saved.tracked, this.outputs)
  }

  get queuedMessages(): number {
    return 0
  }

  get isQuiet(): boolean {
    return this.state === 'finished'
  }

  protected async setUp(): Promise<void> {
    this.sharedContext = sharedContext(this, this.stop.signal, {})
    this.call = this.newCall()
    const keptAtOnce = (then: () => void): void => then()
    this.pollContext = Object.assign(this.call.context, { kept: keptAtOnce })
    this.reader = await this.makeReader()
    this.closeAuthor = this.reader.close?.bind(this.reader)
    this.reader.recall?.(this.answered, this.openAtRestore)
    if (this.restored !== undefined) this.needed.cut(this.restored, this.positions)
  }

  setTimer(): void {
    throw new VertigoError('TIMER_UNKNOWN', 'a source has no timers; wait in `poll` instead')
  }

  cancelTimer(): void {
    // It has none.
  }

  /**
   * Ends as if the input were exhausted. A reader with a `drain` of its own is polled on until it is done; else a poll
   * that is under way is the last one. It is told by the signal, and given a while, so that what it has taken from
   * somewhere is sent.
   */
  drain(): void {
    if (this.exhausted || this.isEnding || this.state !== 'running') return
    this.isEnding = true
    const { reader } = this
    if (reader?.drain !== undefined) {
      try {
        reader.drain()
      } catch (error) {
        this.fail(error)
      }
      this.wake()
      return
    }
    this.stop.abort(new VertigoError('STOPPED', `${this.place} was asked to end`))
    if (this.polling) this.cancelLastPoll = this.host.clock.after(lastPollMsMax, () => this.abandonPoll())
    else this.exhausted = true
    this.wake()
  }

  private abandonPoll(): void {
    const log = this.logger as Logger
    log.warn(
      `${this.place} did not end within ${lastPollMsMax} ms after it was asked to: it is not waited for`,
    )
    this.call.mode = callDiscard
    this.exhausted = true
    this.polling = false
    this.wake()
  }

  protected override released(): void {
    this.cancelLastPoll()
    this.tracker?.close()
  }

  protected get hasWork(): boolean {
    const { tracker } = this
    if (tracker?.hasDue === true) return true
    if (this.exhausted) return tracker?.isUnfinished !== true
    return !this.polling && this.state === 'running' && tracker?.isFull !== true
  }

  protected work(): number {
    const { tracker, pace } = this
    pace.begin(this.host.clock.monotonic())
    tracker?.beginTurn()
    try {
      if (tracker !== undefined) {
        tracker.work(this.reader!)
        pace.note(this.host.clock.monotonic())
      }
      this.pollOrFinish()
    } finally {
      // The first tracked message makes it.
      this.tracker?.endTurn()
    }
    return pace.readMs
  }

  private pollOrFinish(): void {
    for (let polls = 0; polls < pollsPerTurn; polls++) {
      if (this.exhausted) {
        if (this.tracker?.isUnfinished === true) return
        this.tracker?.close()
        this.finish()
        return
      }
      if (this.polling || this.outbox.blocked > 0 || this.tracker?.isFull === true) return
      this.poll()
      if (this.pace.hasEnded) return
    }
  }

  private poll(): void {
    const { call } = this
    call.mode = callDirect
    const { sent, pace } = this
    const beganMs = pace.readMs
    const result = this.reader!.poll(this.room(), this.pollContext)
    this.outbox.nextCall()
    const nowMs = this.host.clock.monotonic()
    pace.note(nowMs)
    // Of one that gives a promise, what it has done before.
    const heldMs = nowMs - beganMs
    if (!isThenable(result)) {
      this.pollSize.took(heldMs, this.sent - sent)
      call.mode = callClosed
      this.afterPoll(result)
      return
    }
    this.polling = true
    result.then(
      (settled) => {
        if (this.exhausted || this.state !== 'running') return
        call.mode = callClosed
        this.pollSize.took(heldMs, this.sent - sent)
        this.pollEnded()
        this.outbox.nextCall()
        try {
          this.afterPoll(settled)
        } catch (error) {
          this.fail(error)
          return
        }
        this.host.schedule(this)
      },
      (error: unknown) => {
        if (this.exhausted || this.state !== 'running') return
        // Whoever waits with the signal is woken by it.
        if (this.stop.signal.aborted) {
          call.mode = callClosed
          this.exhausted = true
          this.pollEnded()
          this.host.schedule(this)
        } else this.fail(error)
      },
    )
  }

  private pollEnded(): void {
    this.polling = false
    this.cancelLastPoll()
  }

  private afterPoll(result: unknown): void {
    if (result === 'done' || (result === 'more' && this.stop.signal.aborted)) this.exhausted = true
    else if (result !== 'more') {
      throw new VertigoError('SOURCE_MISUSED', `poll returned ${String(result)}; it returns "more" or "done"`)
    }
  }

  /** Messages that fit, as far as their sizes are known. */
  private room(): number {
    let room = this.pollSize.messagesMax
    for (const port of this.outputs) room = Math.min(room, port.room)
    if (this.tracker !== undefined) room = Math.min(room, this.tracker.room)
    return Math.max(1, room)
  }

  private makeTracker(): SourceTracking {
    const { host, takesSnapshots } = this
    return new SourceTracking({
      clock: host.clock,
      pace: this.pace,
      tracking: host.tracking,
      options: this.definition.track ?? {},
      guarantee: host.guarantee(),
      takesSnapshots,
      maySend: () => this.outbox.blocked === 0,
      due: () => this.wake(),
      failed: (error) => this.fail(error),
      deadLetter: (port, message, error) =>
        this.rejectMessage(rejectionOf(this.identity, { port, message }, error, this.nowMs())),
    })
  }

  private makeReader(): Promise<Reader> {
    const { journals } = this.means
    return journals === undefined ? this.authorsReader(this) : this.journaledReader(journals)
  }

  private async journaledReader(journals: SourceJournals): Promise<Reader> {
    const { identity, from, definition, place, host, stop } = this
    const { life, left } = journals
    const own = journalSplit(life, identity.instance)
    const shares = [
      { split: own, life, instance: identity.instance },
      ...dealJournals(from, own, identity, left),
    ]
    const opened: OpenedJournal[] = []
    try {
      for (const { split, life: ofLife, instance } of shares) {
        const isKnown = from !== undefined && Object.hasOwn(from, split)
        opened.push({ split, journal: await journals.open(instance, ofLife, isKnown) })
      }
    } catch (error) {
      await Promise.all(opened.map(({ journal }) => journal.close()))
      throw error
    }
    const lives = shares.filter(({ instance }) => instance === identity.instance).map((one) => one.life)
    return JournaledReader.open({
      journals: opened as [OpenedJournal, ...OpenedJournal[]],
      positions: from,
      ports: Object.keys(definition.outputs),
      place,
      clock: host.clock,
      yieldAsked: host.yieldAsked,
      stop,
      forgetOthers: () => journals.forgetOthers(lives),
      source: (owner) => this.authorsReader(owner),
    })
  }

  private async authorsReader(owner: ReaderOwner): Promise<Reader> {
    const { definition } = this
    const context = {
      ...this.sharedContext,
      load: this.means.load,
      owns: (split: string) => owns(split, this.identity),
      isJournaled: this.means.journals !== undefined,
      ...(this.means.journals === undefined ? await this.share() : nothingShared),
      [codeBridge]: this.means.bridge,
    }
    if (definition.setup !== undefined) {
      const setup = definition.setup as (context: object) => unknown
      return this.checked((await setup(context)) as Reader)
    }
    const read = definition.read as
      ((context: object) => Iterable<unknown> | AsyncIterable<unknown>) | undefined
    if (read === undefined) throw new VertigoError('SOURCE_MISUSED', 'a source needs `read` or `setup`')
    return iteratorReader(read(context), definition.track === undefined ? owner : this.trackingOwner(owner))
  }

  /** All that an iterator gives is tracked. */
  private trackingOwner(owner: ReaderOwner): ReaderOwner {
    const [port] = this.outputs
    return {
      outbox: owner.outbox,
      clock: owner.clock,
      pace: owner.pace,
      outputs: [{ send: (message) => this.openTree(port!, message, undefined) }],
      get takesMessages() {
        return owner.takesMessages
      },
      get isEnding() {
        return owner.isEnding
      },
    }
  }

  private async share(): Promise<Share> {
    const { definition, from, identity, sharedContext: shared } = this
    const splits = definition.splits as ((context: object) => unknown) | undefined
    if (splits === undefined)
      return { splits: undefined, positions: this.isUndealt && from ? dealKnown(from, identity) : from }
    const listed = await splits({ ...shared, load: this.means.load, positions: from })
    if (!isListed(listed)) throw new VertigoError('SOURCE_MISUSED', '`splits` gives an array of names')
    return dealListed(listed, from, identity)
  }

  /** What it says of itself is not believed where it shows to be otherwise. */
  private checked(reader: Reader): Reader {
    if (this.definition.rewinds === true && reader.positions === undefined)
      throw new VertigoError('SOURCE_MISUSED', `${this.place} says that it rewinds, and has no \`positions\``)
    return reader
  }
}

function isListed(value: unknown): value is ListedSplits {
  const names = typeof value === 'object' && value !== null && 'byName' in value ? value.byName : value
  return Array.isArray(names) && names.every((split) => typeof split === 'string')
}
