import type { MessagePort } from 'node:worker_threads'
import type { ErrorData } from '../base/errors.ts'
import type { LogRecord } from '../component/context.ts'
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
}

/** What a worker thread is to host. */
export interface ThreadData {
  readonly assignment: WorkerAssignment
  readonly counters: SharedCounters
  /** URL of the module with the built-in kinds. */
  readonly builtInKinds: string
  /** URL of the module that chooses stores. */
  readonly stores: string
  readonly store: StorePlace
  readonly links: readonly { readonly worker: number; readonly port: MessagePort }[]
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
  /** That many of the records that were reported (`rejected`, `log`) have been taken, in their order. */
  | { readonly taken: number }

/** From a thread to the run. */
export type ThreadReport =
  | { readonly type: 'prepared' | 'finished' | 'closed' }
  | { readonly type: 'failed'; readonly error: ErrorData }
  | { readonly type: 'rejected'; readonly record: RejectedMessage }
  | { readonly type: 'log'; readonly record: LogRecord }
  | { readonly type: 'metric'; readonly record: MetricRecord }
  | { readonly type: 'probed'; readonly probe: QuietProbe }
  /** A component called `process.exit`; the thread ends right after it. */
  | { readonly type: 'exit'; readonly stack: string }
