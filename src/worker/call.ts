import { VertigoError } from '../base/errors.ts'
import { emitLimit } from '../messaging/outbox.ts'
import { sendDirect, sendFor, sendTracked } from '../messaging/sender.ts'
import { notInSnapshots } from '../messaging/group-tracker.ts'
import type { OpenGroup } from '../messaging/open-groups.ts'
import type { OutputPort } from '../messaging/output-port.ts'
import { routingKey } from '../messaging/router.ts'
import { Lender, type Track, type TrackRun } from '../messaging/tracks.ts'
import type { TrackedOptions } from '../component/tracking.ts'
import { frozenStateHandle } from '../state/frozen-handles.ts'
import { type StateCursor, stateHandle } from '../state/handles.ts'
import type { KeyedState } from '../state/keyed-state.ts'
import { encodeKey, type KeyReader } from '../state/keys.ts'
import { noEpoch, type Row, type RowTracker } from '../state/row.ts'
import type { WorkerTracking } from './tracking/worker-tracking.ts'

/**
 * One call of an author's handler: what it may send and which key's state it sees.
 *
 * Synchronous handlers share one call object, which is used again for each message; a handler that returns a promise
 * or an iterator keeps its call for itself, so that `emit` and `state` stay with their message after an `await`.
 */

/** Whether, and how, a call may send. Single constants, since the hot path compares with them. */
export const callClosed = 0
/** What is emitted goes to the port at once. */
export const callDirect = sendDirect
/** What is emitted waits until the handler has succeeded and its turn has come. */
export const callBuffered = 2
/** What is emitted is thrown away: the instance has been stopped. */
export const callDiscard = 3
/** At once, and it belongs to the tree of a tracked message. */
export const callTracked = sendTracked
export type CallMode =
  typeof callClosed | typeof callDirect | typeof callBuffered | typeof callDiscard | typeof callTracked

/** What a call needs of its instance. */
export interface CallOwner {
  readonly place: string
  readonly outputs: readonly OutputPort[]
  readonly keyed: KeyedState | undefined
  /** One row, of no key. */
  readonly instanceState: KeyedState | undefined
  readonly stateNames: readonly {
    readonly name: string
    readonly scope: 'keyed' | 'instance'
    readonly slot: number
  }[]
  /** Development mode: what state gives cannot be changed. */
  readonly frozenState: boolean
  /** What is the same for every message in the author's contexts. */
  readonly sharedContext: SharedContext
  /**
   * The call that acts where a handle of a group or batch is used that `opener` opened: the message that is at work,
   * which need not be the one that opened it.
   */
  actingCall(opener: Call): Call
  readonly emitPerMessageMax: number
  /** The last snapshot that it has taken the cut of. */
  readonly lastCut: number
  readonly tracking: WorkerTracking
  /** Of a source: opens a tree. */
  readonly openTree?: (port: OutputPort, message: unknown, options: TrackedOptions | undefined) => void
  nowMs(): number
  setTimer(name: string, key: unknown, delayMs: number): void
  cancelTimer(name: string, key: unknown): void
}

/** What an instance's contexts have in common. */
export interface SharedContext {
  readonly component: string
  readonly instance: number
  readonly instances: number
  readonly config: unknown
  readonly log: object
  readonly metrics: object
  readonly clock: object
  readonly shared: object
  readonly signal: AbortSignal
  readonly inputs: object
}

/** The author's context of a message. A class, so that the contexts of all instances have one shape. */
class AuthorContext {
  readonly emit: object
  readonly state: object
  readonly timers: object
  group: unknown = undefined
  readonly component: string
  readonly instance: number
  readonly instances: number
  readonly config: unknown
  readonly log: object
  readonly metrics: object
  readonly clock: object
  readonly shared: object
  readonly signal: AbortSignal
  readonly inputs: object
  readonly answer: (message: unknown) => boolean

  constructor(call: Call, emit: object, state: object, timers: object, shared: SharedContext) {
    this.emit = emit
    this.answer = (message) => call.answer(message)
    this.state = state
    this.timers = timers
    this.component = shared.component
    this.instance = shared.instance
    this.instances = shared.instances
    this.config = shared.config
    this.log = shared.log
    this.metrics = shared.metrics
    this.clock = shared.clock
    this.shared = shared.shared
    this.signal = shared.signal
    this.inputs = shared.inputs
  }
}

/** Of those without keyed state. */
const unused: RowTracker = { epoch: noEpoch, note: () => undefined }

export class Call extends Lender implements StateCursor {
  mode: CallMode = callClosed
  undo: (() => void)[] | null = null
  message: unknown = undefined
  readKey: KeyReader | undefined = undefined
  cachedRow: Row | null = null
  readonly context: AuthorContext
  /** That its handler is in, with those before and behind it; null for none. */
  run: TrackRun | null = null
  /** Something of it has gone out: it cannot be taken back, nor repeated. */
  hasSent = false
  readonly tracker: RowTracker
  private buffer: (() => void)[] = []
  private readonly owner: CallOwner

  constructor(owner: CallOwner) {
    super()
    this.owner = owner
    this.tracker = owner.keyed?.tracker ?? unused
    const timers = {
      after: (name: string, delayMs: number) => {
        const key = this.key()
        this.perform(() => owner.setTimer(name, key, delayMs))
      },
      cancel: (name: string) => {
        const key = this.key()
        this.perform(() => owner.cancelTimer(name, key))
      },
    }
    this.context = new AuthorContext(this, this.makeEmit(), this.makeState(this), timers, owner.sharedContext)
  }

  /** The routing key of the current message; undefined for components without keyed state. */
  key(): unknown {
    return this.owner.keyed === undefined ? undefined : this.row().key
  }

  row(): Row {
    if (this.cachedRow !== null) return this.cachedRow
    const { keyed } = this.owner
    if (keyed === undefined || this.readKey === undefined) {
      throw new VertigoError(
        'STATE_WITHOUT_KEY',
        `${this.owner.place} used keyed state where there is no message with a key`,
      )
    }
    const key = this.readKey(this.message)
    const row = keyed.row(routingKey(key), key)
    // What is swept away or written to the disk while a handler awaits something is needed anew.
    if (keyed.keepsRows) this.cachedRow = row
    return row
  }

  nowMs(): number {
    return this.owner.nowMs()
  }

  /** While what it sends goes out at once. */
  get directMode(): CallMode {
    return this.track === null ? callDirect : callTracked
  }

  /** Itself, where its message belongs to a tree: for whatever its run does not know of. */
  lender(): Lender | null {
    this.leaveRun()
    return this.track === null ? null : this
  }

  /** It goes on by itself: what it sends from now on is noted one by one. */
  leaveRun(): void {
    if (this.run === null) return
    this.run.leave(this)
    if (this.mode === callDirect) this.mode = this.directMode
  }

  /** Of the tree that its message belongs to. */
  get treeTrack(): Track | null {
    return this.track ?? this.run?.track ?? null
  }

  /** Its handler has ended well. */
  settle(): void {
    this.settleTrack(this.owner.tracking)
  }

  /** To the source of the tracked message, if that wants answers; says whether it does. */
  answer(message: unknown): boolean {
    const { treeTrack: track } = this
    const { tracking } = this.owner
    if (track === null || this.mode === callClosed || !tracking.wantsAnswers(track)) return false
    // With what it emits: a handler that fails after it, and is called again, has not given it.
    this.perform(() => tracking.answer(track, message, this.owner.lastCut))
    return true
  }

  isOf(owner: object): boolean {
    return this.owner === owner
  }

  /** The handles for the state of a given row: for `drain`, which goes through all of them. */
  stateOf(row: Row): object {
    const { keyed } = this.owner
    if (keyed === undefined || keyed.keepsRows)
      return this.makeState(new FixedCursor(this, row, this.tracker))
    return this.makeState(new KeyCursor(this, keyed, row.key))
  }

  /** Buffered: everything is sent now, in its order. */
  commit(): void {
    const { buffer } = this
    if (buffer.length === 0) return
    this.buffer = []
    for (const action of buffer) {
      action()
      this.hasSent = true
    }
  }

  /** Takes back what a failed handler has done: state changes undone, emitted messages forgotten. */
  rollBack(): void {
    this.buffer = []
    if (this.undo === null) return
    for (let i = this.undo.length - 1; i >= 0; i--) this.undo[i]!()
    this.undo = []
  }

  /** Does `action` now or with the commit; refuses where no handler is at work. */
  perform(action: () => void): void {
    switch (this.mode) {
      case callDirect:
      case callTracked:
        action()
        break
      case callBuffered:
        if (this.buffer.length >= this.owner.emitPerMessageMax) throw emitLimit(this.owner.emitPerMessageMax)
        this.buffer.push(action)
        break
      case callDiscard:
        break
      case callClosed:
        throw new VertigoError(
          'EMIT_OUTSIDE_HANDLER',
          `${this.owner.place} sent something when its handler had ended`,
        )
    }
  }

  private makeEmit(): object {
    const emit: Record<string, unknown> = {}
    for (const port of this.owner.outputs) {
      const send = port.senderOf(this)
      const output = Object.assign(send, {
        group: (name?: string, args?: unknown) => new GroupHandle(this, port, undefined, name, args).author,
        batch: (args?: unknown) => this.openBatch(port, send, args),
      })
      const { openTree } = this.owner
      emit[port.name] =
        openTree === undefined
          ? output
          : Object.assign(output, {
              tracked: (message: unknown, options?: TrackedOptions) =>
                this.mode === callDirect
                  ? openTree(port, message, options)
                  : this.perform(() => openTree(port, message, options)),
            })
    }
    return emit
  }

  private openBatch(port: OutputPort, send: (message: unknown) => void, args: unknown): object {
    this.perform(() => port.startBatch(args, this.lender()))
    const active = (): Call => this.acting()
    return handleOf({
      send: (message: unknown) => {
        const call = active()
        if (call === this) send(message)
        else call.perform(() => sendFor(port, message, call.lender()))
      },
      group: (name?: string, groupArgs?: unknown) =>
        new GroupHandle(active(), port, undefined, name, groupArgs).author,
      end: (endArgs?: unknown) => {
        const call = active()
        call.perform(() => port.endBatch(endArgs, call.lender()))
      },
    })
  }

  private makeState(ofKey: StateCursor): object {
    const { keyed, instanceState } = this.owner
    const state: Record<string, unknown> = {}
    const handle = this.owner.frozenState ? frozenStateHandle : stateHandle
    const ofInstance =
      instanceState && new FixedCursor(this, instanceState.row('', undefined), instanceState.tracker)
    for (const { name, scope, slot } of this.owner.stateNames) {
      if (scope === 'keyed') state[name] = handle(ofKey, slot, keyed!.slots[slot]!)
      else state[name] = handle(ofInstance!, slot, instanceState!.slots[slot]!)
    }
    return state
  }

  /** For handles of groups and batches that it opened: the call that acts for them now. */
  acting(): Call {
    return this.owner.actingCall(this)
  }
}

/** State of the instance, or of one key: the same row whatever the message; changes are undone with the call's. */
class FixedCursor implements StateCursor {
  private readonly call: Call
  private readonly fixed: Row
  readonly tracker: RowTracker

  constructor(call: Call, fixed: Row, tracker: RowTracker) {
    this.call = call
    this.fixed = fixed
    this.tracker = tracker
  }

  get undo(): (() => void)[] | null {
    return this.call.undo
  }

  row(): Row {
    return this.fixed
  }

  nowMs(): number {
    return this.call.nowMs()
  }
}

/** State of a given key, whose row may be another object each time. */
class KeyCursor implements StateCursor {
  private readonly call: Call
  private readonly keyed: KeyedState
  private readonly key: unknown
  private readonly encoded: string

  constructor(call: Call, keyed: KeyedState, key: unknown) {
    this.call = call
    this.keyed = keyed
    this.key = key
    this.encoded = encodeKey(key)
  }

  get tracker(): RowTracker {
    return this.keyed.tracker
  }

  get undo(): (() => void)[] | null {
    return this.call.undo
  }

  row(): Row {
    return this.keyed.row(this.encoded, this.key)
  }

  nowMs(): number {
    return this.call.nowMs()
  }
}

/** Snapshots leave it out of what a group gathers: who goes on from one opens it again, by its name. */
function handleOf<T extends object>(handle: T): T {
  return Object.defineProperty(handle, notInSnapshots, { value: true })
}

/** The author's handle of an open group. */
class GroupHandle {
  readonly author: object
  private open: OpenGroup | undefined

  constructor(
    call: Call,
    port: OutputPort,
    parent: GroupHandle | undefined,
    name: string | undefined,
    args: unknown,
  ) {
    call.perform(() => {
      this.open = port.startGroup(parent?.opened(), name, args, call.lender())
    })
    const perform = (action: (lender: Lender | null) => void): void => {
      const acting = call.acting()
      acting.perform(() => action(acting.lender()))
    }
    this.author = handleOf({
      send: (message: unknown) => perform((lender) => port.sendIn(this.opened(), message, lender)),
      group: (innerName?: string, innerArgs?: unknown) =>
        new GroupHandle(call.acting(), port, this, innerName, innerArgs).author,
      end: (endArgs?: unknown) => perform((lender) => port.endGroup(this.opened(), endArgs, lender)),
    })
  }

  private opened(): OpenGroup {
    if (this.open !== undefined) return this.open
    throw new VertigoError(
      'GROUP_MISUSED',
      'a group was used whose opening was taken back, or is yet to come',
    )
  }
}
