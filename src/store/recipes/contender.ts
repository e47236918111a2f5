import type { Clock } from '../../base/clock.ts'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import { callTimeoutMsDefault } from '../limits.ts'
import { get, isMissing, put, remove } from '../operations.ts'
import type { Compare, Entry, Revision, Store } from '../store.ts'
import { untilGone } from './changes.ts'
import type { LeaseHolder } from './lease-holder.ts'

/**
 * A place in a queue for something that one can have at a time. The recipe is ZooKeeper's (P. Hunt et al., USENIX ATC
 * 2010, section 2.4, "locks without herd effect"), with create revisions in place of sequence numbers, as in etcd's `concurrency`.
 *
 * - CO-1 Each contender has a key of its own under its lease; the order is that of create revisions, which are never
 *   used twice. The first has it.
 * - CO-2 A contender watches the one right before it and nobody else: when one goes, one wakes.
 * - CO-3 A predecessor that goes need not have been the first: the contender looks again.
 * - CO-4 Who stops waiting takes its key away before anything else, so that no key without an owner blocks the rest.
 */
export interface QueueMeans {
  readonly store: Store
  readonly clock: Clock
  /** All keys of the queue begin with it, and no others. */
  readonly prefix: string
}

export interface Place {
  readonly entry: Entry
  /** At which `entry` was read. */
  readonly revision: Revision
}

/** Enters the queue. */
export async function enter(means: QueueMeans, lease: LeaseHolder, value: Uint8Array): Promise<Place> {
  const { store, prefix } = means
  lease.assertHeld()
  // The last character keeps one name from being the beginning of another.
  const key = `${prefix}${lease.uniqueName()}.`
  try {
    const { results, revision } = await store.transact(
      { compare: [isMissing(key)], then: [put(key, value, lease.lease), get(key)], otherwise: [get(key)] },
      // No signal: an answer says whether there is a key to take away. Repeating it is harmless, for nobody else
      // writes this key.
      { repeat: 'harmless', timeoutMs: callTimeoutMsDefault },
    )
    const read = results.at(-1)
    if (read?.type === 'get' && read.entry !== undefined) return { entry: read.entry, revision }
    throw new VertigoError('STORE_HOLD_LOST', `"${key}" was deleted as soon as it was written.`)
  } catch (error) {
    if (isVertigoError(error) && error.code === 'STORE_OUTCOME_UNKNOWN') await leave(means, lease, key)
    throw error
  }
}

/** Waits until nobody is before; gives the place with the revision at which that was so. */
export async function waitForTurn(
  { store, prefix }: QueueMeans,
  { entry }: Place,
  signal: AbortSignal,
): Promise<Place> {
  for (;;) {
    signal.throwIfAborted()
    const { entries, revision } = await store.range(prefix, { signal })
    const { own, before } = whereIs(entries, entry)
    if (own === undefined)
      throw new VertigoError('STORE_HOLD_LOST', `"${entry.key}" was deleted while it waited for its turn.`)
    if (before === undefined) return { entry: own, revision }
    await untilGone(store, before, revision, signal)
  }
}

/** The first of the queue. */
export function firstOf(entries: Iterable<Entry>): Entry | undefined {
  let first: Entry | undefined
  for (const entry of entries)
    if (first === undefined || entry.createRevision < first.createRevision) first = entry
  return first
}

/** One's own key, and the last of those before it. */
function whereIs(
  entries: readonly Entry[],
  { key, createRevision }: Entry,
): { readonly own: Entry | undefined; readonly before: Entry | undefined } {
  let own: Entry | undefined
  let before: Entry | undefined
  for (const other of entries) {
    if (other.key === key && other.createRevision === createRevision) own = other
    else if (other.createRevision < createRevision)
      before = before === undefined || other.createRevision > before.createRevision ? other : before
  }
  return { own, before }
}

/**
 * Takes a key away, again and again until the store has answered or the lease, and the key with it, is gone (CO-4). A write of
 * the key whose outcome was unknown may still be on its way: once this one is answered it does not come any more (ST-6).
 * `onlyIf`: leaves the key alone where this does not hold.
 */
export async function leave(
  { store }: Pick<QueueMeans, 'store'>,
  lease: LeaseHolder,
  key: string,
  onlyIf?: Compare,
): Promise<void> {
  const transaction = { ...(onlyIf && { compare: [onlyIf] }), then: [remove(key)] }
  await lease.insist(() => store.transact(transaction, { repeat: 'harmless' }))
}
