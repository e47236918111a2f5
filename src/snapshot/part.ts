import type { ErrorData } from '../base/errors.ts'
import type { InstanceManifest, SnapshotManifest } from './manifest.ts'

/**
 * What is said about a snapshot between those who coordinate it and the workers: that it begins, that an instance's part is stored,
 * how it ended; and, later, what an instance is given to go on from. Plain data: it crosses threads and control connections.
 *
 * - PT-1 (SN-1) Whatever is said carries the generation and the snapshot. A worker does nothing about another generation than the one
 *   in force at it, and says nothing; a coordinator throws away what is not of the one in flight.
 * - PT-2 All of it may be said again: what was begun, or has ended, is not begun once more.
 * - PT-3 The end of a snapshot need not arrive: `predecessor` of the next one says it, too.
 */

/** How a cut is taken. */
export interface SnapshotMode {
  /**
   * At-least-once networks hold no input: what comes behind a barrier is handled before the cut, and comes again after a failure. The cut
   * waits for all barriers all the same.
   */
  readonly isAligned: boolean
  /**
   * Milliseconds after the first barrier, when barriers overtake (SN-8). Default 1000. `null`: never, since the network is to go on with
   * other numbers of instances, or is to be changed.
   */
  readonly alignMsMax: number | null
}

export const defaultSnapshotMode: SnapshotMode = { isAligned: true, alignMsMax: 1000 }

/** A snapshot begins. */
export interface SnapshotBegin extends SnapshotMode {
  readonly type: 'begin'
  readonly generation: number
  readonly snapshot: number
  /** Of the cluster. */
  readonly incarnation: number
  /**
   * The snapshot of this generation that was committed last, or the one that the generation was restored from; null where there is none.
   * What was written since is in no snapshot, and is written again (SN-5).
   */
  readonly predecessor: number | null
  /** The files of all snapshots before are gone: each part has all of its instance's state, and refers to none of them. Default false. */
  readonly isWhole?: boolean
  /** What the files of an instance may have that are not stored, but become part of the manifest, in bytes. Default 0. */
  readonly inlineBytesMax?: number
}

export type SnapshotEnd =
  | {
      readonly type: 'committed'
      readonly generation: number
      readonly snapshot: number
      /** The oldest snapshot of the same incarnation that is kept: what stands before it is gone back to by nobody. Absent: not known. */
      readonly oldestKept?: number
      /** The network is undeployed, and this was its last one. Default false. */
      readonly isLast?: boolean
    }
  | { readonly type: 'aborted'; readonly generation: number; readonly snapshot: number }

/** To every worker of the generation, those with no source as well. */
export type SnapshotCommand = SnapshotBegin | SnapshotEnd

/** From a worker, one for each of its instances and snapshot. */
export type PartReport =
  | {
      readonly type: 'part-stored'
      readonly generation: number
      readonly snapshot: number
      /** As in the assignment. */
      readonly instance: number
      readonly part: InstanceManifest
      /** Milliseconds from the first that the instance heard of it to the cut, and from there until all was stored. */
      readonly alignedMs: number
      readonly storedMs: number
    }
  | {
      /** The snapshot cannot be completed: to be aborted, with this reason. */
      readonly type: 'part-failed'
      readonly generation: number
      readonly snapshot: number
      readonly instance: number
      readonly error: ErrorData
    }
  | {
      /** `alignMsMax` is over, and the cut is not taken: the instance is named to people (ADR 0017). Nothing else follows from it. */
      readonly type: 'part-late'
      readonly generation: number
      readonly snapshot: number
      readonly instance: number
      /** In English: what it waits for. */
      readonly waitsFor: string
    }

/** What an instance goes on from. */
export interface InstanceRestore {
  readonly network: string
  /** That the snapshot is of. */
  readonly incarnation: number
  readonly snapshot: number
  /** Sinks may have published up to this one, since somebody has accepted to go back behind it. Default: the snapshot itself. */
  readonly upTo?: { readonly incarnation: number; readonly id: number }
  /**
   * Of its component: with the same number of instances, its own part, unless it is a source; else all parts of the component, of which it
   * takes the key groups and splits that are its own. None: it begins afresh, since the snapshot does not have its component.
   */
  readonly parts: readonly InstanceManifest[]
  /** The kind that they were written by, where it is known: it may know how its state becomes that of an older version. */
  readonly writer?: { readonly address: string; readonly base: string }
}

/**
 * What an instance is given of a snapshot's parts. `undefined` where the snapshot does not know the component: it begins as if there were
 * none.
 */
export function restoreOf(
  snapshot: SnapshotManifest,
  wanted: {
    readonly component: string
    readonly instance: number
    readonly instances: number
    /** It is given all parts of its component, with its own among them: splits may be dealt anew. Default false. */
    readonly isSource?: boolean
  },
): InstanceRestore | undefined {
  const { network, incarnation, id } = snapshot
  const all = snapshot.instances.filter(({ component }) => component === wanted.component)
  if (all.length === 0) return undefined
  const own = all.filter((part) => part.instance === wanted.instance && part.instances === wanted.instances)
  return { network, incarnation, snapshot: id, parts: own.length > 0 && wanted.isSource !== true ? own : all }
}
