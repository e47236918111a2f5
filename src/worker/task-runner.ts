import type { Cancel, Clock } from '../base/clock.ts'
import { isIterator, isThenable } from '../base/values.ts'
import type { GroupContext } from '../messaging/group-tracker.ts'
import type { InputChannel } from '../messaging/input-channel.ts'
import { isPartlySent } from '../messaging/partial.ts'
import type { Track } from '../messaging/tracks.ts'
import type { KeyReader } from '../state/keys.ts'
import { type Call, callBuffered, callClosed, callDiscard } from './call.ts'
import type { Invoke } from './handlers.ts'
import type { FailurePolicy } from './host.ts'
import { callAtWork, inCall } from './task-context.ts'

/** A handler's work on one message that takes longer than one synchronous call, or may have to be repeated. */
export interface Task {
  readonly invoke: Invoke
  readonly port: string | undefined
  readonly message: unknown
  readonly group: GroupContext | undefined
  readonly readKey: KeyReader | undefined
  /** That the message came by. */
  readonly channel?: InputChannel
  readonly call?: Call
  /** Where the message is tracked. */
  readonly track?: Track | undefined
}

export interface TaskOwner {
  readonly options: {
    readonly concurrency: number
    readonly order: 'input' | 'completion'
    readonly policy: FailurePolicy
  }
  readonly clock: Clock
  newCall(): Call
  /** Another message's output is about to be sent: what is counted for each message begins anew. */
  nextMessage(): void
  /** A task ended outside of the owner's turn. */
  settled(): void
  rejected(task: Task, error: unknown): void
  failed(task: Task, error: unknown): void
  /** Does it now, or when the worker is not held any more. */
  whenOpen(action: () => void): void
}

class Running {
  readonly task: Task
  call: Call
  /** Nothing else is at work beside it, and what it emits goes out at once. */
  readonly alone: boolean
  readonly after: (() => void) | undefined
  /** What no other message at work may have: its routing key, encoded. */
  readonly lock: string | undefined
  attempt = 0
  /** It waits for its next attempt: nothing of it has been done. */
  isTakenBack = false
  done = false
  /** An iterator has made a step: it cannot be repeated. */
  committed = false
  rejection: { readonly error: unknown } | undefined
  /** Where its handler returned an iterator. */
  pulled: Pulled | undefined

  constructor(
    task: Task,
    call: Call,
    alone: boolean,
    lock: string | undefined,
    after: (() => void) | undefined,
  ) {
    this.task = task
    this.call = call
    this.alone = alone
    this.lock = lock
    this.after = after
  }
}

interface Pulled {
  readonly iterator: Iterator<unknown> | AsyncIterator<unknown>
  waiting: boolean
}

/**
 * Runs what is not a plain synchronous call: promises, iterators, retries, several messages at a time.
 *
 * - TR-1 With order `input`, what tasks emit goes out in the order of their messages.
 * - TR-2 A failed attempt leaves nothing behind: what it emitted is forgotten, its state changes are undone. (An
 *   iterator that has yielded has sent: it is not repeated.)
 * - TR-3 Of one key, one message is at work at a time: state cannot be lost between an `await` and the next.
 * - TR-4 Iterators are pulled one at a time, the earliest first, when nothing but iterators is at work; no message
 *   begins before they have ended.
 * - TR-5 What a handler has emitted is sent once. Where sending itself fails, the message is rejected if nothing of it
 *   had gone out and the policy says so; else the instance fails. It is not tried again.
 */
export class TaskRunner {
  /** Whether messages may take the short way, without a task. */
  readonly direct: boolean
  private readonly owner: TaskOwner
  private running: Running[] = []
  /** Tasks at work whose handler returned an iterator. */
  private iterators = 0
  /** The call whose handler runs synchronously at this moment. */
  private invoking: Call | undefined
  private waitingForIdle = false
  private waitingForLock: string | undefined
  private readonly locks = new Set<string>()
  private readonly retries = new Set<Cancel>()
  private stopped = false
  /** Set while a synchronous part runs, so that the end of a task is not taken for one outside of a turn. */
  private inStart = false

  constructor(owner: TaskOwner) {
    this.owner = owner
    const { policy, concurrency } = owner.options
    this.direct = concurrency === 1 && policy.retries === 0 && policy.then === 'fail'
  }

  get isIdle(): boolean {
    return this.running.length === 0
  }

  /** Tasks that have been taken back, and wait for their next attempt; undefined where there are others at work. */
  get takenBack(): readonly Task[] | undefined {
    if (!this.running.every(({ isTakenBack }) => isTakenBack)) return undefined
    return this.running.map(({ task }) => task)
  }

  /** Whether there is nothing to do before something at work comes to its end. */
  get isBusy(): boolean {
    return !this.mayStart && !this.canPull
  }

  /** Whether a further message may begin now. */
  get mayStart(): boolean {
    const [first] = this.running
    if (first === undefined) return true
    if (this.waitingForIdle || first.alone || this.iterators > 0) return false
    return this.waitingForLock === undefined && this.running.length < this.owner.options.concurrency
  }

  get canPull(): boolean {
    if (this.iterators === 0) return false
    const [first] = this.running
    if (first?.pulled === undefined || first.pulled.waiting) return false
    return this.running.every((running) => running.done || running.pulled !== undefined)
  }

  /** The call that is at work, where there is no doubt which. */
  get activeCall(): Call | undefined {
    return this.invoking ?? (this.running.length === 1 ? this.running[0]!.call : undefined)
  }

  /**
   * The same where a handle that `opener` opened is used: the message whose code it is, else the opener while it is at
   * work. Where neither is known, the opener refuses.
   */
  actingCall(owner: object, opener: Call): Call {
    const call = callAtWork(owner) ?? this.invoking
    if (call !== undefined) return call
    return opener.mode === callClosed ? (this.activeCall ?? opener) : opener
  }

  /** Whether a failed attempt is taken back while the instance goes on. */
  get takesBack(): boolean {
    const { policy } = this.owner.options
    return policy.retries > 0 || policy.then === 'reject'
  }

  waitUntilIdle(): void {
    this.waitingForIdle = true
  }

  /** A synchronous call that turned out to be longer. Its output has gone out directly from the start. */
  adopt(task: Task & { readonly call: Call }, result: unknown): void {
    const running = new Running(task, task.call, true, undefined, undefined)
    this.running.push(running)
    this.follow(running, result)
  }

  /** Begins a message. False where one of the same lock is at work: try again later. */
  start(task: Task, lock: string | undefined): boolean {
    if (lock !== undefined) {
      if (this.locks.has(lock)) {
        this.waitingForLock = lock
        return false
      }
      this.locks.add(lock)
    }
    const running = new Running(task, this.owner.newCall(), false, lock, undefined)
    this.running.push(running)
    this.attempt(running)
    return true
  }

  /** Runs a handler while nothing else is at work; the caller has made sure of that. */
  startAlone(task: Task, after: (() => void) | undefined, prepare: ((call: Call) => void) | undefined): void {
    const running = new Running(task, this.owner.newCall(), true, undefined, after)
    prepare?.(running.call)
    this.running.push(running)
    this.attempt(running, prepare !== undefined)
  }

  /** Takes the next step of an iterator. */
  pull(): void {
    const running = this.running[0]!
    const pulled = running.pulled!
    const { call } = running
    call.mode = running.alone ? call.directMode : callBuffered
    let step: unknown
    const outer = this.invoking
    this.invoking = call
    try {
      step = this.within(call, () => pulled.iterator.next())
    } catch (error) {
      this.attemptFailed(running, error)
      return
    } finally {
      this.invoking = outer
    }
    if (!isThenable(step)) {
      call.mode = callClosed
      this.afterStep(running, step as IteratorResult<unknown>)
      return
    }
    pulled.waiting = true
    step.then(
      (result) => {
        pulled.waiting = false
        this.outside(() => this.afterStep(running, result as IteratorResult<unknown>))
      },
      (error: unknown) => this.outside(() => this.attemptFailed(running, error)),
    )
  }

  stop(): void {
    this.stopped = true
    for (const cancel of this.retries) cancel()
    this.retries.clear()
    for (const running of this.running) {
      running.call.mode = callDiscard
      const iterator = running.pulled?.iterator
      running.pulled = undefined
      if (iterator !== undefined) endIterator(iterator)
    }
    this.iterators = 0
  }

  private attempt(running: Running, prepared = false): void {
    const { task, call } = running
    running.isTakenBack = false
    if (!prepared) {
      call.message = task.message
      call.readKey = task.readKey
    }
    call.cachedRow = null
    call.context.group = task.group
    call.track = task.track ?? null
    call.mode = running.alone ? call.directMode : callBuffered
    call.undo = running.alone ? null : undoOf(task)
    const outerStart = this.inStart
    const outerCall = this.invoking
    this.inStart = true
    this.invoking = call
    try {
      let result: unknown
      try {
        result = this.within(call, () => task.invoke(task.message, call.context))
      } catch (error) {
        this.attemptFailed(running, error)
        return
      } finally {
        this.invoking = outerCall
      }
      if (result !== undefined && (isThenable(result) || isIterator(result))) this.follow(running, result)
      else this.done(running)
    } finally {
      this.inStart = outerStart
    }
  }

  /** With several messages at work: runs the author's code so that handles of groups know whose it is. */
  private within<T>(call: Call, action: () => T): T {
    return this.owner.options.concurrency > 1 ? inCall(call, action) : action()
  }

  private follow(running: Running, result: unknown): void {
    if (isThenable(result)) {
      result.then(
        // A promise may bring an iterator: that of a generator behind a schema that has to wait.
        (value) => this.outside(() => (isIterator(value) ? this.follow(running, value) : this.done(running))),
        (error: unknown) => this.outside(() => this.attemptFailed(running, error)),
      )
    } else {
      running.call.mode = callClosed
      running.pulled = { iterator: result as Iterator<unknown>, waiting: false }
      this.iterators++
    }
  }

  private afterStep(running: Running, step: IteratorResult<unknown>): void {
    if (step.done) this.forget(running)
    if (!running.alone && !this.send(running)) return
    running.committed = true
    if (step.done) this.done(running)
    else running.call.undo = running.alone ? null : undoOf(running.task)
  }

  private forget(running: Running): void {
    if (running.pulled === undefined) return
    running.pulled = undefined
    this.iterators--
  }

  private attemptFailed(running: Running, error: unknown): void {
    const { policy } = this.owner.options
    this.forget(running)
    running.call.rollBack()
    running.call.mode = callClosed
    if (!running.alone && !running.committed && running.attempt < policy.retries) {
      this.retryLater(running)
    } else if (!running.alone && policy.then === 'reject') {
      running.rejection = { error }
      this.done(running)
    } else {
      this.owner.failed(running.task, error)
    }
  }

  /** TR-5. False where that was the end. */
  private send(running: Running): boolean {
    const { call, task } = running
    this.owner.nextMessage()
    try {
      call.commit()
      return true
    } catch (error) {
      if (
        call.hasSent ||
        running.committed ||
        isPartlySent(error) ||
        this.owner.options.policy.then !== 'reject'
      ) {
        this.owner.failed(task, error)
        return false
      }
      call.rollBack()
      running.rejection = { error }
      if (running.pulled !== undefined) {
        endIterator(running.pulled.iterator)
        this.forget(running)
        this.done(running)
        return false
      }
      return true
    }
  }

  private retryLater(running: Running): void {
    const { policy } = this.owner.options
    const delayMs = Math.min(policy.delayMsMax, policy.delayMs * 2 ** running.attempt)
    running.attempt++
    running.isTakenBack = true
    const cancel = this.owner.clock.after(delayMs, () => {
      this.retries.delete(cancel)
      this.owner.whenOpen(() => {
        running.call = this.owner.newCall()
        this.outside(() => this.attempt(running))
      })
    })
    this.retries.add(cancel)
  }

  private done(running: Running): void {
    running.done = true
    if (this.owner.options.order === 'completion') {
      this.running.splice(this.running.indexOf(running), 1)
      this.complete(running)
    } else {
      while (this.running[0]?.done) this.complete(this.running.shift()!)
    }
    if (this.running.length === 0) this.waitingForIdle = false
  }

  private complete(running: Running): void {
    if (running.lock !== undefined) {
      this.locks.delete(running.lock)
      if (this.waitingForLock === running.lock) this.waitingForLock = undefined
    }
    if (running.rejection === undefined && !this.send(running)) return
    running.call.mode = callClosed
    if (running.rejection === undefined) running.call.settle()
    else this.owner.rejected(running.task, running.rejection.error)
    running.after?.()
  }

  /** For what comes from a promise or a timer: errors have nobody above them, and the owner has to go on. */
  private outside(action: () => void): void {
    if (this.stopped) return
    try {
      action()
    } catch (error) {
      const [first] = this.running
      this.owner.failed(first?.task ?? nobody, error)
      return
    }
    if (!this.inStart) this.owner.settled()
  }
}

const nobody: Task = {
  invoke: () => undefined,
  port: undefined,
  message: undefined,
  group: undefined,
  readKey: undefined,
}

/** Where an attempt notes what to take back; what the groups' handlers have gathered so far is noted at once. */
function undoOf(task: Task): (() => void)[] {
  const undo: (() => void)[] = []
  for (let group = task.group; group !== undefined; group = group.parent) {
    const { state } = group
    const before = { ...state }
    const at = group
    undo.push(() => {
      for (const field of Reflect.ownKeys(state)) Reflect.deleteProperty(state, field)
      at.state = Object.assign(state, before)
    })
  }
  return undo
}

/** Gives the author's `finally` its chance. A failure in there has nobody left to hear it. */
function endIterator(iterator: Iterator<unknown> | AsyncIterator<unknown>): void {
  try {
    const returned: unknown = iterator.return?.(undefined)
    if (isThenable(returned)) returned.then(undefined, () => undefined)
  } catch {
    // The message, or the run, is over already.
  }
}
