import type {
  ComponentFailures,
  Generation,
  InstanceId,
  NetworkVersion,
  NodeId,
  NodeRecord,
  Plan,
  SnapshotRecord,
  Term,
  UsedNumbers,
  VersionRecord,
  WorkerNumber,
} from '../protocol/index.ts'

/** A node, as far as a plan depends on it. */
export interface InventoryNode extends Pick<
  NodeRecord,
  'id' | 'incarnation' | 'groups' | 'labels' | 'workers'
> {
  /** Whose files it sees: nodes that say the same see the same. Default: nobody else's. */
  readonly files?: string
  /** An operator wants it empty. */
  readonly draining: boolean
  /** Workers that other networks have there. */
  readonly workersOfOthers: number
}

/**
 * `run`: as the version says. `stop`: everything drains. `none`: everything ends at once; for networks that have failed or
 * finished, in which nothing can drain any more.
 */
export type PlanGoal = 'run' | 'stop' | 'none'

/** Two nodes that do not reach each other, though both are there. */
export type BrokenLink = readonly [NodeId, NodeId]

/** All that a plan is made from. */
export interface PlanningFacts {
  readonly network: string
  readonly goal: PlanGoal
  /** The version to plan; its record is in `versions`. */
  readonly version: NetworkVersion
  /** What to go back to where `version` cannot be set up; into the plan as it is. */
  readonly fallback: NetworkVersion | undefined
  /** With those that the current plan's instances are of. */
  readonly versions: ReadonlyMap<NetworkVersion, VersionRecord>
  /** All that are there, in any order. */
  readonly nodes: readonly InventoryNode[]
  /** In any order; those of nodes that are not there do not count. Default: none. */
  readonly brokenLinks?: readonly BrokenLink[]
  /** With fewer nodes nothing is placed. */
  readonly quorum: number
  readonly current: Plan | undefined
  /** Behind which numbers go on (PL-6), beside those of `current`. Default: nothing was used. */
  readonly used?: UsedNumbers
  /** The generation that is open, or was last; undefined where none ever was. */
  readonly lastOpen: Generation | undefined
  readonly term: Term
  /** Instances that have handled all there was. */
  readonly finished: ReadonlySet<InstanceId>
  readonly failed: ReadonlySet<InstanceId>
  /** Workers that have ended by themselves. */
  readonly lostWorkers: ReadonlySet<WorkerNumber>
  /** Components that failed and are not tried again yet. */
  readonly paused: ReadonlySet<string>
  /** Components that no node gets for now, with the reason. Default: none. */
  readonly held?: ReadonlyMap<string, string>
  /** As they are to stand in the plan. */
  readonly failures: readonly ComponentFailures[]
  /** The network was stopped, or has finished: what it has kept is of no use to what begins now. Default false. */
  readonly beginsAfresh?: boolean
  /** Of a network with snapshots: what its next generation goes on from (PN-12). Absent: it has none. */
  readonly recovery?: { readonly from: SnapshotRecord | undefined }
}
