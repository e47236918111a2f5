import type { Buffer } from 'node:buffer'
import type { Cancel, Clock } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import type { StoppedHolderWatch } from './stopped-holder.ts'

/** How long a process that is stopped may hold the lock of writers while others wait for it. */
export const stoppedPatienceMsDefault = 1_000
const patienceMsMin = 50

/** Half of the shortest lease that there is, within bounds: its holder has to get through before it is over. */
export function patienceFor(shortestTtlMs: number | undefined, patienceMsMax: number): number {
  return Math.max(patienceMsMin, Math.min(patienceMsMax, (shortestTtlMs ?? Infinity) / 2))
}

/** Watches over a wait for the lock of writers: whoever is stopped while holding it is ended after a while. */
export class LockWait {
  private readonly watch: StoppedHolderWatch
  private readonly clock: Clock
  private readonly lockHead: () => Buffer
  private readonly patienceMs: () => number
  private cancel: Cancel | undefined
  private unended: number | undefined
  private blindness: string | undefined

  constructor(parts: {
    readonly watch: StoppedHolderWatch
    readonly clock: Clock
    readonly lockHead: () => Buffer
    /** Asked for at each look. */
    readonly patienceMs: () => number
  }) {
    this.watch = parts.watch
    this.clock = parts.clock
    this.lockHead = parts.lockHead
    this.patienceMs = parts.patienceMs
  }

  begin(): void {
    this.cancel ??= this.clock.every(patienceMsMin / 2, () => this.look(), { background: true })
  }

  /** Idempotent. */
  end(): void {
    this.cancel?.()
    this.cancel = undefined
    this.unended = undefined
    this.blindness = undefined
    this.watch.forget()
  }

  /** For the message of who gave up. */
  reason(): string {
    if (this.unended !== undefined)
      return `: process ${this.unended} is stopped while it holds it, and cannot be ended`
    return this.blindness === undefined ? '' : `; who holds it cannot be seen (${this.blindness})`
  }

  private look(): void {
    try {
      const found = this.watch.look(this.lockHead(), this.patienceMs())
      if (found !== undefined) this.unended = found.ended ? undefined : found.holder.pid
    } catch (error) {
      // What cannot be seen cannot be ended; who waits has a time limit.
      this.blindness = asError(error).message
    }
  }
}
