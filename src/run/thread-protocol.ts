import type { MessagePort } from 'node:worker_threads'
import type { Clock } from '../base/clock.ts'
import type { ErrorData } from '../base/errors.ts'
import type { SharedGate } from '../base/native-gate.ts'
import type { Random } from '../base/random.ts'
import type { ClientPortCommand, ClientPortReport } from '../component/client-port.ts'
import type { LogRecord } from '../component/context.ts'
import type { PartReport, SnapshotCommand } from '../snapshot/part.ts'
import type { Link } from '../transport/link.ts'
import type { WorkerAssignment } from '../worker/assignment.ts'
import type { RejectedMessage } from '../worker/host.ts'
import type { MetricRecord } from '../worker/metrics.ts'
import type { QuietProbe } from '../worker/worker.ts'
import type { StorePlace } from './run-store.ts'
import type { SharedCounters } from './counters.ts'

/** What a thread knows before it has loaded anything. */
export interface ThreadStart {
  /** Folder of the process's cache of compiled code, where it has one. */
  readonly compileCache: string | undefined
  /** URLs of modules that it loads while it waits for what it is to host. */
  readonly preload: readonly string[]
}

/**
 * How a thread reaches one of its peers. Ports are transferred with the message that holds them; sockets are opened by the
 * thread itself, since they cannot be handed over.
 */
export type PeerLink =
  | { readonly worker: number; readonly port: MessagePort }
  /** On another node. */
  | { readonly worker: number; readonly node: string; readonly host: string; readonly port: number }

/** By what a thread of a cluster's node reaches those of other nodes. */
export interface DataNet {
  /** URL of a `DataLinksModule`. */
  readonly module: string
  readonly cluster: string
  readonly network: string
  readonly node: string
  /** Where its data port listens; the port is chosen by the system. */
  readonly host: string
  /** PEM texts; without, lines are neither encrypted nor checked. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | undefined
}

/** What the module exports that `DataNet` names. */
export interface DataLinksModule {
  readonly openDataLinks: (net: DataNet, means: DataLinksMeans) => Promise<DataLinks>
}

export interface DataLinksMeans {
  readonly worker: number
  readonly clock: Clock
  readonly random: Random
  /** Of the newest assignment. */
  readonly generation: () => number
  /** Whether a worker is one of the newest assignment's: `unknown` where it may be of a later one. */
  readonly standing: (worker: number) => 'current' | 'unknown' | 'gone'
  readonly failed: (worker: number, error: unknown) => void
  /** Somebody spoke nonsense, or was refused. Never more than a few a second; `more`: those in between. */
  readonly turnedAway: (remote: string, error: unknown, more: number) => void
}

export interface DataLinks {
  readonly host: string
  readonly port: number
  open(peer: {
    readonly worker: number
    readonly node: string
    readonly host: string
    readonly port: number
  }): Link
  close(): Promise<void>
}

/** What a worker thread is to host at first. */
export interface ThreadData {
  readonly assignment: WorkerAssignment
  readonly counters: SharedCounters
  /** URL of the module with the built-in kinds. */
  readonly builtInKinds: string
  /** URL of the module that chooses stores. */
  readonly stores: string
  readonly store: StorePlace
  readonly links: readonly PeerLink[]
  /** Folder of the journals of sources, where they have any. */
  readonly journals?: string
  /** In a cluster. */
  readonly net?: DataNet
  /** In a cluster: until when it may act; see `Fence`. */
  readonly fence?: SharedArrayBuffer
  /** What it passes to call native code; whoever ends it shuts it first. */
  readonly gate: SharedGate
  /** Where it writes in the counters of workers. Default: at its number. */
  readonly slot?: number
  /** A failing instance takes only itself down, not the worker. */
  readonly isolates: boolean
  readonly check: 'edges' | 'all' | 'none'
  readonly dev: boolean
  readonly memoryBytesMax: number
  readonly setupMsMax: number | undefined
  /** Period of the sign of life, in milliseconds. */
  readonly heartbeatMs: number
}

/** From the run to a thread. */
export type ThreadCommand =
  | 'start'
  | 'drain'
  | 'close'
  | 'probe'
  | 'end-back-edges'
  | 'hold'
  | 'release'
  | { readonly next: WorkerAssignment }
  /** To what was prepared last. */
  | { readonly switchOver: readonly PeerLink[] }
  /** That many of the records that were reported (`rejected`, `log`) have been taken, in their order. */
  | { readonly taken: number }
  /** What is said about a snapshot. */
  | { readonly snapshot: SnapshotCommand }
  /** To the instance that has opened this line. */
  | { readonly clientPort: number; readonly command: ClientPortCommand }

/** From a thread to the run. */
export type ThreadReport =
  /** The engine and what is preloaded are there: it waits for what it is to host, or has got it. */
  | { readonly type: 'loaded' }
  | { readonly type: 'prepared' | 'finished' | 'closed' }
  /** Its data port is open. */
  | { readonly type: 'listens'; readonly host: string; readonly port: number }
  | { readonly type: 'failed'; readonly error: ErrorData }
  /** Not ready: another preparation has taken its place. */
  | { readonly type: 'prepared-next'; readonly generation: number; readonly isReady: boolean }
  | { readonly type: 'prepare-failed'; readonly generation: number; readonly error: ErrorData }
  | { readonly type: 'instance-finished'; readonly id: number }
  | { readonly type: 'awaits-snapshot'; readonly id: number; readonly awaits: boolean }
  | { readonly type: 'instance-failed'; readonly id: number; readonly error: ErrorData }
  | { readonly type: 'link-failed'; readonly worker: number; readonly error: ErrorData }
  /** Somebody at its data port. `more`: others before, of whom nothing was told. */
  | {
      readonly type: 'turned-away'
      readonly remote: string
      readonly error: ErrorData
      readonly more: number
    }
  | { readonly type: 'rejected'; readonly record: RejectedMessage }
  | { readonly type: 'log'; readonly record: LogRecord }
  | { readonly type: 'metric'; readonly record: MetricRecord }
  /** An instance's part of a snapshot. */
  | { readonly type: 'part'; readonly report: PartReport }
  | { readonly type: 'probed'; readonly probe: QuietProbe }
  /** Of an instance behind an exported port; `port` is the number of its line in this thread. */
  | { readonly type: 'client-port'; readonly port: number; readonly report: ClientPortNews }
  /** A component called `process.exit`; the thread ends right after it. */
  | { readonly type: 'exit'; readonly stack: string }

export type ClientPortNews =
  | { readonly type: 'opened'; readonly component: string; readonly isCommitted: boolean }
  | { readonly type: 'closed' }
  | ClientPortReport
