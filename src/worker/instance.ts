import { asError, isVertigoError, VertigoError } from '../base/errors.ts'
import type { Clock } from '../base/clock.ts'
import type { LogRecord } from '../component/context.ts'
import type { SharedCollections } from '../component/shared.ts'
import type { Sink } from '../component/sink.ts'
import type { KindDefinition } from '../component/kind.ts'
import { Outbox } from '../messaging/outbox.ts'
import type { OutputPort } from '../messaging/output-port.ts'
import type { SnapshotBegin } from '../snapshot/part.ts'
import { applyToRow, entryOf } from '../state/entries.ts'
import type { KeyedState, NewKeyedState } from '../state/keyed-state.ts'
import { MemoryState } from '../state/memory/memory-state.ts'
import type { SlotDeclaration } from '../state/row.ts'
import { Call, type CallOwner, type SharedContext } from './call.ts'
import type { InstanceHost, RejectedMessage, Schedulable } from './host.ts'
import { instanceLogger } from './logger.ts'
import { InstanceMetrics } from './metrics.ts'
import type { Reporter } from './record-window.ts'
import { sendRejection } from './rejection.ts'
import type { PartFacts, SavedEntries } from './snapshots/instance-parts.ts'
import type { InstanceSink } from './snapshots/instance-sink.ts'
import { encodeSaved, nothingSaved, type Saved, type SavedLate } from './snapshots/saved.ts'
import { openSink, type RestoredSinksOf } from './snapshots/sink-owner.ts'
import type { WorkerTracking } from './tracking/worker-tracking.ts'

/** Which instance this is, and what it was told. */
export interface InstanceIdentity {
  readonly component: string
  readonly instance: number
  readonly instances: number
  readonly config: Readonly<Record<string, unknown>>
}

/** How long publishing what is committed may hold up a close, in milliseconds: less than a close may take. */
const lastCommitMsMax = 4_000

/** Records of the log that `setup` may leave for the log's ports, which are connected when the instance starts. */
const earlyRecordsMax = 1_000

export type InstanceState = 'new' | 'ready' | 'running' | 'draining' | 'finished' | 'failed' | 'closed'

/** Hooks of a component's life, by module. */
export interface LifeHooks {
  readonly onStart: readonly ((identity: InstanceIdentity) => void)[]
  readonly onStop: readonly ((identity: InstanceIdentity) => void)[]
}

/**
 * One running copy of a component: its life cycle, its outputs and its state. What makes it go is told by its two
 * kinds: `ComponentInstance` (messages come in) and `SourceInstance` (is asked for messages).
 *
 * Order of calls: `setup`, `start`, `turn` over and over, `close`. `turn` is called by the scheduler only.
 */
export abstract class Instance implements CallOwner, Schedulable, Reporter {
  readonly identity: InstanceIdentity
  readonly definition: KindDefinition
  readonly place: string
  readonly outbox: Outbox
  readonly keyed: KeyedState | undefined
  readonly instanceState: KeyedState | undefined
  readonly stateNames: CallOwner['stateNames']
  readonly frozenState: boolean
  /** Messages that were handled (sources: none). */
  received = 0
  rejectedCount = 0
  /** Stands in the scheduler's queue. */
  queued = false
  readonly isSource: boolean = false
  state: InstanceState = 'new'
  readonly takesSnapshots: boolean
  /** The last snapshot that it has taken the cut of. */
  lastCut = 0
  /** It goes on from a snapshot in which it was over: it ends when it starts. */
  wasOver = false
  /** Its state is that of another version of the component. */
  isMigrated = false
  /** What the sinks of the instances that it goes on from have left. */
  restoredSinks: RestoredSinksOf | undefined
  /** Reads the same where it begins afresh, since somebody has discarded its state. */
  discardedSinks: (() => Promise<RestoredSinksOf>) | undefined
  /** Where it publishes with snapshots. */
  sink: InstanceSink | undefined
  /** It drains because the network goes on without it: for those that it sends to, its end is not that of their input. */
  isLeaving = false
  sharedContext: SharedContext = undefined as unknown as SharedContext
  outputs: readonly OutputPort[] = []
  /** Connected ports that every component has: `error` and those of the log. */
  implicitOutputs: ReadonlyMap<string, OutputPort> = new Map()
  /** Where rejected messages go, if that is connected. */
  errorOutput: OutputPort | undefined
  readonly logger: object
  readonly metrics: InstanceMetrics
  protected readonly host: InstanceHost
  protected readonly hooks: LifeHooks
  protected readonly stop = new AbortController()
  protected closeAuthor: (() => unknown) | undefined
  /** The author's `setup`: what has begun before a close may end after it. */
  private settingUp: Promise<void> | undefined
  private earlyRecords: { readonly level: string; readonly record: LogRecord }[] = []
  private lastGroupId = 0
  private inTurn = false

  /** `newKeyed`: keyed state of the backend that the network has. Default: in memory. */
  constructor(
    identity: InstanceIdentity,
    definition: KindDefinition,
    host: InstanceHost,
    hooks: LifeHooks,
    newKeyed: NewKeyedState = (slots) => new MemoryState(slots),
  ) {
    this.identity = identity
    this.definition = definition
    this.host = host
    this.hooks = hooks
    this.place = `${identity.component}[${identity.instance}]`
    this.outbox = new Outbox(
      {
        outboxUnblocked: () => this.wake(),
        outboxHasParcels: () => {
          if (!this.inTurn) host.schedule(this)
        },
        outboxHasFrames: () => host.framesPending(this),
      },
      host.emitPerMessageMax,
    )
    this.logger = instanceLogger(this, (record) => host.logged(this, record))
    this.metrics = new InstanceMetrics(identity, host.metricMade)
    const slots = declaredSlots(definition)
    this.stateNames = slots.names
    this.frozenState = host.dev
    this.keyed = slots.keyed.length > 0 ? newKeyed(slots.keyed, this.place) : undefined
    this.instanceState = slots.instance.length > 0 ? new MemoryState(slots.instance) : undefined
    this.takesSnapshots = host.takesSnapshots()
    if (this.takesSnapshots) this.keyed?.beginSnapshots()
  }

  abstract actingCall(opener: Call): Call
  /** What `setup` does: nothing may be sent yet. Sets `closeAuthor` where there is something to close. */
  protected abstract setUp(): Promise<void>
  /** Works for a while: at most about the budget of one turn. Gives what `turn` gives. */
  protected abstract work(): number
  protected abstract get hasWork(): boolean
  abstract setTimer(name: string, key: unknown, delayMs: number): void
  abstract cancelTimer(name: string, key: unknown): void
  /** Messages that wait at the inputs. */
  abstract get queuedMessages(): number
  /** Nothing is at work, waits, or will begin by itself. */
  abstract get isQuiet(): boolean
  /** A snapshot begins that it has a part in. */
  abstract beginSnapshot(begin: SnapshotBegin): void
  /** It has come to its end, whatever that is: what of it waits here is over. */
  abstract endSnapshot(snapshot: number): void
  /** Ends without waiting for the inputs: sources stop, components wait for the end of their inputs. */
  abstract drain(): void

  get sent(): number {
    let sent = 0
    for (const port of this.outputs) sent += port.sent
    for (const port of this.implicitOutputs.values()) sent += port.sent
    return sent
  }

  /** What of it is no keyed state, at the cut of a snapshot. */
  saved(_snapshot: number): Saved {
    const { instanceState, lastGroupId } = this
    const row = instanceState?.row('', undefined)
    return {
      ...nothingSaved,
      instanceState: row && entryOf(row, instanceState!.slots, true),
      lastGroupId,
      open: this.outputs.flatMap((port) => port.saved ?? []),
    }
  }

  /** Before `setup`, and after its keyed state was read. */
  restore(saved: Saved): void {
    const { instanceState } = this
    if (instanceState !== undefined && saved.instanceState !== undefined)
      applyToRow(instanceState.row('', undefined), instanceState.slots, saved.instanceState, this.nowMs())
    this.lastGroupId = saved.lastGroupId
    for (const open of saved.open) this.outputs.find(({ name }) => name === open.port)?.restore(open)
  }

  /**
   * What the manifest says of it, and what goes into its file beside keyed state. One that has something to publish is not finished: it is
   * set up again after a failure. Errors: STATE_NOT_ENCODABLE, and what a sink throws.
   */
  partFacts(begin: SnapshotBegin): PartFacts {
    const isOver = this.state === 'finished' || this.state === 'closed'
    const saved = this.saved(begin.snapshot)
    const entries = encodeSaved(saved, this.place)
    // What is in an open group went to the copies that its beginning went to.
    const now: SavedEntries = { entries, hasChannelState: saved.channels.length + saved.open.length > 0 }
    const sink = this.sink?.prepare(begin, isOver)
    const isFinished = isOver && this.sink?.isEmpty !== false
    const late = isOver ? undefined : this.savedLate()
    if (late === undefined && sink === undefined) return { saved: now, isFinished }
    const all = async (): Promise<SavedEntries> => {
      const { channels = [], tracked = [] } = (await late) ?? {}
      const more = { ...nothingSaved, channels, tracked, sink: isFinished ? undefined : await sink }
      const hasChannelState = now.hasChannelState || channels.length > 0
      return { hasChannelState, entries: [...entries, ...encodeSaved(more, this.place)] }
    }
    return { saved: all(), isFinished }
  }

  get publishes(): 'at-once' | 'with-snapshots' {
    return this.takesSnapshots ? 'with-snapshots' : 'at-once'
  }

  get writer(): string {
    return this.host.writerOf(this.identity.component, this.identity.instance)
  }

  protected async setUpSink(sink: Sink | undefined): Promise<void> {
    if (sink === undefined || !this.takesSnapshots) return
    const { sink: opened, recovered } = openSink(sink, this, this.host)
    this.sink = opened
    if (this.state === 'closed') opened.stop()
    await recovered
  }

  /** What belongs to the cut of now and comes after it; undefined where there cannot be anything. */
  protected savedLate(): Promise<SavedLate> | undefined {
    return undefined
  }

  /** Takes the cut: what was sent belongs to the snapshot, what is sent from now on does not. */
  cut(begin: SnapshotBegin, alignedMs: number): void {
    this.lastCut = begin.snapshot
    this.host.cut(this, begin, alignedMs, () => this.partFacts(begin))
    for (const port of this.outputs) port.barrier(begin.snapshot)
    for (const port of this.implicitOutputs.values()) port.barrier(begin.snapshot)
  }

  /** Runs the author's `setup`. Where the instance was closed meanwhile, what was opened is closed at once. */
  setup(): Promise<void> {
    this.settingUp = this.setUpOrClose()
    return this.settingUp
  }

  /** After `close`: fulfilled when a `setup` that was under way has ended, and what it opened is closed. */
  get lateSetup(): Promise<void> {
    return this.settingUp ?? Promise.resolve()
  }

  readonly nextGroupId = (): number => ++this.lastGroupId

  get emitPerMessageMax(): number {
    return this.host.emitPerMessageMax
  }

  get tracking(): WorkerTracking {
    return this.host.tracking
  }

  get clock(): Clock {
    return this.host.clock
  }

  get shared(): SharedCollections {
    return this.host.shared
  }

  nowMs(): number {
    return this.host.clock.now()
  }

  logToPort(level: string, record: LogRecord): void {
    if (this.state !== 'new' && this.state !== 'ready') this.implicitOutputs.get(level)?.send(record)
    else if (this.earlyRecords.length < earlyRecordsMax) this.earlyRecords.push({ level, record })
  }

  /** The network is ready: the first moment when sending is possible. */
  start(): void {
    this.state = 'running'
    if (this.wasOver) {
      this.finish()
      return
    }
    try {
      for (const { level, record } of this.earlyRecords) this.logToPort(level, record)
      this.earlyRecords = []
      for (const hook of this.hooks.onStart) hook(this.identity)
      this.started()
    } catch (error) {
      this.fail(error)
    }
    this.wake()
  }

  turn(): number {
    if (this.state !== 'running' && this.state !== 'draining') return 0
    let readMs
    this.inTurn = true
    try {
      readMs = this.work()
      this.outbox.flushEager()
    } catch (error) {
      this.fail(error)
      return this.host.clock.monotonic()
    } finally {
      this.inTurn = false
    }
    if (this.hasWork && this.outbox.blocked === 0) this.host.schedule(this)
    return readMs
  }

  /** Sends what waits for the end of the slice. */
  flushFrames(): void {
    try {
      this.outbox.flushFrames()
    } catch (error) {
      this.fail(error)
    }
  }

  /** Something changed that may give it work. */
  wake(): void {
    if (this.queued || this.outbox.blocked > 0 || !this.hasWork) return
    if (this.state === 'running' || this.state === 'draining') this.host.schedule(this)
  }

  /** What it reported waits to be taken: it is not called meanwhile, as without credit. */
  hold(): void {
    this.outbox.interrupt()
  }

  goOn(): void {
    this.outbox.goOn()
    this.wake()
  }

  /** Stops at once and frees what `setup` opened. Idempotent. Errors of the author's `close` are thrown. */
  async close(): Promise<void> {
    if (this.state === 'closed') {
      this.keyed?.close()
      return
    }
    const ran = this.state !== 'new'
    // Snapshots have a part of one that has finished: until it is closed once more, with its worker or since the plan is without it.
    const isAskedOn = this.state === 'finished' && this.takesSnapshots
    this.state = 'closed'
    this.released()
    // Sinks publish with the signal that they were given: it stands until what is committed is out.
    if (this.sink !== undefined) await this.sink.close(lastCommitMsMax)
    this.stop.abort(new VertigoError('STOPPED', `${this.place} was stopped`))
    if (!isAskedOn) this.keyed?.close()
    await this.closeOpened()
    if (ran) for (const hook of this.hooks.onStop) hook(this.identity)
  }

  private async setUpOrClose(): Promise<void> {
    try {
      await this.setUp()
      if (this.state === 'new') this.state = 'ready'
    } finally {
      if (this.state === 'closed') await this.closeOpened()
    }
  }

  private async closeOpened(): Promise<void> {
    const { closeAuthor } = this
    this.closeAuthor = undefined
    await closeAuthor?.()
  }

  fail(error: unknown): void {
    if (this.state === 'failed' || this.state === 'closed') return
    this.state = 'failed'
    // Whoever goes on from the last snapshot publishes it.
    this.sink?.stop()
    this.host.failed(this, this.describe(error))
  }

  /** Called in `start`, when sending is possible. */
  protected started(): void {
    // Nothing to do, unless a subclass has.
  }

  /** Called in `close`: cancels timers and the like. */
  protected released(): void {
    // Nothing to do, unless a subclass has.
  }

  /** All is handled and sent: ends the outputs. */
  protected finish(): void {
    this.sink?.finish(() => this.host.publicationChanged(this))
    for (const port of this.outputs) port.end(this.isLeaving)
    for (const port of this.implicitOutputs.values()) port.end(this.isLeaving)
    this.outbox.flushEager()
    this.state = 'finished'
    this.host.finished(this)
  }

  /** To the port for errors, or to whoever takes what no such port took. */
  protected rejectMessage(record: RejectedMessage): void {
    this.rejectedCount++
    if (this.errorOutput === undefined) this.host.rejected(this, record)
    else sendRejection(this.errorOutput, record)
  }

  protected newCall(): Call {
    return new Call(this)
  }

  /** An error with this instance's name; errors of the engine keep their code. */
  protected describe(error: unknown, port?: string, message?: unknown): VertigoError {
    if (isVertigoError(error) && error.place.component === this.place) return error
    const place = { ...(isVertigoError(error) ? error.place : {}), component: this.place }
    if (isVertigoError(error)) {
      return new VertigoError(error.code, `${this.place}: ${error.message}`, {
        cause: error.cause,
        remedy: error.remedy,
        place: port === undefined ? place : { port, ...place },
        faults: error.faults,
      })
    }
    const thrown = asError(error)
    const at = port === undefined ? '' : ` at port "${port}"`
    const what = message === undefined ? '' : ` for message ${preview(message)}`
    return new VertigoError('COMPONENT_FAILED', `${this.place} failed${at}${what}: ${thrown.message}`, {
      cause: thrown,
      place: { ...place, port },
    })
  }
}

/** A message, short enough for an error's text. */
function preview(message: unknown): string {
  let text: string
  try {
    text = JSON.stringify(message) ?? String(message)
  } catch {
    text = Object.prototype.toString.call(message)
  }
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}

function declaredSlots(definition: KindDefinition): {
  names: { name: string; scope: 'keyed' | 'instance'; slot: number }[]
  keyed: SlotDeclaration[]
  instance: SlotDeclaration[]
} {
  const result = {
    names: [] as { name: string; scope: 'keyed' | 'instance'; slot: number }[],
    keyed: [] as SlotDeclaration[],
    instance: [] as SlotDeclaration[],
  }
  for (const [name, declared] of Object.entries(definition.state ?? {})) {
    const scope = declared.options.scope ?? 'keyed'
    const slots = result[scope]
    result.names.push({ name, scope, slot: slots.length })
    slots.push({
      type: declared.type,
      initial: declared.type === 'value' ? declared.initial : undefined,
      ttlMs: declared.options.ttlMs,
    })
  }
  return result
}
