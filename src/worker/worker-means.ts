import type { Clock } from '../base/clock.ts'
import type { VertigoError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { LogRecord } from '../component/context.ts'
import type { PartReport } from '../snapshot/part.ts'
import type { SnapshotStorage } from '../snapshot/storage/storage.ts'
import type { NewKeyedState, StateSettings } from '../state/keyed-state.ts'
import type { Link } from '../transport/link.ts'
import type { ModuleAddress } from './assignment.ts'
import type { RejectedMessage } from './host.ts'
import type { Journals } from './journal/journals.ts'
import type { MetricRecord } from './metrics.ts'
import type { MergeFiles } from './snapshots/worker-snapshots.ts'
import type { OpenSharedStore } from './shared.ts'
import type { YieldAsked } from './turn-pace.ts'

/** What a worker is given, and what it tells. */

/** Imports what an address names: a kind, a hook, a selector, or anything else of the user's. */
export type Load = (module: ModuleAddress) => Promise<unknown>

/** What the worker tells. */
export interface WorkerEvents {
  /** All instances have finished. */
  finished(): void
  /** One has, by its id. Also one that has published all of the last snapshot of an undeployed network: it is to do nothing more. */
  instanceFinished?(id: number): void
  /** One has handled all there was, and can publish it, and finish, once a snapshot is committed; or waits for that no more. */
  awaitsSnapshot?(id: number, awaits: boolean): void
  /** `id`: the instance that has failed; undefined where the worker has. */
  failed(error: unknown, id?: number): void
  /** What came from a peer makes no sense. Without this, the worker fails. */
  linkFailed?(worker: number, error: unknown): void
  /** `taken` is called when the record waits nowhere any more; with many that wait, those who report are paused. */
  rejected(record: RejectedMessage, taken: () => void): void
  logged(record: LogRecord, taken: () => void): void
  /** An instance has made a metric. */
  metric(record: MetricRecord): void
  /** Of a snapshot; where they are taken. */
  part?(report: PartReport): void
}

/** Counters of the instances, by their index; written once a slice, read by whoever shows them. */
export interface CounterSink {
  write(index: number, counters: InstanceCounters): void
  /** The instance that has its turn; -1 between turns. */
  running(index: number): void
  /** The instance has been set up. */
  ready(index: number): void
  /** Set by who sees that the instance stays the same for long; `running` takes it back. Default: nobody looks. */
  readonly yieldAsked?: YieldAsked
}

export interface InstanceCounters {
  readonly received: number
  readonly sent: number
  readonly queued: number
  readonly rejected: number
  /** An output has no credit, or what it reported waits to be taken. */
  readonly isBlocked: boolean
  readonly isFinished: boolean
}

export interface WorkerMeans {
  readonly clock: Clock
  readonly random: Random
  readonly load: Load
  /** Ends of the links to the peers of the first assignment, by worker: what `start` switches over with. */
  readonly links?: ReadonlyMap<number, Link>
  readonly events: WorkerEvents
  readonly counters: CounterSink
  /** What kinds in the main thread reach the caller's code by. */
  readonly bridge?: object
  /** The store behind `context.shared`; without it, using that is an error. */
  readonly openStore?: OpenSharedStore
  /** What snapshots are written to, where they are taken. Asked for whenever it is needed: another version may keep them elsewhere. */
  readonly snapshots?: {
    readonly storage: () => Promise<SnapshotStorage>
    /** Makes files one. Default: in the worker's own thread. */
    readonly merge?: MergeFiles
  }
  /** Chooses the backend of keyed state. Without it, state is in memory whatever a network says. */
  readonly states?: (settings: StateSettings) => Promise<NewKeyedState>
  /** Where sources that cannot rewind have their journals. */
  readonly journals?: Journals
  /** Whether messages are checked against schemas of ports: at the network's edges, everywhere, or not at all. */
  readonly check: 'edges' | 'all' | 'none'
  /** Development mode: messages and state cannot be changed in place, and every message is a copy. Default false. */
  readonly dev?: boolean
  /** How long loading, and then `setup`, of an instance may take, in milliseconds. Default 60,000. */
  readonly setupMsMax?: number
  /** A failing instance takes only itself down, not the worker. Default false. */
  readonly isolates?: boolean
  /** How long an open group or batch may keep its port from being connected anew, in milliseconds. Default 60,000. */
  readonly portSwitchMsMax?: number
  /**
   * Asked before each slice, and before each frame that leaves: whether the worker may do anything. Who says no has called
   * `hold`, and calls `release` when it may again. Default: always.
   */
  readonly mayAct?: () => boolean
  /** Asked between slices: an error where the worker uses more than it may. */
  readonly overLimit?: () => VertigoError | undefined
}

/**
 * Whether a worker has come to rest. A network with cycles is at its end when all its workers are quiet and all frames
 * that were sent have been received, twice in a row with the same numbers (Mattern's four-counter method, 1987).
 */
export interface QuietProbe {
  /** Sources have ended, and nothing waits, runs or is about to. */
  readonly isQuiet: boolean
  readonly framesSent: number
  readonly framesReceived: number
}
