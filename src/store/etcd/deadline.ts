import type { Cancel, Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import { callTimeoutMsDefault } from '../limits.ts'
import type { CallOptions } from '../store.ts'

/** How long a call of the store may take, and who may end it before. */
export class Deadline {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  private readonly clock: Clock
  /** On the monotonic clock. */
  readonly atMs: number

  constructor(clock: Clock, { timeoutMs = callTimeoutMsDefault, signal }: CallOptions) {
    this.clock = clock
    this.timeoutMs = timeoutMs
    this.signal = signal
    this.atMs = clock.monotonic() + timeoutMs
  }

  get leftMs(): number {
    return this.atMs - this.clock.monotonic()
  }

  get isOver(): boolean {
    return this.leftMs <= 0
  }

  /** Calls `stop` once, when the time is over or the signal is aborted. */
  onEnd(stop: () => void): Cancel {
    const { signal } = this
    const cancelTimer = this.clock.after(Math.max(0, this.leftMs), stop)
    signal?.addEventListener('abort', stop, { once: true })
    return () => {
      cancelTimer()
      signal?.removeEventListener('abort', stop)
    }
  }

  /** Waits for what others wait for as well; false where this call's time is over before. Rejects when it is aborted. */
  waitFor(shared: Promise<unknown>): Promise<boolean> {
    const { signal } = this
    return new Promise((resolve, reject) => {
      const end = (): void => {
        if (signal?.aborted === true) reject(signal.reason as Error)
        else resolve(false)
      }
      const unlink = this.onEnd(end)
      if (signal?.aborted === true) end()
      shared.then(() => resolve(true), reject).finally(unlink)
    })
  }
}

export function closedError(): VertigoError {
  return new VertigoError('STORE_CLOSED', 'The store was closed.')
}
