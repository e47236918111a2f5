import type { Clock } from '../../base/clock.ts'
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

  constructor(store: Store, { clock, random }: LeaseKeeperOptions) {
    this.store = store
    const timers = new TimerBuckets(clock)
    this.means = { store, clock, random, timers, onEnd: (holder) => this.holders.delete(holder) }
  }

  /** How many leases are held. */
  get size(): number {
    return this.holders.size
  }

  /** Grants a lease and keeps it alive until it is lost or closed. */
  async hold({ ttlMs, signal }: HoldLeaseOptions): Promise<LeaseHolder> {
    const { clock } = this.means
    const sentAtMs = clock.monotonic()
    const sentWallMs = clock.now()
    const granted = await this.store.grant(ttlMs, callOptions(signal))
    const holder = new LeaseHolder(this.means, { ...granted, sentAtMs, sentWallMs })
    this.holders.add(holder)
    return holder
  }

  /** Gives all leases back. */
  async close(): Promise<void> {
    await Promise.all([...this.holders].map((holder) => holder.close()))
  }
}
