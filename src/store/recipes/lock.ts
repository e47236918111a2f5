import { encodeValue } from '../envelope.ts'
import type { Store } from '../store.ts'
import { enter, firstOf, leave, type QueueMeans, waitForTurn } from './contender.ts'
import { Hold } from './hold.ts'
import type { LeaseHolder } from './lease-holder.ts'
import type { LeaseKeeperOptions } from './lease-keeper.ts'

/**
 * Mutual exclusion among processes, first come, first served. Sources: ZooKeeper's lock recipe, Chubby's sequencers;
 * why a lock without a fencing token is none: M. Kleppmann, "How to do distributed locking", 2016.
 *
 * - LO-1 Holders have it in the order in which they asked (CO-1); each waits for one other (CO-2).
 * - LO-2 `token` grows from holder to holder (HO-3). What is protected outside of the store must refuse smaller ones; what is in
 *   the store is written with `transact` (HO-1).
 * - LO-3 The lock of a holder that dies is free when its lease has ended.
 */
export class Lock {
  private readonly means: QueueMeans

  /** `prefix`: of keys that belong to this lock alone. */
  constructor(store: Store, prefix: string, { clock }: Pick<LeaseKeeperOptions, 'clock'>) {
    this.means = { store, clock, prefix }
  }

  /** Waits for the lock. Aborting the signal gives up; the promise then rejects with its reason. */
  async acquire(lease: LeaseHolder, signal?: AbortSignal): Promise<Hold> {
    signal?.throwIfAborted()
    const place = await enter(this.means, lease, encodeValue(null))
    const ended = signal === undefined ? lease.signal : AbortSignal.any([lease.signal, signal])
    try {
      const { entry, revision } = await waitForTurn(this.means, place, ended)
      return new Hold(this.means.store, lease, entry, revision)
    } catch (error) {
      await leave(this.means, lease, place.entry.key)
      throw error
    }
  }

  /** Takes the lock where it is free; undefined where somebody has it or waits for it. */
  async tryAcquire(lease: LeaseHolder): Promise<Hold | undefined> {
    const { store, prefix } = this.means
    const taken = await store.range(prefix, { limit: 1 })
    if (taken.entries.length > 0) return undefined
    const { entry } = await enter(this.means, lease, encodeValue(null))
    try {
      const { entries, revision } = await store.range(prefix)
      if (firstOf(entries)?.key === entry.key) return new Hold(store, lease, entry, revision)
    } catch (error) {
      await leave(this.means, lease, entry.key)
      throw error
    }
    await leave(this.means, lease, entry.key)
    return undefined
  }
}
