import { VertigoError } from '../../base/errors.ts'
import {
  type AbortedSnapshot,
  type ErrorText,
  keptDamaged,
  lastDamaged,
  type SnapshotRecord,
} from '../protocol/index.ts'
import { publishedAtMost, type SnapshotNumber, type StoredSnapshots } from './snapshot-records.ts'

/** A network's snapshots, as they are shown and named. */

export interface ListedSnapshot extends SnapshotRecord {
  /** A failure would go back to it. */
  readonly isCurrent: boolean
}

export interface NetworkSnapshots {
  readonly snapshots: readonly ListedSnapshot[]
  /** The last one that came to nothing. */
  readonly aborted: AbortedSnapshot | undefined
  /** Names under which one is wanted that is not there yet. */
  readonly wanted: readonly string[]
  /** Records that cannot be read, with the way out. Absent: there are none. */
  readonly damaged?: readonly DamagedSnapshot[]
}

export interface DamagedSnapshot {
  /** `last`: a failure would go back to it; then nothing is `isCurrent`. `kept`: it cannot be gone back to. */
  readonly record: 'last' | 'kept'
  /** Of one that is kept: its number. */
  readonly id?: number
  readonly error: ErrorText
}

export function listed(network: string, stored: StoredSnapshots): NetworkSnapshots {
  const { last, kept, aborted, wanted } = stored
  const current = last?.value
  const damaged = damagedOf(network, stored)
  return {
    snapshots: kept.flatMap(({ value }) =>
      value === undefined
        ? []
        : [{ ...value, isCurrent: value.id === current?.id && value.incarnation === current.incarnation }],
    ),
    aborted: aborted?.value,
    wanted,
    ...(damaged.length > 0 && { damaged }),
  }
}

function damagedOf(network: string, stored: StoredSnapshots): DamagedSnapshot[] {
  const textOf = ({ code, message, remedy }: VertigoError): ErrorText => ({ code, message, remedy })
  const last = damageOfLast(network, stored)
  return [
    ...(last === undefined ? [] : [{ record: 'last' as const, error: textOf(last) }]),
    ...stored.kept.flatMap(({ id, damage }) =>
      damage === undefined
        ? []
        : [{ record: 'kept' as const, id, error: textOf(keptDamaged(network, id, damage)) }],
    ),
  ]
}

/** With the way out. */
export function damageOfLast(network: string, { last, kept }: StoredSnapshots): VertigoError | undefined {
  const newest = kept.find(({ value }) => value !== undefined)
  return last?.damage && lastDamaged(network, last.damage, newest)
}

/** By its number: its names are not known. */
export function damagedNamed(
  { kept }: StoredSnapshots,
  snapshot: string,
): StoredSnapshots['kept'][number] | undefined {
  const found = kept.filter(({ id }) => String(id) === snapshot)
  return found.every(({ damage }) => damage !== undefined) ? found[0] : undefined
}

/** SC-2: while the record of the last one cannot be read, the newest one that is kept says how far sinks may have published. */
export function checkNotLast(
  network: string,
  stored: StoredSnapshots,
  { incarnation, id }: SnapshotNumber,
): void {
  const damaged = damageOfLast(network, stored)
  const last = publishedAtMost(stored)
  if (damaged !== undefined && last?.id === id && last.incarnation === incarnation) throw damaged
}

export function isNamed({ names, id }: SnapshotRecord, snapshot: string): boolean {
  return names.includes(snapshot) || String(id) === snapshot
}

const namePattern = /^[A-Za-z][A-Za-z0-9._-]{0,99}$/

/** Errors: USAGE. */
export function checkName(name: string): void {
  if (namePattern.test(name)) return
  const shown = name.length > 100 ? `${name.slice(0, 100)}…` : name
  throw new VertigoError('USAGE', `"${shown}" is no name for a snapshot.`, {
    remedy: 'Use letters, digits, ".", "_" and "-", beginning with a letter, 100 at most.',
  })
}
