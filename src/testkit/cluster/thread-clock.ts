import type { Cancel, Clock } from '../../base/clock.ts'
import { cancellable, repeated, Standstill } from './standstill.ts'

/** The clock of a thread of a process, which can stand still while the others go on. */
export class ThreadClock implements Clock {
  private readonly inner: Clock
  private readonly standstill: Standstill

  constructor(inner: Clock) {
    this.inner = inner
    this.standstill = new Standstill((action) => inner.soon(action))
  }

  stand(): void {
    this.standstill.begin()
  }

  goOn(): void {
    this.standstill.end()
  }

  now(): number {
    return this.inner.now()
  }

  monotonic(): number {
    return this.inner.monotonic()
  }

  after(delayMs: number, action: () => void, options?: { background?: boolean }): Cancel {
    return cancellable(action, (run) => this.inner.after(delayMs, () => this.standstill.run(run), options))
  }

  every(periodMs: number, action: () => void): Cancel {
    return repeated((ms, run) => this.after(ms, run), periodMs, action)
  }

  soon(action: () => void): void {
    this.inner.soon(() => this.standstill.run(action))
  }
}
