import type { Cancel, Clock } from '../../base/clock.ts'

/** A hundred wakes a second at most, however many leases there are. */
const bucketMs = 10

/**
 * Timers that many share: what is due in the same 10 ms runs in one timer, so that a thousand leases cost a thousand
 * calls and not a thousand timers. An action comes up to 10 ms late, as timers do anyway.
 */
export class TimerBuckets {
  private readonly clock: Clock
  private readonly buckets = new Map<number, { readonly actions: Set<() => void>; readonly cancel: Cancel }>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** `atMs`: on the monotonic clock. */
  at(atMs: number, action: () => void): Cancel {
    const number = Math.ceil(atMs / bucketMs)
    const bucket = this.buckets.get(number) ?? this.open(number)
    // Two registrations of one function are two.
    const entry = (): void => action()
    bucket.actions.add(entry)
    return () => {
      bucket.actions.delete(entry)
      if (bucket.actions.size > 0 || this.buckets.get(number) !== bucket) return
      bucket.cancel()
      this.buckets.delete(number)
    }
  }

  private open(number: number): { readonly actions: Set<() => void>; readonly cancel: Cancel } {
    const actions = new Set<() => void>()
    const delayMs = Math.max(0, number * bucketMs - this.clock.monotonic())
    const run = (): void => {
      this.buckets.delete(number)
      for (const action of actions) action()
    }
    const bucket = { actions, cancel: this.clock.after(Math.ceil(delayMs), run, { background: true }) }
    this.buckets.set(number, bucket)
    return bucket
  }
}
