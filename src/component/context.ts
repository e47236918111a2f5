import type { Clock } from '../base/clock.ts'
import type { Metrics } from './metrics.ts'
import type { MessageOf, Ports } from './port.ts'
import type { SharedCollections } from './shared.ts'
import type { StateOf } from './state.ts'

/** An open group at a sender. Groups of one name at one level complete one after another at every receiver. */
export interface OutputGroup<T> {
  send(message: T): void
  /** Opens a group inside this one. */
  group(name?: string, args?: unknown): OutputGroup<T>
  /** Closes the group, once its inner groups are closed. Sending after it is an error. */
  end(args?: unknown): void
}

/** An open batch at a sender: a window of the port's output to all its connections. */
export interface OutputBatch<T> {
  send(message: T): void
  group(name?: string, args?: unknown): OutputGroup<T>
  end(args?: unknown): void
}

/** Sends on one output port: `emit.count({ word, count })`. It never blocks and never drops. */
export interface Output<T> {
  (message: T): void
  /** Opens a group: what is sent into it goes whole, in order, to one instance of each connection's target. */
  group(name?: string, args?: unknown): OutputGroup<T>
  /** Opens a batch; one is open per port at a time. */
  batch(args?: unknown): OutputBatch<T>
}

/** `emit.<output>(message)` sends on an output. It returns at once; the engine holds back the input where the target is slow. */
export type Emit<O extends Ports> = { readonly [P in keyof O]: Output<MessageOf<O[P]>> }

/** From the most serious to the least. Each is also a port on which a component's own logger sends, where it is connected. */
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'

/** Writes to the log of the run and, where they are connected, to the component's output ports of these names. */
export type Logger = {
  readonly [L in LogLevel]: (message: string, details?: Readonly<Record<string, unknown>>) => void
}

/** One line of a log, as it is shown and as hooks and `vertigo logs` get it. */
export interface LogRecord {
  readonly level: LogLevel
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly component: string
  readonly instance: number
  /** Milliseconds since 1970. */
  readonly timeMs: number
}

/** Timers of processing time. They belong to the key of the message (or to the instance, without keyed state). */
export interface Timers<N extends string = string> {
  /** Calls the timer's handler once after `delayMs`; setting it again moves it. */
  after(name: N, delayMs: number): void
  cancel(name: N): void
}

/** Stops and continues the delivery to an input port; what arrives meanwhile waits, within back-pressure. */
export interface InputControl {
  pause(): void
  resume(): void
  readonly paused: boolean
}

/** `inputs.<name>.pause()` and `resume()`, for components that cannot take more for a time. */
export type InputControls<I extends Ports> = { readonly [P in keyof I]: InputControl }

/** What is the same for the whole life of an instance. */
export interface InstanceContext<I extends Ports, C> {
  /** Name of the component in the network. */
  readonly component: string
  /** 0-based number of this instance. */
  readonly instance: number
  /** Number of instances of the component. */
  readonly instances: number
  readonly config: C
  readonly log: Logger
  /** Counts and measures of this instance; the run collects those of all. */
  readonly metrics: Metrics
  readonly clock: Clock
  /** Collections that all instances of the run share, and all processes at the same store. */
  readonly shared: SharedCollections
  /** Aborted when the instance is to stop at once; for sources also when they are asked to end, unless they have `drain`. */
  readonly signal: AbortSignal
  readonly inputs: InputControls<I>
}

/** What a group's handlers know of it. */
export interface GroupContext {
  readonly name: string | undefined
  readonly args: unknown
  /** What the handlers gather; survives with the group. */
  state: Record<string, unknown>
  /** True where the handler runs again for a group that was open when a failure happened. */
  readonly resumed: boolean
  readonly parent: GroupContext | undefined
}

/**
 * What a handler gets with each message. `emit` and `state` belong to this message and its key, after an `await` and
 * with `concurrency` above 1 too; there is no other way to send.
 */
export interface MessageContext<
  I extends Ports,
  O extends Ports,
  S,
  C,
  T extends string = string,
> extends InstanceContext<I, C> {
  readonly emit: Emit<O>
  readonly state: StateOf<S>
  readonly timers: Timers<T>
  /** The innermost group that the message is in. */
  readonly group: GroupContext | undefined
  /**
   * Sends an answer to the source that tracks the message that this one was derived from; says whether that wants
   * answers. Where the answer has to leave its thread, it is what a message may be.
   */
  readonly answer: (answer: unknown) => boolean
}

/** In `drain`: the instance's keys, each with its state. */
export interface DrainContext<I extends Ports, O extends Ports, S, C, T extends string = string> extends Omit<
  MessageContext<I, O, S, C, T>,
  'group'
> {
  /** In no promised order. */
  readonly keys: () => IterableIterator<{ readonly key: unknown; readonly state: StateOf<S> }>
}

/** For `setup`. */
export interface SetupContext<I extends Ports, O extends Ports, C> extends InstanceContext<I, C> {
  /**
   * When what the instance writes is to be seen outside. `with-snapshots`: snapshots are taken of the network, and `sink` publishes with their
   * commits. `at-once`: nobody calls `sink`; handlers write as messages come.
   */
  readonly publishes: 'at-once' | 'with-snapshots'
  /**
   * By which name targets know this instance: `cluster/network/component/number` (without a cluster: `network/component/number`). The same
   * in each life of the instance.
   */
  readonly writer: string
  /** Sends everything that arrives at `input` on to `output`, groups and batches included. */
  readonly pump: (input: keyof I & string, output: keyof O & string) => void
  /** Imports a module of the user's, addressed as kinds are (relative to the network's file): `./rules.ts#isError`. */
  readonly load: (address: string) => Promise<unknown>
}
