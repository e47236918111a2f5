import type { MessagePort } from 'node:worker_threads'
import type { Clock } from '../base/clock.ts'
import type { RunWhole } from '../base/native-gate.ts'
import type { LogRecord } from '../component/context.ts'
import type { Kind } from '../component/kind.ts'
import type { ChannelLimits } from '../messaging/limits.ts'
import type { Guarantee } from '../model/network.ts'
import type { NewKeyedState, StateSettings } from '../state/keyed-state.ts'
import type { SnapshotStorage } from '../snapshot/storage/storage.ts'
import type { Store } from '../store/store.ts'
import type { MetricStatus } from './metrics.ts'
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
  /** Changed values of the network, as by `vertigo run --set`. Applied in their order, before validation. */
  readonly set?: readonly Override[]
  /**
   * Asks the sources to end this long after messages began to flow, in milliseconds; what is on its way is then handled,
   * which takes as long as it takes. Default: they end by themselves, or never.
   */
  readonly durationMs?: number
  /** Bounds of what waits between two instances. Default: 1024 messages and 1 MiB a channel. */
  readonly limits?: Partial<ChannelLimits>
  /** Messages that a handler may emit for one message. Default 10,000. */
  readonly emitPerMessageMax?: number
  /** Time without a turn after which a thread counts as blocked, in milliseconds. Default 10,000. */
  readonly stallMs?: number
  /**
   * How long an instance may take to load, and then for its `setup`, in milliseconds; `Infinity` for no limit. Default
   * 60,000: a slow server is normal, and one that never answers is to be named.
   */
  readonly setupMsMax?: number
  /** Heap and buffers that one worker may use, in MiB, 32 or more: the engine takes about 20. Default: a share of the machine's memory. */
  readonly workerMemoryMbMax?: number
  /** Where messages are checked against the schemas of ports. Default `edges`: what comes from sources; with `dev`, `all`. */
  readonly check?: 'edges' | 'all' | 'none'
  /**
   * Development mode: messages and what state gives cannot be changed in place, every message goes through the codec, within a
   * thread too, and messages are checked against all schemas of ports. So what works here works across threads. Slower.
   * Default false.
   */
  readonly dev?: boolean
  /**
   * Address of the store behind `context.shared`, as `memory:`. Default: one in the memory of this process, which the
   * workers of this run share and which ends with it.
   */
  readonly store?: string
  /** Exported ports of the network that the caller sends to (`send`) or receives from (`output`). */
  readonly attach?: readonly string[]
  /**
   * Hears of what happens, in the caller's thread and in its order. It is called while messages are handled, so it must
   * not take long; what it throws ends the run with LISTENER_FAILED.
   */
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
      /** As the network says it; absent where it says nothing. */
      readonly guarantee?: Guarantee
    }
  | { readonly type: 'log'; readonly record: LogRecord }
  | { readonly type: 'rejected'; readonly record: RejectedMessage }
  /** Sources were asked to end. */
  | { readonly type: 'draining'; readonly reason: 'duration' | 'request' }

export interface InstancePlace {
  readonly component: string
  readonly instance: number
  /** 0 is the caller's thread. */
  readonly worker: number
}

/** Counters of one instance, at most a few milliseconds old while the run goes on, exact at its end. */
export interface InstanceStatus extends InstancePlace {
  /** Messages that a handler has begun with; 0 for sources. */
  readonly received: number
  /** Messages sent on all outputs, once for each `emit`, whatever the number of connections. */
  readonly sent: number
  /** Messages that wait at the inputs. */
  readonly queued: number
  /** Messages given up by `errors: reject`. */
  readonly rejected: number
  /** It is not called at the moment: an output has no credit (its target is slower), or what it reported is not yet taken. */
  readonly isBlocked: boolean
  readonly isFinished: boolean
}

export interface RunStatus {
  readonly instances: readonly InstanceStatus[]
  readonly workers: readonly WorkerStatus[]
  /** What components measure of themselves (`context.metrics`), by component and name. */
  readonly metrics: readonly MetricStatus[]
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
  /** From the moment when messages began to flow to the end of the last `close`, in milliseconds. */
  readonly durationMs: number
  readonly instances: readonly InstanceStatus[]
  /** What components have measured of themselves, by component and name. */
  readonly metrics: readonly MetricStatus[]
  /** Messages that no `error` port took: they are in the dead-letter file. */
  readonly rejected: number
  /** File with the rejected messages that no `error` port took; undefined where there were none. */
  readonly deadLetter: string | undefined
}

export interface RunRequestOptions {
  /** How long it may take from when the network has taken the message, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number
  /** Gives up. What was taken is handled all the same. */
  readonly signal?: AbortSignal
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
  /**
   * Sends to a `feeder` component, or to an exported input. Fulfilled when there is room: the message is then accepted, and
   * is handled also when the run drains. Rejects with BRIDGE_CLOSED when no more is taken, and with PORT_UNKNOWN where there is no such
   * input.
   */
  send(input: string, message: unknown): Promise<void>
  /**
   * Sends a message in the same way, and gives what a component has answered to it, or to what was derived from it (`context.answer`): when
   * all that came of it has been handled; undefined where none has answered. Errors: REQUEST_FAILED, with the component and its message,
   * where a handler has failed or rejected; REQUEST_TIMED_OUT; BRIDGE_CLOSED; PORT_UNKNOWN.
   */
  request(input: string, message: unknown, options?: RunRequestOptions): Promise<unknown>
  /** No more messages come for this input. Throws PORT_UNKNOWN where there is none. */
  endInput(input: string): void
  /**
   * Messages of a `collector` component, or of an exported output, as they come; ends with the run, and throws its error where that failed.
   * Throws PORT_UNKNOWN at once where there is no such output.
   */
  output(name: string): AsyncIterable<unknown>
}

/** What the module with the built-in kinds exports; worker threads import it too, by its URL. */
export interface BuiltInKindsModule {
  readonly builtInNames: readonly string[]
  readonly builtInKind: (name: string) => Promise<Kind | undefined>
  /** The queues between `feeder`, `collector` and the caller's code, for one run. */
  readonly createBridge: () => Promise<CodeBridgeHost>
}

/** What the module that chooses backends of stores exports; worker threads import it too, by its URL. */
export interface StoresModule {
  readonly openSnapshotStorage: (address: string, clock: Clock) => Promise<SnapshotStorage>
  /** `whole`: how a thread that may be ended runs native code. */
  readonly openStates: (settings: StateSettings, whole?: RunWhole) => Promise<NewKeyedState>
  /** Errors: STORE_URL_INVALID. */
  readonly checkStoreUrl: (url: string) => void
  readonly openStore: (url: string, clock: Clock) => Promise<Store>
  /** Default of `url`: a new one in memory. */
  readonly createRunStore: (
    clock: Clock,
    url?: string,
  ) => Promise<{
    readonly store: Store
    /** `failed`: another thread could not be answered. */
    readonly serve: (port: MessagePort, failed: (error: unknown) => void) => void
  }>
  readonly connectStore: (port: MessagePort, clock: Clock) => Promise<Store>
}

/** What whoever puts the parts together chooses for a run: URLs of modules. */
export interface RunModules {
  /** Of a `BuiltInKindsModule`. */
  readonly builtInKinds: string
  /** Of a `StoresModule`. */
  readonly stores: string
}

/** The way between the code that runs a network and its `feeder` and `collector` components, by their names. */
export interface CodeBridgeHost {
  /** `send` is fulfilled when there is room; `end` says that no more comes. */
  input(component: string): {
    send(message: unknown): Promise<void>
    request(message: unknown, options?: RunRequestOptions): Promise<unknown>
    end(): void
  }
  /** Messages as they come; ends with the network, and throws its error if it failed. */
  output(component: string): AsyncIterable<unknown>
  /** The run has failed, and is about to close: what was awaited of it comes no more. */
  fail(error: unknown): void
  /** The run is over, with its error if it failed. */
  close(error: unknown): void
}
