import type { LogRecord, Output, OutputBatch, OutputGroup } from '../component/context.ts'
import type { MessageOf, Ports } from '../component/port.ts'
import type { MetricStatus } from '../run/metrics.ts'
import type { RejectedMessage } from '../worker/host.ts'
import type { Received } from './collector.ts'
import type { Failure, Inputs, Outputs, Passing } from './options.ts'
import type { TestClock } from './test-clock.ts'

/** What `testComponent` and `testSource` have in common. */
export interface Tester<O extends Ports> {
  /** Time of the component; it stands still unless the test moves it on. */
  readonly clock: TestClock
  /** All messages that came out so far and were not taken, by output port. */
  readonly outputs: Outputs<O>
  /** Everything that came out so far, by output port, groups and batches included. */
  readonly received: { readonly [P in keyof O]: readonly Received<MessageOf<O[P]>>[] }
  /** What the component logged. */
  readonly log: readonly LogRecord[]
  /** What the component has measured of itself, by name. */
  readonly metrics: readonly MetricStatus[]
  /** Messages that were given up by `errors: 'reject'`. */
  readonly rejected: readonly RejectedMessage[]
  /** Waits until nothing can go on by itself: no time passes, and nothing from outside of the process comes. */
  settle(): Promise<void>
  /** Settles, moves time on by `ms` milliseconds, timer by timer, and settles after each. */
  advance(ms: number): Promise<void>
  /** Settles over and over until `condition` holds: for components that wait for files or sockets. At most 30 s. */
  until(condition: () => boolean, passing?: Passing): Promise<void>
  /** The messages that came out of a port so far; they are then gone from `outputs`. */
  take<P extends keyof O & string>(port: P): MessageOf<O[P]>[]
  /** Lets `count` more messages of a held port through, and settles. Default 1. */
  release(port: keyof O & string, count?: number): Promise<void>
  /** The next sending on this output port throws, inside the handler. */
  failNextEmit(port: keyof O & string, failure?: Failure): void
  /** Stops at once, whatever is under way, as when a network is stopped. Errors: what the component's `close` throws. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface ComponentTester<I extends Ports, O extends Ports> extends Tester<O> {
  /** Messages that were sent and that no handler has begun with. */
  readonly queued: number
  /** Messages that the component has emitted, whether they were let through or not: shows whether it runs ahead. */
  readonly emitted: number
  /** Sends messages to a port, or to several, and settles. Errors: the component's. */
  send<P extends keyof I & string>(port: P, ...messages: readonly MessageOf<I[P]>[]): Promise<void>
  send(inputs: Inputs<I>): Promise<void>
  /** Sends a group, which `fill` fills and which is ended after it (unless `fill` did), and settles. */
  group<P extends keyof I & string>(
    port: P,
    name: string | undefined,
    args: unknown,
    fill: (group: OutputGroup<MessageOf<I[P]>>) => void,
  ): Promise<void>
  /** Sends a batch, which `fill` fills and which is ended after it (unless `fill` did), and settles. */
  batch<P extends keyof I & string>(
    port: P,
    args: unknown,
    fill: (batch: OutputBatch<MessageOf<I[P]>>) => void,
  ): Promise<void>
  /** The sender of an input port, for what `group` and `batch` are too simple for. Settle afterwards. */
  sender<P extends keyof I & string>(port: P): Output<MessageOf<I[P]>>
  /** No more messages come to this port; settles. */
  endInput(port: keyof I & string): Promise<void>
  /** The next handler call for a message of this input port fails; retries call again. */
  failNext(port: keyof I & string, failure?: Failure): void
  /**
   * Ends all inputs, lets held ports through, waits until the component has finished (timers that keep it are run, for
   * at most a minute of the test clock), and closes it. Returns all outputs that were not taken.
   */
  end(): Promise<Outputs<O>>
}
