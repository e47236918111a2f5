import { type Cancel, type Clock, machineClock } from '../../../src/base/clock.ts'

interface Timer {
  readonly dueMs: number
  readonly action: () => void
  readonly options: { background?: boolean } | undefined
  cancel: Cancel
}

/**
 * The clock of the machine, which a test moves on: so that what has a long time ends when the test wants it to, and not when the machine
 * stands still. What repeats itself does so as on the machine.
 */
export class MovedClock implements Clock {
  private aheadMs = 0
  private readonly timers = new Set<Timer>()

  now(): number {
    return machineClock.now() + this.aheadMs
  }

  monotonic(): number {
    return machineClock.monotonic() + this.aheadMs
  }

  after(delayMs: number, action: () => void, options?: { background?: boolean }): Cancel {
    const timer: Timer = { dueMs: this.monotonic() + delayMs, action, options, cancel: () => undefined }
    this.timers.add(timer)
    this.arm(timer)
    return () => {
      timer.cancel()
      this.timers.delete(timer)
    }
  }

  every(periodMs: number, action: () => void, options?: { background?: boolean; coarse?: boolean }): Cancel {
    return machineClock.every(periodMs, action, options)
  }

  soon(action: () => void): void {
    machineClock.soon(action)
  }

  /** Timers that are due by then come in the next turns of the event loop. */
  move(ms: number): void {
    this.aheadMs += ms
    for (const timer of this.timers) this.arm(timer)
  }

  private arm(timer: Timer): void {
    timer.cancel()
    const run = (): void => {
      this.timers.delete(timer)
      timer.action()
    }
    timer.cancel = machineClock.after(Math.max(0, timer.dueMs - this.monotonic()), run, timer.options)
  }
}
