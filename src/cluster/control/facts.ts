import type { BrokenLink, InventoryNode } from '../plan/index.ts'
import type {
  AbortedSnapshot,
  DeathRecord,
  DesiredNetwork,
  Generation,
  NetworkOutcome,
  NetworkVersion,
  NodeId,
  OpenRecord,
  Plan,
  ReadyRecord,
  SnapshotRecord,
  Term,
  UsedNumbers,
  VersionRecord,
} from '../protocol/index.ts'

/** When failed instances are started again, and when a network has failed for good. */
export interface RestartPolicy {
  /** Failures of one component, each less than `windowMs` after the one before, that are followed by a restart. */
  readonly restartsMax: number
  /** Who ran for longer than this begins anew. Longer than `delayMsMax`, or nobody would ever reach the limit. */
  readonly windowMs: number
  /** Before the second restart; the first comes at once, each further one after twice the time. */
  readonly delayMs: number
  readonly delayMsMax: number
}

/** Nine failures in about half a minute: longer than a service that is restarted takes, shorter than patience. */
export const defaultRestartPolicy: RestartPolicy = {
  restartsMax: 8,
  windowMs: 60_000,
  delayMs: 250,
  delayMsMax: 30_000,
}

/** What the store says of one network, read at one revision, and of the cluster around it. */
export interface NetworkFacts {
  readonly network: string
  readonly desired: DesiredNetwork
  readonly outcome: NetworkOutcome | undefined
  readonly plan: Plan | undefined
  /** Behind which numbers plans go on (PL-6). Default: nothing was used but by `plan`. */
  readonly used?: UsedNumbers
  readonly open: OpenRecord | undefined
  /** The generation that is open, or was last; undefined where none ever was. */
  readonly lastOpen: Generation | undefined
  /** All that are in the store, at least those that `desired` and `plan` name. */
  readonly versions: ReadonlyMap<NetworkVersion, VersionRecord>
  /** Of the plan's generation. */
  readonly ready: readonly ReadyRecord[]
  /** All generations that have records of readiness. */
  readonly readyGenerations: readonly Generation[]
  /** `revision`: when its record came to be. */
  readonly nodes: readonly (InventoryNode & { readonly revision?: number })[]
  /** Of nodes whose processes have ended, and when that was written. Default: none. */
  readonly deaths?: readonly {
    readonly node: NodeId
    readonly revision: number
    readonly record: DeathRecord
  }[]
  /** Of the nodes. Default: none. */
  readonly brokenLinks?: readonly BrokenLink[]
  /** The last snapshot that was committed, and the last that came to nothing. Default: neither. */
  readonly snapshots?: {
    readonly committed: SnapshotRecord | undefined
    readonly aborted: AbortedSnapshot | undefined
  }
  /** Nobody has said where the cluster keeps snapshots of networks that do not say it themselves. Default false. */
  readonly isPlaceless?: boolean
  readonly quorum: number
  readonly restarts: RestartPolicy
  readonly term: Term
  /** Of the wall clock, which the times in plans are of. */
  readonly nowMs: number
}
