import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { LogRecord } from '../component/context.ts'
import type { SharedCollections } from '../component/shared.ts'
import type { ErrorPolicy, Guarantee } from '../model/network.ts'
import type { SnapshotBegin } from '../snapshot/part.ts'
import type { MetricRecord } from './metrics.ts'
import type { Reporter } from './record-window.ts'
import type { PartFacts } from './snapshots/instance-parts.ts'
import type { SliceWork } from './snapshots/slice-work.ts'
import type { WorkerTracking } from './tracking/worker-tracking.ts'
import type { YieldAsked } from './turn-pace.ts'

/** A message that its component could not handle. */
export interface RejectedMessage {
  readonly component: string
  readonly instance: number
  readonly port: string
  readonly message: unknown
  readonly error: { readonly name: string; readonly message: string; readonly code?: string }
  /** Milliseconds since 1970. */
  readonly timeMs: number
}

/** An instance, as its scheduler sees it. */
export interface Schedulable {
  /** It brings messages in, rather than handle those that are there (TN-1 of `scheduler.ts`). */
  readonly isSource: boolean
  /** It is ready, and waits for its turn. */
  queued: boolean
  /** Gives its last reading of the monotonic clock, in milliseconds; 0 where it had nothing to do. */
  turn(): number
  flushFrames(): void
}

/** What an instance needs of the worker that hosts it. */
export interface InstanceHost {
  readonly clock: Clock
  readonly random: Random
  readonly shared: SharedCollections
  /** Development mode. */
  readonly dev: boolean
  readonly emitPerMessageMax: number
  readonly tracking: WorkerTracking
  /** The instance has something to do. */
  schedule(instance: Schedulable): void
  /** Frames wait for the end of the slice. */
  framesPending(instance: Schedulable): void
  /** Does it now, or when the worker is not held any more. */
  whenOpen(action: () => void): void
  finished(instance: Schedulable): void
  failed(instance: Schedulable, error: unknown): void
  rejected(reporter: Reporter, record: RejectedMessage): void
  logged(reporter: Reporter, record: LogRecord): void
  /** Snapshots are taken of its network: what changes of its state is noted. */
  takesSnapshots(): boolean
  /** Of its network. */
  guarantee(): Guarantee
  /** Takes the cut of the instance's state, as it is now; `facts` is called at once. */
  cut(instance: Schedulable, begin: SnapshotBegin, alignedMs: number, facts: () => PartFacts): void
  /** It has not come to the cut of a snapshot in time: for people. */
  late(instance: Schedulable, begin: SnapshotBegin, waitsFor: string): void
  /** Does it between turns, until it waits no more. */
  inSlices(work: SliceWork): void
  /** As targets of sinks know the instance. */
  writerOf(component: string, instance: number): string
  /** Of the thread's turns. */
  readonly yieldAsked: YieldAsked
  /** The worker may act: its node has its lease. */
  mayAct(): boolean
  /** An instance that is over may have published what it had to, or wait for something else. */
  publicationChanged(instance: Schedulable): void
  readonly metricMade: (record: MetricRecord) => void
}

/** What happens to a message whose handler failed; times in milliseconds. */
export interface FailurePolicy {
  readonly retries: number
  readonly delayMs: number
  readonly delayMsMax: number
  readonly then: 'fail' | 'reject'
}

export function failurePolicy(policy: ErrorPolicy | undefined): FailurePolicy {
  if (policy === undefined || typeof policy === 'string') {
    return { retries: 0, delayMs: 0, delayMsMax: 0, then: policy ?? 'fail' }
  }
  const { times = 3, delayMs = 100, delayMsMax = 10_000 } = policy.retry
  return { retries: times, delayMs, delayMsMax, then: policy.then ?? 'fail' }
}
