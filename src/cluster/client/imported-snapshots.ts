import type { Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { get, isMissing, isUnchanged, put } from '../../store/operations.ts'
import { compareAndSet, conflict } from '../../store/recipes/index.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import {
  asGeneration,
  asVersion,
  type ClusterKeys,
  lineageRecord,
  type SnapshotLineage,
  type SnapshotRecord,
  snapshotRecord,
} from '../protocol/index.ts'

/**
 * Snapshots that were taken elsewhere, in the store.
 *
 * - IS-1 One is kept from before its first file comes, so that none of them is collected; nobody goes on from it before all are there.
 * - IS-2 Its numbers are those that it had: its files are named by them. The network goes on with greater ones.
 */
export class ImportedSnapshots {
  private readonly store: Store
  private readonly keys: ClusterKeys
  private readonly means: { readonly clock: Clock; readonly random: Random }

  constructor(store: Store, keys: ClusterKeys, means: { readonly clock: Clock; readonly random: Random }) {
    this.store = store
    this.keys = keys
    this.means = means
  }

  /** One that is there already, whether it came from elsewhere or not. */
  async find(
    network: string,
    { incarnation, id }: SnapshotRecord,
    options: CallOptions = {},
  ): Promise<SnapshotRecord | undefined> {
    const key = this.keys.network(network).snapshots.keptAt(incarnation, id)
    const { entry } = await this.store.get(key, options)
    return entry && snapshotRecord.decode(entry)
  }

  /** Takes a snapshot from elsewhere among those that are kept, though its files are not there yet. */
  async take(network: string, given: SnapshotRecord, options: CallOptions = {}): Promise<SnapshotRecord> {
    const { incarnation, id } = given
    const key = this.keys.network(network).snapshots.keptAt(incarnation, id)
    const { storage, chosenFor: _, discards: __, ...kept } = given
    const record: SnapshotRecord = {
      ...kept,
      ...(storage !== undefined && { storage }),
      // Generations and versions are of the cluster that it was taken in.
      generation: asGeneration(0),
      version: asVersion(0),
      isPartial: true,
      names: [importedName(given)],
    }
    const { results } = await this.store.transact(
      { compare: [isMissing(key)], then: [put(key, snapshotRecord.encode(record))], otherwise: [get(key)] },
      { ...options, repeat: 'harmless' },
    )
    const [there] = results
    return there?.type === 'get' && there.entry !== undefined ? snapshotRecord.decode(there.entry) : record
  }

  /**
   * All files of one that was taken in are there. What the network takes from then on is of a later incarnation, with greater numbers (SN-1).
   */
  async complete(network: string, snapshot: SnapshotRecord, options: CallOptions = {}): Promise<void> {
    const keys = this.keys.network(network).snapshots
    const key = keys.keptAt(snapshot.incarnation, snapshot.id)
    await compareAndSet(
      { ...this.means, what: `The network "${network}"`, signal: options.signal },
      async () => {
        const { results } = await this.store.transact({ then: [get(key), get(keys.lineage)] }, options)
        const [kept, lineage] = results.map((one) => (one.type === 'get' ? one.entry : undefined))
        if (kept === undefined)
          throw new VertigoError('SNAPSHOT_UNKNOWN', `Snapshot ${snapshot.id} of "${network}" is gone.`)
        const { isPartial = false, ...whole } = snapshotRecord.decode(kept)
        if (!isPartial) return true
        const next = laterThan(whole, lineage && lineageRecord.decode(lineage), this.means.clock.now())
        const { succeeded } = await this.store.transact(
          {
            compare: [isUnchanged(key, kept), isUnchanged(keys.lineage, lineage)],
            then: [put(key, snapshotRecord.encode(whole)), put(keys.lineage, lineageRecord.encode(next))],
          },
          { ...options, repeat: 'once' },
        )
        return succeeded ? true : conflict
      },
    )
  }
}

/** Numbers that are greater than those of a snapshot from elsewhere, and than all that the network had. */
function laterThan(
  { incarnation, id }: SnapshotRecord,
  lineage: SnapshotLineage | undefined,
  nowMs: number,
): SnapshotLineage {
  const least = Math.max(incarnation + 1, lineage?.incarnation ?? 0)
  return {
    incarnation: lineage === undefined ? Math.max(least, Math.floor(nowMs / 1_000)) : least,
    below: Math.max(lineage?.below ?? 1, id + 1),
  }
}

/** By which it is kept. */
export function importedName({ incarnation, id }: Pick<SnapshotRecord, 'incarnation' | 'id'>): string {
  return `imported-${incarnation}-${id}`
}
