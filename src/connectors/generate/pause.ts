import type { Cancel, Clock } from '../../base/clock.ts'

/** A wait of a source that ends early when the source is closed. */
export class Pause {
  readonly #clock: Clock
  #cancel: Cancel | undefined
  #resolve: (() => void) | undefined
  #closed = false

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock
    signal.addEventListener('abort', () => this.close(), { once: true })
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Settles after `delayMs`, or at `close`. */
  wait(delayMs: number): Promise<void> {
    if (this.#closed) return Promise.resolve()
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.#cancel = this.#clock.after(delayMs, resolve)
    })
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
    this.#resolve?.()
  }
}
