import { VertigoError } from '../base/errors.ts'
import type { KindDefinition } from '../component/kind.ts'
import type { GroupContext } from '../messaging/group-tracker.ts'
import { Inbox } from '../messaging/inbox.ts'
import type { InputChannel } from '../messaging/input-channel.ts'
import type { Parcel } from '../messaging/parcel.ts'
import { settleTracks } from '../messaging/tracks.ts'
import type { SnapshotBegin } from '../snapshot/part.ts'
import type { KeyReader } from '../state/keys.ts'
import type { InstanceAssignment } from './assignment.ts'
import type { Call } from './call.ts'
import { callClosed, callDirect } from './call.ts'
import { type AuthorBehaviour, type Invoke, ownField } from './handlers.ts'
import { drainContext } from './drain-context.ts'
import type { FailurePolicy, InstanceHost } from './host.ts'
import { Instance, type InstanceIdentity, type LifeHooks } from './instance.ts'
import type { LoopProgress } from './message-loop.ts'
import { type Alone, handleControl, ofNothing } from './input-controls.ts'
import { abandonGroups, hasGroupState, messageHandler } from './input-groups.ts'
import { keyLock, ownKeysOnly } from './message-keys.ts'
import { type InputPort, prepareInputs, runSetup, type SetupMeans } from './setup.ts'
import { rejectionOf } from './rejection.ts'
import { ComponentCut } from './snapshots/component-cut.ts'
import type { Saved, SavedLate } from './snapshots/saved.ts'
import { type Task, TaskRunner } from './task-runner.ts'
import { TimerSet } from './timer-set.ts'
import { tellSource } from './tracking/failures.ts'
import { TrackedParcels } from './tracking/tracked-parcels.ts'
import { turnMessagesMax, TurnPace } from './turn-pace.ts'

/** How an instance treats its messages. */
export interface ComponentOptions {
  readonly concurrency: number
  readonly order: 'input' | 'completion'
  readonly policy: FailurePolicy
}

/**
 * An instance that messages come to.
 *
 * - CI-1 A handler is not called while an output has no credit.
 * - CI-2 A control (group, batch, end) is handled alone: everything before it is done, nothing after it has begun.
 * - CI-3 Synchronous handlers cost no promise, no closure and no object for each message.
 */
export class ComponentInstance extends Instance {
  readonly inbox: Inbox
  readonly inputs: readonly InputPort[]
  private readonly options: ComponentOptions
  private readonly means: SetupMeans
  readonly timers: TimerSet
  readonly tasks: TaskRunner
  private readonly snapshots: ComponentCut
  private behaviour: AuthorBehaviour = {}
  private call: Call
  private readonly progress: LoopProgress = { at: 0, result: undefined, yieldAsked: this.host.yieldAsked }
  private readonly trackedParcels = new TrackedParcels(this, this.progress)
  private readonly pace = new TurnPace(this.host.yieldAsked)
  private endedChannels = 0
  private constants = 0
  /** Index of the port whose messages are being handed over; -1 for none. */
  private portAtWork = -1
  private interrupted = false
  private drained = false
  /** Without inputs, timers keep a component going: it ends when it is asked to. */
  private askedToEnd = false
  /** Sources that are not there yet have to end as well before it ends. */
  awaitsSources = false
  /** Some have finished and are gone from the plan, and their channels with them. */
  private hasDoneSources = false
  /** Its network may be changed: without an input it does not end by itself, since it may get one. */
  private mayBeConnected = false

  constructor(
    identity: InstanceIdentity,
    definition: KindDefinition,
    host: InstanceHost,
    hooks: LifeHooks,
    options: ComponentOptions,
    means: SetupMeans,
  ) {
    super(identity, definition, host, hooks, means.newKeyed)
    this.options = options
    this.means = means
    this.inputs = prepareInputs(definition, means)
    this.inbox = new Inbox(
      this.inputs.length,
      () => this.wake(),
      (it) => this.snapshots.arrived(it),
    )
    this.timers = new TimerSet(host.clock, () => this.wake())
    this.tasks = new TaskRunner({
      options,
      clock: host.clock,
      newCall: () => this.newCall(),
      nextMessage: () => this.outbox.nextCall(),
      settled: () => this.taskSettled(),
      rejected: (task, error) => this.reject(task, error),
      failed: (task, error) => this.taskFailed(task, error),
      whenOpen: (action) => host.whenOpen(action),
    })
    this.snapshots = new ComponentCut(this, host)
    // Made anew in `setup`, when the outputs are known.
    this.call = undefined as unknown as Call
  }

  /** The plan is in force. */
  follow(assigned: Pick<InstanceAssignment, 'awaitsSources' | 'hasDoneSources'>, mayChange: boolean): void {
    this.awaitsSources = assigned.awaitsSources
    this.hasDoneSources = assigned.hasDoneSources ?? false
    this.mayBeConnected = mayChange
  }

  actingCall(opener: Call): Call {
    if (this.options.concurrency > 1) return this.tasks.actingCall(this, opener)
    return this.tasks.activeCall ?? this.call
  }

  get queuedMessages(): number {
    return this.inbox.queued
  }

  /** A channel of its own, which brings one message and ends. */
  addConstant(channel: InputChannel, value: unknown): void {
    this.constants++
    this.inbox.add(channel)
    const control = { type: 'end' } as const
    this.inbox.arrive(channel, { items: [value], group: 0, control, bytes: 0, tracks: null, released: false })
  }

  /** The channel is no more: it has ended, or never began. */
  removeInput(channel: InputChannel): void {
    this.inbox.remove(channel)
    if (channel.ended) this.endedChannels--
    this.wake()
  }

  /** Nothing of the port is delivered any more, not even the rest of the messages that are at hand. */
  pauseInput(port: number): void {
    this.inbox.pause(port)
    if (this.portAtWork !== port || this.interrupted) return
    this.interrupted = true
    this.outbox.interrupt()
  }

  beginSnapshot(begin: SnapshotBegin): void {
    this.snapshots.alignment.announced(begin)
  }

  endSnapshot(snapshot: number): void {
    this.snapshots.ended(snapshot)
  }

  override saved(snapshot: number): Saved {
    return this.snapshots.saved(super.saved(snapshot))
  }

  protected override savedLate(): Promise<SavedLate> | undefined {
    return this.snapshots.savedLate()?.then((channels) => ({ channels }))
  }

  override restore(saved: Saved): void {
    super.restore(saved)
    this.snapshots.restore(saved)
  }

  /** Pending timers do not count, as they do not at the end of the inputs; without inputs they are what it lives by. */
  get isQuiet(): boolean {
    if (this.inbox.queued > 0 || !this.tasks.isIdle || this.timers.isDue || this.hasWork) return false
    return this.inbox.all.length > 0 || this.state === 'finished'
  }

  protected async setUp(): Promise<void> {
    const { behaviour, shared } = await runSetup(this, this.definition, this.means, this.stop.signal)
    this.behaviour = behaviour
    this.sharedContext = shared
    this.closeAuthor = behaviour.close?.bind(behaviour)
    for (const port of this.inputs) port.bind(behaviour)
    this.call = this.newCall()
    await this.setUpSink(behaviour.sink)
  }

  override started(): void {
    const { ready } = this.behaviour
    if (ready !== undefined) this.runAlone((context) => ready(context), ofNothing)
  }

  setTimer(name: string, key: unknown, delayMs: number): void {
    if (ownField(this.behaviour.timers, name) === undefined) {
      throw new VertigoError('TIMER_UNKNOWN', `there is no handler for timer "${name}"`)
    }
    this.timers.set(name, this.keyed === undefined ? undefined : key, delayMs)
  }

  cancelTimer(name: string, key: unknown): void {
    this.timers.cancel(name, this.keyed === undefined ? undefined : key)
  }

  /** A component ends when its inputs have ended; one without inputs, when it is asked to. */
  drain(): void {
    this.askedToEnd = true
    this.wake()
  }

  protected get hasWork(): boolean {
    if (this.snapshots.mayCut) return true
    if (this.tasks.isBusy) return false
    const mayTake = this.inbox.hasWork && this.takesMessages
    return this.tasks.canPull || this.timers.isDue || mayTake || this.mayEnd
  }

  /** IS-5: where its sink is full, only to come to the barriers of a snapshot (AL-7, AL-8). */
  private get takesMessages(): boolean {
    return this.sink?.isFull !== true || this.snapshots.alignment.needsInputs
  }

  protected override released(): void {
    this.snapshots.stop()
    this.timers.cancelAll()
    this.tasks.stop()
    this.inbox.discardAll()
  }

  protected override finish(): void {
    super.finish()
    // What is connected to it from now on finds nobody.
    this.inbox.discardAll(this.tracking)
  }

  protected work(): number {
    const { pace } = this
    const { clock } = this.host
    let left = turnMessagesMax
    let inStep = 0
    // What comes to its end between two turns leaves a moment for it.
    this.snapshots.tryCut()
    pace.begin(clock.monotonic())
    while (left > 0 && this.outbox.blocked === 0 && !this.tasks.isBusy && this.state !== 'failed') {
      let done = 1
      if (this.tasks.canPull) {
        this.tasks.pull()
        this.outbox.nextCall()
      } else if (this.timers.isDue) {
        if (this.tasks.isIdle) this.fireTimer()
        else this.tasks.waitUntilIdle()
      } else {
        const channel = this.takesMessages ? this.inbox.take() : undefined
        if (channel === undefined) break
        done = this.workOn(channel, pace.step - inStep)
      }
      left -= done
      inStep += done
      if (pace.isDue(inStep)) {
        if (pace.isOver(clock.monotonic(), inStep)) break
        inStep = 0
      }
    }
    if (inStep > 0) pace.isOver(clock.monotonic(), inStep)
    this.keyed?.tend(this.nowMs())
    this.snapshots.tryCut()
    if (this.mayEnd && this.outbox.blocked === 0) this.end()
    return pace.readMs
  }

  /** Handles messages of a channel, at most `left`; returns how many. */
  private workOn(channel: InputChannel, left: number): number {
    const parcel = channel.first()
    if (parcel === undefined) return 1
    const port = this.inputs[channel.port]!
    const from = channel.position
    let at = from
    if (from < parcel.items.length) {
      const group = parcel.group === 0 ? undefined : channel.groups.get(parcel.group)
      const invoke = messageHandler(port, channel, group)
      const end = Math.min(parcel.items.length, from + left)
      const byKey = channel.readKey ?? port.readKey
      const isOfGroup = group !== undefined && this.keyed !== undefined && byKey !== undefined
      const readKey = isOfGroup ? ownKeysOnly(byKey, this.identity) : byKey
      this.portAtWork = channel.port
      if (invoke === undefined) at = this.passOver(parcel, from, end)
      else if (this.tasks.direct) at = this.runDirect(parcel, from, end, invoke, group, port, readKey)
      else at = this.runTasks(parcel, from, end, invoke, group, port, readKey, channel)
      this.portAtWork = -1
      if (this.interrupted) {
        this.interrupted = false
        this.outbox.goOn()
      }
      channel.position = at
      this.received += at - from
    }
    const isDone = at === parcel.items.length && this.state !== 'failed'
    if (isDone && !this.inbox.isPaused(channel.port)) this.endParcel(channel, parcel, port)
    this.inbox.giveBack(channel, channel.position > 0)
    return at - from + 1
  }

  /** Nobody handles them, so they are complete. */
  private passOver({ tracks }: Parcel, from: number, end: number): number {
    settleTracks(tracks, from, end, this.tracking)
    return end
  }

  /** The short way: synchronous handlers that may fail the network. */
  private runDirect(
    { items, tracks }: Parcel,
    from: number,
    end: number,
    invoke: Invoke,
    group: GroupContext | undefined,
    port: InputPort,
    readKey: KeyReader | undefined,
  ): number {
    const { call, progress } = this
    call.mode = callDirect
    call.readKey = readKey
    call.context.group = group
    try {
      if (tracks === null) port.loop(items, from, end, invoke, call, this.outbox, progress)
      else this.trackedParcels.handle({ items, tracks }, from, end, invoke, call, port)
    } catch (error) {
      this.trackedParcels.close(call, true)
      const described = this.describe(error, port.name, items[progress.at - 1])
      const message = items[progress.at - 1]
      tellSource(this, { port: port.name, message, call }, described)
      throw described
    }
    const { at, result } = progress
    this.trackedParcels.close(call, result !== undefined)
    if (result === undefined) {
      call.mode = callClosed
      call.track = null
      return at
    }
    progress.result = undefined
    this.call = this.newCall()
    this.tasks.adopt({ invoke, port: port.name, message: items[at - 1], group, readKey, call }, result)
    return at
  }

  /** With retries, rejection or concurrency: each message is a task whose output waits for its success. */
  private runTasks(
    { items, tracks }: Parcel,
    from: number,
    end: number,
    invoke: Invoke,
    group: GroupContext | undefined,
    port: InputPort,
    readKey: KeyReader | undefined,
    channel: InputChannel,
  ): number {
    const { concurrency } = this.options
    const isKeyed = this.keyed !== undefined && readKey !== undefined && concurrency > 1
    // What one attempt takes back of `group.state` must not be another message's.
    const isShared = concurrency > 1 && this.tasks.takesBack && hasGroupState(group)
    let at = from
    while (at < end && this.tasks.mayStart && this.outbox.blocked === 0 && this.state !== 'failed') {
      const message = items[at]
      if (isShared && !this.tasks.isIdle) {
        this.tasks.waitUntilIdle()
        break
      }
      const lock = isKeyed ? keyLock(readKey, message) : undefined
      const track = tracks?.[at]
      const task = { invoke, port: port.name, message, group, readKey, channel, track }
      if (!this.tasks.start(task, lock)) break
      at++
      this.outbox.nextCall()
      if (this.host.yieldAsked[0] !== 0) break
    }
    return at
  }

  private endParcel(channel: InputChannel, parcel: Parcel, port: InputPort): void {
    const { control } = parcel
    if (control === null) {
      channel.shift()
      return
    }
    if (control.type === 'barrier') {
      this.snapshots.cameTo(channel, control.snapshot)
      return
    }
    if (!this.tasks.isIdle) {
      this.tasks.waitUntilIdle()
      return
    }
    channel.shift()
    if (control.type !== 'end') {
      handleControl(this, channel, port, parcel, control)
      return
    }
    if (abandonGroups(channel, parcel, port.name, this)) return
    this.endedChannels++
    channel.finish(control.removed ?? false)
  }

  goOnWith(channel: InputChannel): void {
    this.inbox.giveBack(channel, true)
  }

  /** Runs a handler that nothing overtakes: of groups, batches, timers, `ready` and `drain`. */
  runAlone(
    handler: (context: object) => unknown,
    { group, port, tracks }: Alone,
    after?: () => void,
    prepare?: (call: Call) => void,
  ): void {
    const invoke: Invoke = (_message, context) => handler(context)
    this.tasks.startAlone(
      { invoke, port: port?.name, message: undefined, group, readKey: undefined, track: tracks?.[0] },
      after,
      prepare,
    )
    this.outbox.nextCall()
  }

  private fireTimer(): void {
    const due = this.timers.take()
    const handler = ownField(this.behaviour.timers, due.name)
    if (handler === undefined) return
    // A timer belongs to its key, not to the message that set it: others may have moved it since. So it is in no tree.
    this.runAlone(handler, ofNothing, undefined, (call) => {
      call.readKey = (key) => key
      call.message = due.key
    })
  }

  private get mayEnd(): boolean {
    if (this.drained || this.state !== 'running') return false
    const channels = this.inbox.all.length
    if (this.endedChannels < channels || !this.tasks.isIdle || this.timers.isDue) return false
    const hadInputs = channels > this.constants || this.hasDoneSources
    if (!this.askedToEnd && (this.awaitsSources || (this.mayBeConnected && !hadInputs))) return false
    return channels > 0 || hadInputs || this.askedToEnd || !this.timers.isPending
  }

  private end(): void {
    this.drained = true
    this.state = 'draining'
    this.timers.cancelAll()
    const { drain } = this.behaviour
    if (drain === undefined) {
      this.finish()
      return
    }
    this.runAlone(
      (context) => drain(drainContext(context, this.keyed, this.tasks.activeCall, this.nowMs())),
      ofNothing,
      () => this.finish(),
    )
  }

  /** A task came to its end outside of a turn: go on, and send what it emitted. */
  private taskSettled(): void {
    this.outbox.nextCall()
    if (this.state === 'running' || this.state === 'draining') this.host.schedule(this)
  }

  private taskFailed(task: Task, thrown: unknown): void {
    const error = this.describe(thrown, task.port, task.message)
    tellSource(this, task, error)
    this.fail(error)
  }

  private reject(task: Task, thrown: unknown): void {
    const error = this.describe(thrown, task.port, task.message)
    tellSource(this, task, error)
    this.rejectMessage(rejectionOf(this.identity, task, error, this.nowMs()))
  }
}
