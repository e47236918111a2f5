import type { Cancel, Clock } from '../../base/clock.ts'

/** The clock of a thread of a process, which can stand still while the others go on. */
export class ThreadClock implements Clock {
  private readonly inner: Clock
  private phase: 'runs' | 'stands' | 'waking' = 'runs'
  private due: (() => void)[] = []

  constructor(inner: Clock) {
    this.inner = inner
  }

  stand(): void {
    this.phase = 'stands'
  }

  /** What has become due meanwhile runs first, in its order, one turn after the other. */
  goOn(): void {
    if (this.phase !== 'stands') return
    this.phase = 'waking'
    this.wake()
  }

  now(): number {
    return this.inner.now()
  }

  monotonic(): number {
    return this.inner.monotonic()
  }

  after(delayMs: number, action: () => void, options?: { background?: boolean }): Cancel {
    let isCancelled = false
    const run = (): void => {
      if (!isCancelled) action()
    }
    const cancel = this.inner.after(delayMs, () => this.run(run), options)
    return () => {
      isCancelled = true
      cancel()
    }
  }

  every(periodMs: number, action: () => void): Cancel {
    let cancel: Cancel = () => undefined
    const set = (): void => {
      cancel = this.after(Math.max(1, periodMs), () => {
        set()
        action()
      })
    }
    set()
    return () => cancel()
  }

  soon(action: () => void): void {
    this.inner.soon(() => this.run(action))
  }

  private wake(): void {
    this.inner.soon(() => {
      if (this.phase !== 'waking') return
      const action = this.due.shift()
      if (action === undefined) {
        this.phase = 'runs'
        return
      }
      action()
      this.wake()
    })
  }

  private run(action: () => void): void {
    if (this.phase === 'runs') action()
    else this.due.push(action)
  }
}
