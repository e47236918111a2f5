import type { VertigoError } from '../../base/errors.ts'
import { isUnchanged, mend, put } from '../../store/operations.ts'
import type { CallOptions, Compare, Entry, Operation, Store } from '../../store/store.ts'
import {
  type AbortedSnapshot,
  abortedRecord,
  faultOf,
  lineageDamaged,
  lineageRecord,
  type RecordType,
  type SnapshotKeys,
  type SnapshotRecord,
  snapshotRecord,
} from '../protocol/index.ts'

/** What the store has of a network's snapshots, damaged records among it: neither hides the others. */
export interface StoredSnapshots {
  readonly last: Stored<SnapshotRecord> | undefined
  /** Newest first. */
  readonly kept: readonly (Stored<SnapshotRecord> & SnapshotNumber)[]
  readonly aborted: Stored<AbortedSnapshot> | undefined
  readonly wanted: readonly string[]
}

/** As its key says. */
export interface SnapshotNumber {
  readonly incarnation: number
  readonly id: number
}

/** `value`: undefined where `damage` says what is wrong. */
export interface Stored<T> {
  readonly entry: Entry
  readonly value: T | undefined
  readonly damage: VertigoError | undefined
}

export async function storedSnapshots(
  store: Pick<Store, 'range'>,
  keys: SnapshotKeys,
  options: CallOptions,
): Promise<StoredSnapshots> {
  const { entries } = await store.range(keys.prefix, { ...options, damaged: 'tell' })
  const under = (prefix: string): Entry[] => entries.filter(({ key }) => key.startsWith(prefix))
  const at = (wanted: string): Entry | undefined => entries.find(({ key }) => key === wanted)
  const [last, aborted] = [at(keys.committed), at(keys.aborted)]
  return {
    last: last && stored(snapshotRecord, last),
    kept: under(keys.kept)
      .map((entry) => ({ ...stored(snapshotRecord, entry), ...keys.keptId(entry.key) }))
      .toReversed(),
    aborted: aborted && stored(abortedRecord, aborted),
    wanted: under(keys.wanted).map(({ key }) => keys.wantedName(key)),
  }
}

/** That of the last one alone. */
export async function storedLast(
  store: Pick<Store, 'range'>,
  { committed }: SnapshotKeys,
  options: CallOptions,
): Promise<Stored<SnapshotRecord> | undefined> {
  return storedAt(store, { type: snapshotRecord, key: committed }, options)
}

/** The last one that came to nothing. It is for people only: one that is damaged hides nothing, and is written over by the next. */
export async function lastAborted(
  store: Pick<Store, 'range'>,
  { aborted }: SnapshotKeys,
  options: CallOptions,
): Promise<AbortedSnapshot | undefined> {
  return (await storedAt(store, { type: abortedRecord, key: aborted }, options))?.value
}

/** What is wrong with the record of the numbers, without which none are taken. */
export async function lineageFault(
  store: Pick<Store, 'range'>,
  { lineage }: SnapshotKeys,
  options: CallOptions,
): Promise<VertigoError | undefined> {
  const damage = (await storedAt(store, { type: lineageRecord, key: lineage }, options))?.damage
  return damage && lineageDamaged(lineage, damage)
}

async function storedAt<T>(
  store: Pick<Store, 'range'>,
  { type, key: wanted }: { readonly type: RecordType<T>; readonly key: string },
  options: CallOptions,
): Promise<Stored<T> | undefined> {
  const { entries } = await store.range(wanted, { ...options, damaged: 'tell' })
  const entry = entries.find(({ key }) => key === wanted)
  return entry && stored(type, entry)
}

function stored<T>(type: RecordType<T>, entry: Entry): Stored<T> {
  try {
    return { entry, value: type.decode(entry), damage: undefined }
  } catch (thrown) {
    return { entry, value: undefined, damage: faultOf(thrown) }
  }
}

/**
 * That it is still as it was read. What the store itself finds damaged cannot be compared: nobody commits in its place meanwhile, for a commit
 * compares it, and what another operator does changes what is wanted of the network.
 */
export function isAsRead(key: string, entry: Entry | undefined): readonly Compare[] {
  return entry?.damage === undefined ? [isUnchanged(key, entry)] : []
}

/** Writes in the place of what was read. */
export function putOver(key: string, entry: Entry | undefined, value: Uint8Array): Operation {
  return entry?.damage === undefined ? put(key, value) : mend(key, value)
}

/**
 * What sinks have published at most, where the record of the last snapshot does not say it: it is kept until there is a later one (SW-1, SC-2).
 * One from elsewhere is not among it. Undefined: nothing is known of it.
 */
export function publishedAtMost({ kept }: StoredSnapshots): SnapshotNumber | undefined {
  // Only those from elsewhere are of no generation.
  return kept.find(({ value }) => value?.generation !== 0)
}
