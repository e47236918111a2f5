import type { Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { Store } from '../store.ts'
import { callOptions } from './backoff.ts'
import { LeaseHolder, type LeaseMeans } from './lease-holder.ts'
import { TimerBuckets } from './timer-buckets.ts'

export interface LeaseKeeperOptions {
  readonly clock: Clock
  readonly random: Random
}

export interface HoldLeaseOptions {
  /** Time to live, in milliseconds: how long others wait for a holder that is gone. The store may grant more. */
  readonly ttlMs: number
  readonly signal?: AbortSignal
}

/** Makes the lease holders of a store, which share their timers: a thousand cost a thousand times what one costs. */
export class LeaseKeeper {
  private readonly store: Store
  private readonly means: LeaseMeans
  private readonly holders = new Set<LeaseHolder>()
  private readonly granting = new Set<Promise<LeaseHolder>>()
  private isClosed = false
  private closing: Promise<void> | undefined

  constructor(store: Store, { clock, random }: LeaseKeeperOptions) {
    this.store = store
    const timers = new TimerBuckets(clock)
    this.means = { store, clock, random, timers, onEnd: (holder) => this.holders.delete(holder) }
  }

  /** How many leases are held. */
  get size(): number {
    return this.holders.size
  }

  /** Grants a lease and keeps it alive until it is lost or closed. Errors: STORE_CLOSED, those of the store. */
  async hold(options: HoldLeaseOptions): Promise<LeaseHolder> {
    this.checkOpen()
    const granting = this.grant(options)
    this.granting.add(granting)
    try {
      const holder = await granting
      // Granted to a keeper that was closed meanwhile: `close` gives it back.
      this.checkOpen()
      return holder
    } finally {
      this.granting.delete(granting)
    }
  }

  /** Gives all leases back, also those that are being granted; from then on there are no more. Idempotent. */
  close(): Promise<void> {
    this.isClosed = true
    this.closing ??= this.end()
    return this.closing
  }

  private async grant({ ttlMs, signal }: HoldLeaseOptions): Promise<LeaseHolder> {
    const { clock } = this.means
    const sentAtMs = clock.monotonic()
    const sentWallMs = clock.now()
    const granted = await this.store.grant(ttlMs, callOptions(signal))
    const holder = new LeaseHolder(this.means, { ...granted, sentAtMs, sentWallMs })
    this.holders.add(holder)
    return holder
  }

  private async end(): Promise<void> {
    // Whoever asked hears where it failed.
    await Promise.allSettled(this.granting)
    await Promise.all([...this.holders].map((holder) => holder.close()))
  }

  private checkOpen(): void {
    if (this.isClosed) throw new VertigoError('STORE_CLOSED', 'The keeper of leases was closed.')
  }
}
