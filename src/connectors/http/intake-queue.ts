import type { Cancel, Clock } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import type { PollResult } from '../../component/index.ts'

/** What becomes of a batch, for whoever has sent it. */
export type Outcome =
  /** It is in the network, or in the journal before it. */
  | { readonly type: 'taken' }
  /** None of it is, and none will be. */
  | { readonly type: 'refused'; readonly why: 'full' | 'late' | 'ending' }
  /** It was given on, and may be lost. */
  | { readonly type: 'unknown'; readonly error: Error }

export interface IntakeLimits {
  readonly queueMessagesMax: number
  /** Of bodies that arrive, and of batches that wait. */
  readonly queueBytesMax: number
  readonly timeoutMs: number
}

interface Batch {
  readonly messages: readonly unknown[]
  readonly bytes: number
  settle: (outcome: Outcome) => void
}

type Kept = (tell: (error?: Error) => void) => void

/**
 * Batches on their way from requests into a network.
 *
 * - HI-1 A batch is sent whole, in the order in which its request had come.
 * - HI-2 What was refused is never sent; what is taken was sent, and is in the journal where there is one.
 * - HI-3 What waits is bounded, in messages and in bytes; what arrives counts from its first byte on.
 */
export class IntakeQueue {
  readonly #clock: Clock
  readonly #limits: IntakeLimits
  #batches: Batch[] = []
  #messages = 0
  #bytes = 0
  /** Requests whose bodies arrive. */
  #arriving = 0
  #isEnding = false
  #wake: () => void = () => undefined

  constructor(clock: Clock, limits: IntakeLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  get isEnding(): boolean {
    return this.#isEnding
  }

  /** Before more bytes of a body are kept. False: there is no room. */
  reserve(bytes: number): boolean {
    const { queueBytesMax, queueMessagesMax } = this.#limits
    if (this.#messages >= queueMessagesMax || this.#bytes + bytes > queueBytesMax) return false
    this.#bytes += bytes
    return true
  }

  /** What was reserved is not needed any more. */
  release(bytes: number): void {
    this.#bytes -= bytes
  }

  /** A body arrives, until what is returned is called. */
  arrive(): () => void {
    this.#arriving++
    return () => {
      this.#arriving--
      this.#wake()
    }
  }

  /** `bytes` were reserved, and are released here. */
  add(messages: readonly unknown[], bytes: number): Promise<Outcome> {
    if (messages.length === 0) return this.#dropped(bytes, { type: 'taken' })
    if (this.#isEnding) return this.#dropped(bytes, { type: 'refused', why: 'ending' })
    // One batch is let in however large it is.
    if (this.#messages > 0 && this.#messages + messages.length > this.#limits.queueMessagesMax)
      return this.#dropped(bytes, { type: 'refused', why: 'full' })
    return new Promise((resolve) => {
      let cancel: Cancel = () => undefined
      const batch: Batch = {
        messages,
        bytes,
        settle: (outcome) => {
          cancel()
          resolve(outcome)
        },
      }
      cancel = this.#clock.after(this.#limits.timeoutMs, () => this.#late(batch), { background: true })
      this.#messages += messages.length
      this.#batches.push(batch)
      this.#wake()
    })
  }

  /** Sends whole batches: the first that waits, and those after it that fit into `max`. */
  poll(max: number, emit: (message: unknown) => void, kept: Kept): PollResult | Promise<PollResult> {
    let sent = 0
    for (;;) {
      const [batch] = this.#batches
      if (batch === undefined || (sent > 0 && sent + batch.messages.length > max)) break
      this.#remove(batch)
      this.#send(batch, emit, kept)
      sent += batch.messages.length
    }
    if (sent > 0) return 'more'
    if (this.#isEnding && this.#arriving === 0) return 'done'
    return new Promise((resolve) => {
      this.#wake = () => resolve('more')
    })
  }

  /** No more requests are taken; batches that wait are. */
  drain(): void {
    this.#isEnding = true
    this.#wake()
  }

  /** At once: what waits is refused. */
  close(): void {
    this.#isEnding = true
    for (const batch of this.#batches.splice(0)) {
      this.#forget(batch)
      batch.settle({ type: 'refused', why: 'ending' })
    }
    this.#wake()
  }

  #send(batch: Batch, emit: (message: unknown) => void, kept: Kept): void {
    try {
      for (const message of batch.messages) emit(message)
    } catch (error) {
      batch.settle({ type: 'unknown', error: asError(error) })
      throw error
    }
    kept((error) => batch.settle(error === undefined ? { type: 'taken' } : { type: 'unknown', error }))
  }

  #late(batch: Batch): void {
    if (this.#batches.includes(batch)) {
      this.#remove(batch)
      batch.settle({ type: 'refused', why: 'late' })
    } else batch.settle({ type: 'unknown', error: new Error('it was not written in time') })
  }

  #remove(batch: Batch): void {
    this.#batches.splice(this.#batches.indexOf(batch), 1)
    this.#forget(batch)
  }

  #forget({ messages, bytes }: Batch): void {
    this.#messages -= messages.length
    this.#bytes -= bytes
  }

  #dropped(bytes: number, outcome: Outcome): Promise<Outcome> {
    this.release(bytes)
    return Promise.resolve(outcome)
  }
}
