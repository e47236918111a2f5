import { type Cancel, type Clock, systemClock } from '../base/clock.ts'

interface Timer {
  readonly dueMs: number
  readonly order: number
  readonly action: () => void
}

/** 2025-01-01T00:00:00Z: a fixed moment, so that times in expected results can be written down. */
const startMsDefault = Date.UTC(2025, 0, 1)
/** Each reading moves the monotonic clock on by a microsecond: time slices of the engine come to their end. */
const readingMs = 0.001

/**
 * A clock that stands still until it is told to go on. Timers run in the order in which they are due; what is due at
 * the same time runs in the order in which it was set.
 *
 * Timers run within `advance`. What waits for nothing but the event loop (`soon`) runs when a tester settles, and
 * between two timers of `advance`.
 */
export class TestClock implements Clock {
  #nowMs: number
  readonly #startMs: number
  #readings = 0
  #order = 0
  #timers: Timer[] = []
  #soon: (() => void)[] = []
  #soonHead = 0

  /** `startMs`: milliseconds since 1970. */
  constructor(startMs: number = startMsDefault) {
    this.#nowMs = startMs
    this.#startMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    this.#readings++
    return this.#nowMs - this.#startMs + this.#readings * readingMs
  }

  after(delayMs: number, action: () => void): Cancel {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, action }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((known) => known !== timer)
    }
  }

  every(periodMs: number, action: () => void): Cancel {
    const periodAtLeast = Math.max(1, periodMs)
    let cancel: Cancel = () => undefined
    const set = (): void => {
      cancel = this.after(periodAtLeast, () => {
        set()
        action()
      })
    }
    set()
    return () => cancel()
  }

  soon(action: () => void): void {
    this.#soon.push(action)
  }

  /** When the next timer is due, in milliseconds since 1970; undefined where none is set. */
  get nextDueMs(): number | undefined {
    return this.#next()?.dueMs
  }

  /** Whether something waits to run without any passing of time. */
  get hasSoon(): boolean {
    return this.#soon.length > this.#soonHead
  }

  /**
   * Moves time on by `ms` milliseconds and runs the timers that become due. Promises do not settle in between; where
   * they should, use the tester's `advance`.
   */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms
    this.runSoon()
    while (this.advanceToNext(untilMs)) this.runSoon()
  }

  /** Moves on to the next timer that is due until `untilMs` and runs it; where there is none, to `untilMs`. */
  advanceToNext(untilMs: number): boolean {
    const timer = this.#next()
    if (timer === undefined || timer.dueMs > untilMs) {
      this.#nowMs = Math.max(this.#nowMs, untilMs)
      return false
    }
    this.#timers = this.#timers.filter((known) => known !== timer)
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
    timer.action()
    return true
  }

  /** Runs what waits for the event loop only, at most `actionsMax` actions. */
  runSoon(actionsMax: number = Number.MAX_SAFE_INTEGER): void {
    for (let run = 0; run < actionsMax; run++) {
      if (this.#soonHead === this.#soon.length) {
        this.#soon = []
        this.#soonHead = 0
        return
      }
      this.#soon[this.#soonHead++]!()
    }
  }

  #next(): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      const isEarlier =
        next === undefined ||
        timer.dueMs < next.dueMs ||
        (timer.dueMs === next.dueMs && timer.order < next.order)
      if (isEarlier) next = timer
    }
    return next
  }
}

/** One turn of the real event loop: every promise that can settle without input, output or time has settled. */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    systemClock.soon(resolve)
  })
}
