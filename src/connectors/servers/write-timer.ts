import { asError } from '../../base/errors.ts'
import type { Cancel, Clock } from '../../base/clock.ts'

export interface WriteTimerOptions {
  /** Writes all that is gathered; never called while a call before has not settled. */
  readonly write: () => Promise<void>
  readonly clock: Clock
  /** Messages that are gathered before they are written. */
  readonly batch: number
  /** Longest time that a message waits for more, in milliseconds. */
  readonly flushMs: number
}

/**
 * Says when to write what is gathered, for sinks that write as messages come: when it is enough, or has waited. While one write is
 * under way the next one fills; `added` returns a promise only when both are full, which is the back-pressure. An error of a write is
 * thrown by the next `added` or `finish`.
 */
export class WriteTimer {
  readonly #options: WriteTimerOptions
  #waiting = 0
  #writing: Promise<void> | undefined
  #cancelTimer: Cancel | undefined
  #failed: Error | undefined

  constructor(options: WriteTimerOptions) {
    this.#options = options
  }

  /** One more was gathered. The promise, where there is one, is to be awaited before the next. */
  added(): Promise<void> | undefined {
    this.#rethrow()
    this.#waiting++
    if (this.#waiting < this.#options.batch) {
      this.#cancelTimer ??= this.#options.clock.after(this.#options.flushMs, () => this.#onTime())
      return undefined
    }
    return this.#flush()
  }

  /** Settles when everything is written. */
  async finish(): Promise<void> {
    this.#rethrow()
    await this.#writing
    this.#rethrow()
    if (this.#waiting > 0) this.#start()
    await this.#writing
    this.#rethrow()
  }

  /** Settles when no write is under way; what is gathered stays unwritten. */
  async abandon(): Promise<void> {
    this.#stopTimer()
    this.#waiting = 0
    await this.#writing
  }

  async #flush(): Promise<void> {
    await this.#writing
    this.#rethrow()
    // Not awaited: the next batch fills meanwhile.
    this.#start()
  }

  #onTime(): void {
    this.#cancelTimer = undefined
    if (this.#writing === undefined && this.#waiting > 0 && this.#failed === undefined) this.#start()
  }

  #start(): void {
    this.#stopTimer()
    this.#waiting = 0
    // Never rejects.
    this.#writing = this.#options.write().then(
      () => this.#ended(),
      (error: unknown) => {
        this.#failed = asError(error)
        this.#ended()
      },
    )
  }

  #ended(): void {
    this.#writing = undefined
    // Its time may have come while the write was under way.
    if (this.#waiting > 0 && this.#failed === undefined)
      this.#cancelTimer ??= this.#options.clock.after(this.#options.flushMs, () => this.#onTime())
  }

  #stopTimer(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #rethrow(): void {
    if (this.#failed !== undefined) throw this.#failed
  }
}
