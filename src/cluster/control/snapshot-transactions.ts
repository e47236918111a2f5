import { isMissing, isUnchanged, put, remove } from '../../store/operations.ts'
import { transactionOperationsMax } from '../../store/limits.ts'
import type { Compare, Operation, Transaction } from '../../store/store.ts'
import {
  type AbortedSnapshot,
  abortedRecord,
  lineageRecord,
  type NetworkView,
  type Recorded,
  type SnapshotRecord,
  snapshotRecord,
  type SnapshotsView,
} from '../protocol/index.ts'

/**
 * What a manager writes of snapshots. Each goes through its leadership, which compares the term.
 *
 * - SN-1 Ids are taken in blocks: a manager that takes over goes on behind the whole block, so no id is used twice, and what the one
 *   before has not committed never will be.
 * - SN-2 A commit compares the plan as it was read (so the generation), and the last committed snapshot; a plan that restores compares its
 *   parent and the same snapshot. Of two that are made from one state of things, one is written.
 * - SW-1 What is kept is decided with the commit: who reads the records sees all snapshots that are whole, and no other.
 */

/** Ids that one transaction takes: several seconds of snapshots at the shortest interval. */
export const idsTaken = 128

/** `first`: of the block, if the transaction succeeds. `restoredAtMs`: when the store was filled from a backup; 0: never. */
export function takeIds(
  { keys, lineage, committed }: SnapshotsView,
  nowMs: number,
  restoredAtMs = 0,
): {
  readonly transaction: Transaction
  readonly first: number
  readonly below: number
  readonly incarnation: number
} {
  const first = lineage?.value.below ?? 1
  // By the wall clock, so that it is greater than that of networks which had the name before, and of stores that are gone.
  // Where its record is gone, the clock may be behind what the network goes on from.
  const after = committed === undefined ? 0 : committed.value.incarnation + 1
  const begun = lineage?.value.incarnation ?? Math.max(after, Math.floor(nowMs / 1_000))
  // What was taken after the backup has numbers that the store does not know: those of now are of another incarnation, and greater.
  const incarnation = Math.max(begun, Math.floor(restoredAtMs / 1_000))
  const below = first + idsTaken
  const value = lineageRecord.encode({ incarnation, below })
  return {
    first,
    below,
    incarnation,
    transaction: { compare: [unchanged(keys.lineage, lineage)], then: [put(keys.lineage, value)] },
  }
}

/** Of the transaction that commits: what is not needed for what stands in the manifest. */
const operationsForCommit = 8
const changesMax = transactionOperationsMax - operationsForCommit

/** `keep`: how many without a name are kept, this one among them. */
export function commitTransaction(
  network: Pick<NetworkView, 'keys' | 'plan' | 'snapshots'>,
  snapshot: SnapshotRecord,
  keep: number,
): Transaction {
  const { keys, plan, snapshots } = network
  const value = snapshotRecord.encode(snapshot)
  const changes = [
    ...snapshot.names.map((name) => remove(snapshots.keys.wantedAs(name))),
    ...freedNames(snapshots, snapshot.names),
    ...beyond(snapshots, keep - 1).map((key) => remove(key)),
  ]
  return {
    compare: [unchanged(keys.plan, plan), unchanged(snapshots.keys.committed, snapshots.committed)],
    then: [
      put(snapshots.keys.committed, value),
      put(snapshots.keys.keptAt(snapshot.incarnation, snapshot.id), value),
      ...changes.slice(0, changesMax),
    ],
  }
}

/** Names belong to one snapshot: an older one that has a name loses it. */
function freedNames({ kept }: SnapshotsView, names: readonly string[]): Operation[] {
  if (names.length === 0) return []
  return [...kept].flatMap(([key, { value }]) => {
    const left = value.names.filter((name) => !names.includes(name))
    return left.length === value.names.length
      ? []
      : [left.length === 0 ? remove(key) : put(key, snapshotRecord.encode({ ...value, names: left }))]
  })
}

/** Of those without a name, the newest `keep` stay. As many as a transaction takes: the next one has the others. */
export function letGo(view: SnapshotsView, keep: number): Operation[] {
  return beyond(view, keep)
    .slice(0, changesMax)
    .map((key) => remove(key))
}

/** Keys of those without a name beyond the newest `keep`, oldest first. */
function beyond({ kept }: SnapshotsView, keep: number): string[] {
  const unnamed = [...kept].filter(([, { value }]) => value.names.length === 0).map(([key]) => key)
  return unnamed.toSorted().slice(0, Math.max(0, unnamed.length - keep))
}

/** Undefined where its generation is over. Else it may be that by now: then nothing is written that would be taken for one of what comes next. */
export function abortTransaction(
  { keys, plan, outcome, snapshots }: NetworkView,
  aborted: AbortedSnapshot,
): Transaction | undefined {
  if (plan?.value.generation !== aborted.generation) return undefined
  return {
    compare: [unchanged(keys.plan, plan), unchanged(keys.outcome, outcome)],
    then: [put(snapshots.keys.aborted, abortedRecord.encode(aborted))],
  }
}

/** What a plan of an exactly-once network compares beside its parent (SN-2). */
export function comparesCommitted({ keys, committed }: SnapshotsView): Compare {
  return unchanged(keys.committed, committed)
}

function unchanged(key: string, recorded: Recorded<unknown> | undefined): Compare {
  return recorded === undefined ? isMissing(key) : isUnchanged(key, recorded.entry)
}
