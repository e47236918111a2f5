import { decodeValue, encodeValue } from '../envelope.ts'
import { put } from '../operations.ts'
import type { CallOptions, Entry, Revision, Store } from '../store.ts'
import { callOptions } from './backoff.ts'
import { follow } from './changes.ts'
import { enter, firstOf, leave, type Place, type QueueMeans, waitForTurn } from './contender.ts'
import { Hold } from './hold.ts'
import type { LeaseHolder } from './lease-holder.ts'
import type { LeaseKeeperOptions } from './lease-keeper.ts'

/**
 * Elects one of many. Sources: ZooKeeper's leader election, etcd's `concurrency.Election`, Chubby's sequencers.
 *
 * - EL-1 Of all leaderships of an election, the guarded writes of one succeed at a time: those of the first in the queue
 *   (CO-1, HO-1). There may be two who *believe* that they lead, for less than the margin of a lease; only one can write.
 * - EL-2 The token of a leadership is the create revision of its key; a later leader has a greater one (HO-3).
 * - EL-3 A leader that was paused past its deadline knows it on waking, before it writes (HO-2).
 * - EL-4 When a leader goes, one candidate wakes (CO-2).
 */
export class Election {
  private readonly means: QueueMeans

  /** `prefix`: of keys that belong to this election alone, such as `manager/`. */
  constructor(store: Store, prefix: string, { clock }: Pick<LeaseKeeperOptions, 'clock'>) {
    this.means = { store, clock, prefix }
  }

  /**
   * Becomes a candidate and waits until it leads. `value`: JSON that says who this is, for observers. Aborting the
   * signal ends the candidacy; the promise then rejects with its reason, once the candidate's key is gone.
   */
  async campaign(lease: LeaseHolder, value: unknown, signal?: AbortSignal): Promise<Leadership> {
    signal?.throwIfAborted()
    const { store } = this.means
    const place = await enter(this.means, lease, encodeValue(value))
    const ended = signal === undefined ? lease.signal : AbortSignal.any([lease.signal, signal])
    let turn: Place
    try {
      turn = await waitForTurn(this.means, place, ended)
    } catch (error) {
      await leave(this.means, lease, place.entry.key)
      throw error
    }
    return new Leadership(store, lease, turn.entry, turn.revision)
  }

  /** Who leads, as the store has it; undefined where nobody does. */
  async leader(options: CallOptions = {}): Promise<Leader | undefined> {
    const { entries } = await this.means.store.range(this.means.prefix, options)
    return leaderOf(firstOf(entries))
  }

  /** Who leads now, then each change of it: another leader, none, or another value of the same. */
  async *observe(signal?: AbortSignal): AsyncGenerator<Leader | undefined, void, undefined> {
    const following = await follow(this.means.store, this.means.prefix, callOptions(signal))
    const candidates = new Map(following.entries.map((entry) => [entry.key, entry]))
    let shown = firstOf(following.entries)
    try {
      yield leaderOf(shown)
      for await (const { changes } of following) {
        for (const { key, entry } of changes) {
          if (entry === undefined) candidates.delete(key)
          else candidates.set(key, entry)
        }
        const first = firstOf(candidates.values())
        if (first?.modRevision === shown?.modRevision) continue
        shown = first
        yield leaderOf(first)
      }
    } finally {
      following.close()
    }
  }
}

export interface Leader {
  readonly value: unknown
  readonly token: Revision
}

function leaderOf(entry: Entry | undefined): Leader | undefined {
  return entry && { value: decodeValue(entry), token: entry.createRevision }
}

/** What the leader has: `transact` is the only way in which a leader writes. */
export class Leadership extends Hold {
  /** Changes the value that observers see. */
  async proclaim(value: unknown): Promise<void> {
    const operation = put(this.key, encodeValue(value), this.lease.lease)
    await this.transact({ then: [operation] }, { repeat: 'harmless' })
  }

  /** Ends the leadership; the next candidate leads. */
  resign(): Promise<void> {
    return this.release()
  }
}
