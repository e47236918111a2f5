import type { Clock } from '../../base/clock.ts'

/** A time by which something has to be done that takes several steps. */
export class TimeLimit {
  readonly timeoutMs: number
  /** Whether somebody has chosen it. */
  readonly isChosen: boolean
  private readonly clock: Clock
  private endMs: number

  constructor(clock: Clock, timeoutMs: number, isChosen = false) {
    this.isChosen = isChosen
    this.clock = clock
    this.timeoutMs = timeoutMs
    this.endMs = clock.monotonic() + timeoutMs
  }

  get leftMs(): number {
    return Math.max(0, this.endMs - this.clock.monotonic())
  }

  /** Leaves out what was not meant to count. */
  extend(byMs: number): void {
    this.endMs += byMs
  }

  /** What `promise` gives, or a rejection with `late()` when the time is over first: the promise then goes on unheard. */
  for<T>(promise: Promise<T>, late: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.clock.after(this.leftMs, () => reject(late()))
      promise.then(resolve, reject).finally(cancel).catch(reject)
    })
  }
}
