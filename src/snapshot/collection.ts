import { placeOf } from './file-names.ts'
import { type FileReference, filesOf, type InstanceManifest, type SnapshotManifest } from './manifest.ts'

/**
 * What may be referred to, what may be deleted, and when files are merged. Pure: from manifests and names to decisions.
 *
 * Each file says until which snapshot it is spared even where nothing refers to it: what is written for snapshot s says s; what is
 * merged in the background says the last one that may refer to it.
 *
 * - CO-1 (SN-5) A snapshot refers to files that its committed predecessor refers to, and to files that are spared at least until
 *   itself. So an increment never stands on a file of a snapshot that was aborted.
 * - CO-2 Nothing is deleted that a kept snapshot refers to, or that is spared until a later snapshot than the last committed one.
 * - CO-3 The last committed snapshot is kept, as long as anything runs. With CO-1 this makes it harmless to delete by a list that is out of date: whatever was
 *   committed since refers to nothing that it names.
 */

/** Files that a snapshot must not refer to (CO-1). `predecessor`: undefined for the first one. */
export function unfitReferences(
  manifest: SnapshotManifest,
  predecessor: SnapshotManifest | undefined,
): readonly FileReference[] {
  const known = new Map(
    predecessor === undefined ? [] : filesOf(predecessor).map((file) => [file.name, file]),
  )
  return filesOf(manifest).filter((file) => {
    if (file.until >= manifest.id) return false
    const before = known.get(file.name)
    return before?.bytes !== file.bytes || before.checksum !== file.checksum
  })
}

export interface CollectionFacts {
  readonly incarnation: number
  /** Of this incarnation. undefined where none was committed: then nothing is deleted, unless all is over. */
  readonly lastCommitted: number | undefined
  /** Nothing of the network runs, and no snapshot below this one is taken any more. Default: something may run. */
  readonly overBelow?: number
  /** All that are to stay, the last committed one among them (CO-3); of any incarnation. */
  readonly kept: readonly SnapshotManifest[]
  /** Names of their own manifests. */
  readonly keptManifests: readonly string[]
  /** Names of the network's files in the storage. */
  readonly present: readonly string[]
}

/** What may be deleted (CO-2). Names that nobody here has made are left alone. */
export function collectable(facts: CollectionFacts): readonly string[] {
  const { incarnation, lastCommitted, overBelow, kept, keptManifests, present } = facts
  const isKept = kept.some(
    (manifest) => manifest.incarnation === incarnation && manifest.id === lastCommitted,
  )
  const below = overBelow ?? (lastCommitted !== undefined && isKept ? lastCommitted + 1 : 0)
  if (below === 0) return []
  const needed = new Set([...keptManifests, ...kept.flatMap(filesOf).map((file) => file.name)])
  return present.filter((name) => {
    const place = placeOf(name)
    if (place === undefined || needed.has(name)) return false
    if (place.incarnation !== incarnation) return place.incarnation < incarnation
    return place.until < below
  })
}

/** When the files of an instance are merged. */
export interface MergePolicy {
  /** Default 10: each is read on recovery, and each costs the storage an object. */
  readonly incrementsMax: number
  /**
   * Default 40, in place of `incrementsMax` where the state is large and its increments have less than a quarter of its bytes: a merge
   * copies all of it, and where 1 % changes with each snapshot, that took more computing than the snapshots.
   */
  readonly smallIncrementsMax: number
  /** Increments may have this part of the bytes of the full file. Default 1: a merge then writes at most twice what was written. */
  readonly incrementsPartMax: number
}

export const defaultMergePolicy: MergePolicy = {
  incrementsMax: 10,
  smallIncrementsMax: 40,
  incrementsPartMax: 1,
}
const smallPartMax = 0.25
/** Where the state is small, the number of increments alone decides. */
const bytesMin = 1024 * 1024

export function needsMerge({ files }: InstanceManifest, policy: MergePolicy = defaultMergePolicy): boolean {
  const [full, ...increments] = files
  if (full === undefined || increments.length === 0) return false
  const bytes = increments.reduce((sum, file) => sum + file.bytes, 0)
  const areSmall = full.bytes > bytesMin && bytes < full.bytes * smallPartMax
  if (increments.length > (areSmall ? policy.smallIncrementsMax : policy.incrementsMax)) return true
  return bytes > Math.max(bytesMin, full.bytes * policy.incrementsPartMax)
}

/**
 * The files of an instance with those that `merged` was made of taken out; undefined where they are not there in a row at the
 * beginning any more, so that the merge came too late.
 */
export function withMerged(
  files: readonly FileReference[],
  mergedOf: readonly FileReference[],
  merged: FileReference,
): readonly FileReference[] | undefined {
  const isStill = mergedOf.every((file, index) => files[index]?.name === file.name)
  return isStill ? [merged, ...files.slice(mergedOf.length)] : undefined
}
