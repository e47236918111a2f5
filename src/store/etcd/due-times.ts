import type { Cancel, Clock } from '../../base/clock.ts'

export interface Due {
  /** On the monotonic clock. */
  readonly dueAtMs: number
  /** Called once when the time has come; may be added again. */
  due(): void
}

/**
 * One timer for all calls that are under way. Nearly all of them are answered long before they are due, so that a timer for
 * each would be set and cancelled for nothing, many thousand times a second.
 */
export class DueTimes {
  private readonly clock: Clock
  private readonly waiting = new Set<Due>()
  private cancelTimer: Cancel | undefined
  private wakesAtMs = Infinity

  constructor(clock: Clock) {
    this.clock = clock
  }

  add(due: Due): void {
    this.waiting.add(due)
    if (due.dueAtMs < this.wakesAtMs) this.wakeAt(due.dueAtMs)
  }

  /** With nothing left the timer goes too, for it would hold the process. */
  remove(due: Due): void {
    this.waiting.delete(due)
    if (this.waiting.size === 0) this.stop()
  }

  private wakeAt(atMs: number): void {
    this.cancelTimer?.()
    this.wakesAtMs = atMs
    this.cancelTimer = this.clock.after(Math.max(1, atMs - this.clock.monotonic()), () => this.wake())
  }

  private stop(): void {
    this.cancelTimer?.()
    this.cancelTimer = undefined
    this.wakesAtMs = Infinity
  }

  private wake(): void {
    this.stop()
    const nowMs = this.clock.monotonic()
    const all = [...this.waiting].filter(({ dueAtMs }) => dueAtMs <= nowMs)
    for (const due of all) if (this.waiting.delete(due)) due.due()
    let nextMs = Infinity
    for (const { dueAtMs } of this.waiting) nextMs = Math.min(nextMs, dueAtMs)
    if (nextMs < this.wakesAtMs) this.wakeAt(nextMs)
  }
}
