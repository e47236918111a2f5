import { isVertigoError, VertigoError } from '../../base/errors.ts'
import type { NetworkView } from './cluster-view.ts'

/**
 * Records of snapshots that cannot be read.
 *
 * - DS-1 Without that of the last snapshot nothing is decided of its network: it is not known what sinks have published, nor what an operator
 *   has chosen. Nobody takes another snapshot for it but an operator, who names it.
 * - DS-2 That of another one takes nothing away but that snapshot: its network runs, and goes on from others. Until it is removed, no
 *   file of the network is deleted, since nobody knows which ones it needs.
 */

/** What is wrong with the last one, and the way out. `newest`: the newest one that is kept and whole. */
export function lastDamaged(
  network: string,
  fault: VertigoError,
  newest: { readonly id: number } | undefined,
): VertigoError {
  // A newer version wrote it, and reads it.
  if (fault.code !== 'STORE_CORRUPT') return fault
  return new VertigoError(
    'SNAPSHOT_RECORD_DAMAGED',
    `The record of the last snapshot of "${network}", which it would go on from, is damaged. ${fault.message}`,
    {
      cause: fault,
      remedy:
        newest === undefined
          ? 'None that is kept is whole. Restore the store from an export; or deploy the network from an export of a snapshot: `--from-snapshot <folder> --accept-duplicates`.'
          : `Say which one it goes on from: \`vertigo deploy <file> --from-snapshot ${newest.id}\`, the newest that is kept and whole; \`vertigo snapshot ls ${network}\` lists them. \`--discard-state <component>\` beside it lets a component begin afresh.`,
    },
  )
}

/** Of one that is kept. */
export function keptDamaged(network: string, id: number, fault: VertigoError): VertigoError {
  if (fault.code !== 'STORE_CORRUPT') return fault
  return new VertigoError(
    'SNAPSHOT_RECORD_DAMAGED',
    `The record of snapshot ${id} of "${network}" is damaged. ${fault.message}`,
    {
      cause: fault,
      remedy: `The others are not touched by it. Once it is removed (\`vertigo snapshot rm ${network} ${id}\`), files that nobody needs are deleted again.`,
    },
  )
}

/** Of the numbers of snapshots. Without the record they begin another incarnation, which is later than all before it (SN-1). */
export function lineageDamaged(key: string, fault: VertigoError): VertigoError {
  if (fault.code !== 'STORE_CORRUPT') return fault
  return new VertigoError('STORE_CORRUPT', fault.message, {
    cause: fault,
    remedy: `Delete it (\`vertigo store delete ${key} --store <url>\`): the network goes on from its last snapshot, and new ones begin another incarnation.`,
  })
}

/** Of the numbers that plans have used, where there is no plan that has them as well. */
function numbersDamaged(key: string, fault: VertigoError): VertigoError {
  return new VertigoError('STORE_CORRUPT', fault.message, {
    cause: fault,
    remedy: `Restore the store from an export. Where there is none, delete it (\`vertigo store delete ${key} --store <url>\`) while no node of before is cut off from the others: plans go on behind the numbers that other records name.`,
  })
}

/** What of a network cannot be read, and is decided by. */
export function standstill({
  name,
  keys: ofNetwork,
  plan,
  faults,
  snapshots,
}: NetworkView): VertigoError | undefined {
  const { keys, kept } = snapshots
  for (const [key, fault] of faults) {
    if (key === keys.committed) {
      const newest = [...kept].toSorted(([a], [b]) => (a < b ? 1 : -1))[0]?.[1].value
      return lastDamaged(name, fault, newest)
    }
    if (key === keys.lineage) return lineageDamaged(key, fault)
    if (key === ofNetwork.numbers && fault.code === 'STORE_CORRUPT') {
      // The plan has the same numbers, and the next one writes them anew.
      if (plan !== undefined) continue
      return numbersDamaged(key, fault)
    }
    if (key !== keys.aborted && !key.startsWith(keys.kept) && !key.startsWith(keys.wanted)) return fault
  }
  return undefined
}

/** The last one cannot be read, or what numbers the next. */
export function isSnapshotsDamaged({
  faults,
  snapshots,
}: Pick<NetworkView, 'faults' | 'snapshots'>): boolean {
  return faults.has(snapshots.keys.committed) || faults.has(snapshots.keys.lineage)
}

/** The last one cannot be read. */
export function isLastDamaged({ faults, snapshots }: Pick<NetworkView, 'faults' | 'snapshots'>): boolean {
  return faults.has(snapshots.keys.committed)
}

/** Why nobody knows which files are needed. */
export function filesUnknown({ name, faults, snapshots }: NetworkView): VertigoError | undefined {
  const { keys } = snapshots
  for (const [key, fault] of faults) {
    if (key === keys.committed) return lastDamaged(name, fault, undefined)
    if (key.startsWith(keys.kept)) return keptDamaged(name, keys.keptId(key).id, fault)
  }
  return undefined
}

/** Of a record that could not be decoded. */
export function faultOf(thrown: unknown): VertigoError {
  if (isVertigoError(thrown)) return thrown
  throw thrown
}
