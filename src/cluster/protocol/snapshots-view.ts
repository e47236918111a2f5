import type { Entry } from '../../store/store.ts'
import type { SnapshotKeys } from './keys.ts'
import type { Recorded, RecordType } from './record.ts'
import {
  type AbortedSnapshot,
  abortedRecord,
  type SnapshotLineage,
  lineageRecord,
  type SnapshotRecord,
  snapshotRecord,
  type WantedSnapshot,
  wantedRecord,
} from './snapshot-record.ts'

/** What the store says of a network's snapshots. */
export class SnapshotsView {
  readonly keys: SnapshotKeys
  lineage: Recorded<SnapshotLineage> | undefined
  committed: Recorded<SnapshotRecord> | undefined
  aborted: Recorded<AbortedSnapshot> | undefined
  /** By key, so in the order of incarnations and ids when sorted. */
  readonly kept = new Map<string, Recorded<SnapshotRecord>>()
  /** By name. */
  readonly wanted = new Map<string, Recorded<WantedSnapshot>>()

  constructor(keys: SnapshotKeys) {
    this.keys = keys
  }

  get isEmpty(): boolean {
    const { lineage, committed, aborted, kept, wanted } = this
    return [lineage, committed, aborted].every((one) => one === undefined) && kept.size + wanted.size === 0
  }

  /** `read`: undefined for what is gone or cannot be read. */
  apply(
    key: string,
    entry: Entry | undefined,
    read: <T>(type: RecordType<T>) => Recorded<T> | undefined,
  ): void {
    const { keys } = this
    if (key === keys.lineage) this.lineage = read(lineageRecord)
    else if (key === keys.committed) this.committed = read(snapshotRecord)
    else if (key === keys.aborted) this.aborted = read(abortedRecord)
    else if (key.startsWith(keys.kept)) set(this.kept, key, read(snapshotRecord))
    else if (key.startsWith(keys.wanted))
      set(this.wanted, keys.wantedName(key), entry === undefined ? undefined : read(wantedRecord))
  }
}

/** The last one that came to nothing, where none has been committed since. */
export function failingNow({
  committed,
  aborted,
}: {
  readonly committed: Recorded<SnapshotRecord> | undefined
  readonly aborted: Recorded<AbortedSnapshot> | undefined
}): AbortedSnapshot | undefined {
  const last = aborted?.value
  return last !== undefined && last.atMs > (committed?.value.committedAtMs ?? 0) ? last : undefined
}

function set<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) map.delete(key)
  else map.set(key, value)
}
