import type { Cancel, Clock } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import type { Tables } from './tables.ts'

const retryMsMin = 100
const retryMsMax = 5_000

export interface LeaseEnderParts {
  readonly clock: Clock
  readonly tables: Tables
  /** Runs an action over what was committed last. */
  readonly read: <T>(action: () => T) => T
  /** A transaction that does nothing of its own: each one ends the leases that are over first. */
  readonly end: () => Promise<void>
  /** Called when some were ended. */
  readonly onEnded: () => void
  /** Hears of what keeps leases from ending, once for each run of failures. */
  readonly report: (error: Error) => void
}

/**
 * Ends leases at their time. Whoever comes first does it; the others find nothing to do.
 *
 * - LE-1 There is a timer at the earliest end that is known, or before it.
 * - LE-2 It depends on nothing but the leases: what is wrong with the rest of the database does not keep them alive.
 * - LE-3 What fails is tried again until the store is closed: a lease that does not end is a resource that nobody gets.
 */
export class LeaseEnder {
  private readonly parts: LeaseEnderParts
  private lastLease = 0
  private timer: { readonly atMs: number; readonly cancel: Cancel } | undefined
  private ending: Promise<void> | undefined
  private failures = 0
  private isClosed = false

  constructor(parts: LeaseEnderParts) {
    this.parts = parts
  }

  /** Called when others may have granted leases. */
  look(): void {
    if (this.isClosed || this.ending !== undefined) return
    const { read, tables } = this.parts
    try {
      const lastLease = read(() => tables.state().lastLease)
      // A new lease may end sooner than those that are known; a kept one only later.
      if (lastLease === this.lastLease && this.timer !== undefined) return
      this.lastLease = lastLease
    } catch {
      // Whoever reads or writes hears of it; leases end all the same, which look() finds out from themselves.
    }
    this.plan()
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.timer?.cancel()
    this.timer = undefined
    await this.ending
  }

  private plan(): void {
    const { clock, read, tables } = this.parts
    try {
      const atMs = read(() => tables.firstExpiry())?.expiresAtMs
      if (atMs === undefined || (this.timer !== undefined && this.timer.atMs <= atMs)) return
      this.wakeIn(Math.max(0, Math.ceil(atMs - clock.monotonic())))
    } catch (error) {
      this.failed(asError(error))
    }
  }

  private onTime(): void {
    this.timer = undefined
    this.ending = this.tryEnd().finally(() => {
      this.ending = undefined
      // Who was granted one meanwhile, and what is left.
      if (this.timer === undefined) this.look()
    })
  }

  private async tryEnd(): Promise<void> {
    const { clock, read, tables, end, onEnded } = this.parts
    try {
      const first = read(() => tables.firstExpiry())
      if (first !== undefined && first.expiresAtMs <= clock.monotonic()) {
        await end()
        onEnded()
      }
      this.failures = 0
    } catch (error) {
      // The lock could not be had in time, or there is no room, or a record is damaged.
      this.failed(asError(error))
    }
  }

  private failed(error: Error): void {
    if (this.isClosed) return
    if (this.failures === 0) this.parts.report(error)
    this.wakeIn(Math.min(retryMsMax, retryMsMin * 2 ** Math.min(10, this.failures++)))
  }

  private wakeIn(delayMs: number): void {
    if (this.isClosed) return
    const { clock } = this.parts
    this.timer?.cancel()
    const cancel = clock.after(delayMs, () => this.onTime(), { background: true })
    this.timer = { atMs: clock.monotonic() + delayMs, cancel }
  }
}
