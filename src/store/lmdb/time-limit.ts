import type { Clock } from '../../base/clock.ts'

/** A time by which something has to be done that takes several steps. */
export class TimeLimit {
  readonly timeoutMs: number
  /** Whether somebody has chosen it. */
  readonly isChosen: boolean
  private readonly clock: Clock
  private readonly endMs: number

  constructor(clock: Clock, timeoutMs: number, isChosen = false) {
    this.isChosen = isChosen
    this.clock = clock
    this.timeoutMs = timeoutMs
    this.endMs = clock.monotonic() + timeoutMs
  }

  get leftMs(): number {
    return Math.max(0, this.endMs - this.clock.monotonic())
  }

  /** For the next step: what somebody has chosen holds for all of them, the default for each. */
  next(): TimeLimit {
    return this.isChosen ? this : new TimeLimit(this.clock, this.timeoutMs)
  }

  /** What `promise` gives, or a rejection with `late()` when the time is over first: the promise then goes on unheard. */
  for<T>(promise: Promise<T>, late: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.clock.after(this.leftMs, () => reject(late()))
      promise.then(resolve, reject).finally(cancel).catch(reject)
    })
  }
}
