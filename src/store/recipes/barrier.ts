import { assert } from '../../base/assert.ts'
import { VertigoError } from '../../base/errors.ts'
import { encodeValue } from '../envelope.ts'
import { put, remove } from '../operations.ts'
import type { Store } from '../store.ts'
import { callOptions } from './backoff.ts'
import { follow } from './changes.ts'
import { encodeSegment } from './key-text.ts'
import type { LeaseHolder } from './lease-holder.ts'

/**
 * Ready when N parties are there. ZooKeeper's "double barrier" (Hunt et al. 2010, section 2.4), with leases: a party that dies
 * leaves.
 *
 * - BA-1 Ready means that at one moment `parties` keys were set. A party that arrives twice counts once.
 * - BA-2 A party's key goes with its lease: the barrier is not ready any more then, and says so to who watches.
 * - BA-3 Each watcher hears of every key. So one watches for many (the manager, which sets one key `open`), not all
 *   parties: else N parties cost N² events.
 */
export class Barrier {
  private readonly store: Store
  private readonly prefix: string
  private readonly parties: number

  /** `prefix`: of keys that belong to this barrier alone. */
  constructor(store: Store, prefix: string, parties: number) {
    assert(Number.isSafeInteger(parties) && parties > 0, 'a barrier is for one party at least')
    this.store = store
    this.prefix = prefix
    this.parties = parties
  }

  /** Sets the party's key. Repeating it is harmless. */
  async arrive(party: string, lease: LeaseHolder): Promise<void> {
    await lease.confirm()
    const operation = put(this.keyOf(party), encodeValue(null), lease.lease)
    await this.store.transact({ then: [operation] }, { repeat: 'harmless' })
  }

  async leave(party: string): Promise<void> {
    await this.store.transact({ then: [remove(this.keyOf(party))] }, { repeat: 'harmless' })
  }

  /** How many are there. */
  async count(): Promise<number> {
    return (await this.store.range(this.prefix)).entries.length
  }

  /** Fulfilled when all are there. Errors: the reason of the signal. */
  async whenReady(signal?: AbortSignal): Promise<void> {
    for await (const isReady of this.watch(signal)) if (isReady) return
    signal?.throwIfAborted()
    throw new VertigoError('STORE_CLOSED', 'The store was closed before the barrier was ready.')
  }

  /** Whether all are there now, then each change of it. */
  async *watch(signal?: AbortSignal): AsyncGenerator<boolean, void, undefined> {
    const following = await follow(this.store, this.prefix, callOptions(signal))
    try {
      let count = following.entries.length
      let isReady = count >= this.parties
      yield isReady
      for await (const { changes } of following) {
        for (const { entry, previous } of changes)
          count += Number(entry !== undefined) - Number(previous !== undefined)
        if (isReady === count >= this.parties) continue
        isReady = !isReady
        yield isReady
      }
    } finally {
      following.close()
    }
  }

  private keyOf(party: string): string {
    return this.prefix + encodeSegment(party)
  }
}
