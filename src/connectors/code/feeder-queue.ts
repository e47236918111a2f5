import { VertigoError } from '../../base/errors.ts'
import type { PollResult } from '../../component/index.ts'
import { Asked, type RequestOptions } from './asked.ts'

export interface FeederOptions {
  /** Messages that wait to be taken; above that, `send` waits. Default 1024: hides the turns of both sides, costs little. */
  readonly queueMessagesMax?: number
}

const accepted = Promise.resolve()

const atOnce = (tell: () => void): void => tell()

function notKept(cause: Error): VertigoError {
  return new VertigoError(
    'SEND_OUTCOME_UNKNOWN',
    'the message may or may not be kept: the journal of the source failed while it was written',
    { cause },
  )
}

interface Waiter<T> {
  readonly message: T
  readonly accept: () => void
  readonly refuse: (error: Error) => void
}

/**
 * Messages on their way from code into a network, within one thread. Bounded: `send` waits for room. The code's side is
 * `send`, `end` and `fail`; the network's side is `take` and `close`.
 */
export class FeederQueue<T = unknown> {
  readonly #messagesMax: number
  #queue: T[] = []
  #head = 0
  readonly #waiters: Waiter<T>[] = []
  #takers: (() => void)[] = []
  #state: 'open' | 'ended' | 'failed' | 'closed' = 'open'
  #error: Error | undefined
  #drained = false
  /** Sources that take from it: those of a network that goes on from a snapshot are there before those of before are gone. */
  #takersAttached = 0
  /** What it was before the last source took no more. */
  #before: 'open' | 'ended' | undefined
  #isJournaled = false

  constructor(options: FeederOptions = {}) {
    this.#messagesMax = options.queueMessagesMax ?? 1024
  }

  /**
   * Settles when there is room for the message, in the order of the calls; where the source has a journal, when the message is on the disk.
   * Rejects when the network takes no more.
   */
  send(message: T): Promise<void> {
    if (this.#state !== 'open') return Promise.reject(this.#refusal())
    if (!this.#isJournaled && this.#queue.length - this.#head < this.#messagesMax) {
      this.#queue.push(message)
      this.#wakeTakers()
      return accepted
    }
    return new Promise((accept, refuse) => {
      this.#waiters.push({ message, accept, refuse })
      if (this.#isJournaled) this.#wakeTakers()
    })
  }

  /**
   * Sends a message, and gives what a component has answered to it (`context.answer`), when all that came of it has been handled;
   * undefined where none has. Errors: those of `send`; REQUEST_FAILED, REQUEST_TIMED_OUT.
   */
  request(message: T, options: RequestOptions = {}): Promise<unknown> {
    const asked = new Asked<T>(message, options)
    if (asked.isGivenUp) return asked.answer
    // Who takes it knows what it is.
    this.send(asked as T).catch((error: Error) => asked.refused(error))
    return asked.answer
  }

  /** No more messages: the source ends when all are taken. */
  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    this.#wakeTakers()
  }

  /** The network's side: it is to end. What was accepted is still taken; who waits to send, or sends later, is refused. */
  drain(): void {
    if (this.#state !== 'open' && this.#state !== 'ended') return
    this.#state = 'ended'
    this.#drained = true
    this.#refuseWaiters()
    this.#wakeTakers()
  }

  /** Makes the source fail with this error, and with it the network. */
  fail(error: Error): void {
    if (this.#state !== 'open') return
    this.#state = 'failed'
    this.#error = error
    this.#refuseWaiters()
    this.#wakeTakers()
  }

  /** The network's side: a source begins to take. Where it was closed with the last one, it is open again. */
  attach(isJournaled: boolean): void {
    this.#takersAttached++
    this.#isJournaled = isJournaled
    if (this.#state !== 'closed' || this.#before === undefined) return
    this.#state = this.#before
    this.#error = undefined
  }

  /** The network's side: a source takes no more. With the last one it is closed. */
  detach(cause?: Error): void {
    if (--this.#takersAttached > 0) return
    const state = this.#state
    this.close(cause)
    if (state === 'open' || state === 'ended') this.#before = state
  }

  /** The network's side: sends on up to `max` messages; the promise settles when there may be some. */
  take(
    max: number,
    out: (message: T) => void,
    kept: (tell: (error?: Error) => void) => void = atOnce,
  ): PollResult | Promise<PollResult> {
    if (this.#state === 'failed') throw this.#error!
    if (this.#state === 'closed') return 'done'
    const end = Math.min(this.#queue.length, this.#head + max)
    if (this.#head < end) {
      for (let i = this.#head; i < end; i++) out(this.#queue[i]!)
      this.#head = end
      this.#compact()
      this.#admit()
      return 'more'
    }
    if (this.#isJournaled && this.#waiters.length > 0) {
      const taken = this.#waiters.splice(0, max)
      for (const { message } of taken) out(message)
      kept((error) => {
        for (const { accept, refuse } of taken)
          if (error === undefined) accept()
          else refuse(notKept(error))
      })
      return 'more'
    }
    if (this.#state === 'ended' && this.#waiters.length === 0) return 'done'
    return new Promise((resolve) => {
      this.#takers.push(() => resolve('more'))
    })
  }

  /** The network's side: nothing is taken any more. Who still waits to send gets an error, with `cause` as its cause. */
  close(cause?: Error): void {
    if (this.#state === 'closed') return
    if (this.#state !== 'failed') this.#error = cause
    this.#state = 'closed'
    const left = this.#queue.slice(this.#head)
    this.#queue = []
    this.#head = 0
    for (const message of left) if (message instanceof Asked) message.refused(this.#refusal())
    this.#refuseWaiters()
    this.#wakeTakers()
  }

  /** Waiting messages move up into the queue. */
  #admit(): void {
    // With a journal, to be accepted is more than to wait in a queue.
    if (this.#isJournaled) return
    let room = this.#messagesMax - (this.#queue.length - this.#head)
    while (room-- > 0) {
      const waiter = this.#waiters.shift()
      if (waiter === undefined) return
      this.#queue.push(waiter.message)
      waiter.accept()
    }
  }

  #compact(): void {
    if (this.#head < this.#queue.length && this.#head < this.#messagesMax) return
    this.#queue = this.#queue.slice(this.#head)
    this.#head = 0
  }

  #wakeTakers(): void {
    if (this.#takers.length === 0) return
    const takers = this.#takers
    this.#takers = []
    for (const wake of takers) wake()
  }

  #refuseWaiters(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.refuse(this.#refusal())
  }

  #refusal(): VertigoError {
    const why =
      this.#state === 'closed' || this.#drained
        ? 'the network takes no more messages'
        : 'the input was ended before'
    return new VertigoError('BRIDGE_CLOSED', `the message was not sent: ${why}`, { cause: this.#error })
  }
}
