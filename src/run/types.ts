import type { LogRecord } from '../component/context.ts'
import type { Kind } from '../component/kind.ts'
import type { ChannelLimits } from '../messaging/limits.ts'
import type { RejectedMessage } from '../worker/host.ts'

/** One changed value of a network: `--set component.config.key=value`. */
export interface Override {
  /** Path in the network below `components`, such as `['lines', 'config', 'path']`. */
  readonly path: readonly string[]
  readonly value: unknown
}

export interface RunOptions {
  /**
   * Threads. 0 runs everything in the caller's thread, for debuggers (nothing notices then that a component blocks
   * it). Default: as many as cores, not more than instances.
   */
  readonly workers?: number
  readonly set?: readonly Override[]
  /** Ends the sources after this time, in milliseconds. Default: they end by themselves, or never. */
  readonly durationMs?: number
  readonly limits?: Partial<ChannelLimits>
  /** Messages that a handler may emit for one message. Default 10,000. */
  readonly emitPerMessageMax?: number
  /** Time without a turn after which a thread counts as blocked, in milliseconds. Default 10,000. */
  readonly stallMs?: number
  /** Heap and buffers that one worker may use, in MiB, 32 or more: the engine takes about 20. Default: a share of the machine's memory. */
  readonly workerMemoryMbMax?: number
  /** Where messages are checked against the schemas of ports. Default `edges`: what comes from sources. */
  readonly check?: 'edges' | 'all' | 'none'
  /** Exported ports of the network that the caller sends to (`send`) or receives from (`output`). */
  readonly attach?: readonly string[]
  readonly onEvent?: (event: RunEvent) => void
  /** Stops the run at once when aborted. */
  readonly signal?: AbortSignal
}

export type RunEvent =
  | {
      readonly type: 'started'
      readonly network: string
      readonly workers: number
      readonly instances: readonly InstancePlace[]
    }
  | { readonly type: 'log'; readonly record: LogRecord }
  | { readonly type: 'rejected'; readonly record: RejectedMessage }
  /** Log records that are not told, since more came than could be taken. */
  | { readonly type: 'left-out'; readonly count: number }
  /** Sources were asked to end. */
  | { readonly type: 'draining'; readonly reason: 'duration' | 'request' }

export interface InstancePlace {
  readonly component: string
  readonly instance: number
  /** 0 is the caller's thread. */
  readonly worker: number
}

export interface InstanceStatus extends InstancePlace {
  readonly received: number
  readonly sent: number
  readonly queued: number
  readonly rejected: number
  /** An output has no credit: its target is slower. */
  readonly isBlocked: boolean
  readonly isFinished: boolean
}

export interface RunStatus {
  readonly instances: readonly InstanceStatus[]
  readonly workers: readonly WorkerStatus[]
}

export interface WorkerStatus {
  readonly worker: number
  /** The instance that has its turn, as `count[2]`; undefined between turns. */
  readonly running: string | undefined
  /** Heap and buffers in use, in bytes, when last looked at; 0 before. */
  readonly memoryBytes: number
}

/** A run that came to its end. */
export interface RunSummary {
  readonly network: string
  readonly durationMs: number
  readonly instances: readonly InstanceStatus[]
  readonly rejected: number
  /** File with the rejected messages that no `error` port took; undefined where there were none. */
  readonly deadLetter: string | undefined
}

/** A network that runs. */
export interface Running {
  readonly network: string
  readonly workers: number
  /** Fulfilled when all has been handled and closed; rejects with the error that ended the run. */
  readonly done: Promise<RunSummary>
  status(): RunStatus
  /** Ends the sources; what is on its way is handled. */
  drain(): void
  /** Stops at once; what is on its way is lost. `done` rejects with STOPPED. */
  stop(): Promise<void>
  /** Sends to a `feeder` component, or to an exported input. Fulfilled when there is room. */
  send(input: string, message: unknown): Promise<void>
  /** No more messages come for this input. */
  endInput(input: string): void
  /** Messages of a `collector` component, or of an exported output, as they come. */
  output(name: string): AsyncIterable<unknown>
}

/** What the module with the built-in kinds exports; worker threads import it too, by its URL. */
export interface BuiltInKindsModule {
  readonly builtInNames: readonly string[]
  readonly builtInKind: (name: string) => Promise<Kind | undefined>
  /** The queues between `feeder`, `collector` and the caller's code, for one run. */
  readonly createBridge: () => Promise<CodeBridgeHost>
}

export interface CodeBridgeHost {
  input(component: string): { send(message: unknown): Promise<void>; end(): void }
  output(component: string): AsyncIterable<unknown>
  /** The run is over, with its error if it failed. */
  close(error: unknown): void
}
