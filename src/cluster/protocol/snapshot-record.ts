import * as v from 'valibot'
import { VertigoError } from '../../base/errors.ts'
import { count, generation, text, texts, timeMs, version } from './fields.ts'
import { recordType } from './record.ts'

/**
 * What the store says of a network's snapshots. What they consist of is in their manifests, in the storage; what is decided by is here.
 */

/** Below which ids of snapshots have been given to managers (SN-1), and for which life of the network's snapshots. */
const lineage = v.object({
  /**
   * Of what a snapshot and its files are named by. Greater than any before in the same storage: a network that was forgotten, or a
   * store that was set up anew, begins another one.
   */
  incarnation: count,
  /** Ids from there on have been given to nobody. */
  below: count,
})
export type SnapshotLineage = Readonly<v.InferOutput<typeof lineage>>
export const lineageRecord = recordType('The numbers of snapshots', lineage)

/** Where its manifest is, in the storage of the network's snapshots. */
const manifest = v.object({ name: text, bytes: count, checksum: count })

const copy = v.object({ component: text, index: count })

/** Which snapshot, and where to read of what it consists. */
export const snapshotReference = v.object({
  id: count,
  incarnation: count,
  manifest,
  /** Of the network, when it was taken. Absent in references of before. */
  version: v.optional(version),
  /** Sinks may have published up to this one: somebody has accepted that what came after the snapshot is published again. */
  upTo: v.optional(v.object({ incarnation: count, id: count })),
  /** The version with which an operator has put it in the place of the last one. Absent: it is the last one that was committed. */
  chosenFor: v.optional(version),
  /** Components that begin afresh: what the snapshot has of them counts no more. */
  discards: v.optional(texts),
})
export type SnapshotReference = Readonly<v.InferOutput<typeof snapshotReference>>

/** What a snapshot has of a component, as far as one has to know it to say whether a network can go on from it. */
const component = v.object({
  component: text,
  instances: count,
  /** Of any kind: it would be lost where nobody goes on with it. */
  hasState: v.boolean(),
  hasKeyedState: v.boolean(),
  hasChannelState: v.boolean(),
})
export type SnapshotComponent = Readonly<v.InferOutput<typeof component>>

/** A snapshot that was committed. Immutable, but for its names. */
const snapshot = v.object({
  ...snapshotReference.entries,
  generation,
  /** Of the network. */
  version,
  predecessor: v.nullable(count),
  committedAtMs: timeMs,
  /** From the first barrier to the commit. */
  tookMs: v.number(),
  /** Of all files that it refers to. */
  bytes: count,
  /** They had handled all there was before the barrier: where the snapshot is gone back to, they are not started. */
  finished: v.array(copy),
  /** Messages that were in flight are in it: they were routed already, so it fits the same numbers of instances only. */
  hasChannelState: v.boolean(),
  /** It began when the network was to stop: the last one of its generation. */
  isLast: v.boolean(),
  /** Under which it is kept until they are taken away. */
  names: texts,
  /** Address of its storage, as the network says it. Absent: where the cluster keeps snapshots by default. */
  storage: v.optional(text),
  /** Absent in those of earlier versions. */
  components: v.optional(v.array(component)),
  /** It was taken elsewhere, and not all of its files are there yet. */
  isPartial: v.optional(v.boolean()),
})
export type SnapshotRecord = Readonly<v.InferOutput<typeof snapshot>>
export const snapshotRecord = recordType('A snapshot', snapshot, { isChecked: true })

/** Of what comes from elsewhere. Errors: SNAPSHOT_FILE_DAMAGED. */
export function checkSnapshotRecord(value: unknown): SnapshotRecord {
  const parsed = v.safeParse(snapshot, value)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  const at = v.getDotPath(issue) ?? ''
  throw new VertigoError(
    'SNAPSHOT_FILE_DAMAGED',
    `What is said of the snapshot does not fit: ${at}: ${issue.message}.`,
  )
}

/** Somebody wants a snapshot that is kept under the name of the record. Gone when there is one. */
const wanted = v.object({ by: text, atMs: timeMs })
export type WantedSnapshot = Readonly<v.InferOutput<typeof wanted>>
export const wantedRecord = recordType('A snapshot that is wanted', wanted)

/** The last one that came to nothing, for people. */
const aborted = v.object({
  id: count,
  generation,
  atMs: timeMs,
  /** As of a snapshot. */
  isLast: v.boolean(),
  code: text,
  reason: text,
  /** What to do about it; not written by versions of before. */
  remedy: v.optional(text),
  /** Since when each has come to nothing, and how many. */
  sinceMs: v.optional(timeMs),
  times: v.optional(count),
})
export type AbortedSnapshot = Readonly<v.InferOutput<typeof aborted>>
export const abortedRecord = recordType('The snapshot that was aborted last', aborted)
