import type { InstanceId, WorkerNumber } from '../../cluster/protocol/index.ts'
import type { PartReport, SnapshotBegin, SnapshotCommand } from '../../snapshot/part.ts'
import type { WorkerAssignment } from '../../worker/assignment.ts'
import type { WireEnd } from './wires.ts'

/** A worker of a simulated node, as it looks from outside. */
export interface WatchedWorker {
  readonly name: string
  readonly number: WorkerNumber
  readonly network: string
  readonly end: WireEnd
  /** What it runs. */
  readonly inForce: WorkerAssignment | undefined
  readonly isHeld: boolean
  readonly phase: 'lives' | 'closed' | 'lost'
  /** Both kinds of ends of its channels, by their numbers. */
  readonly channels: { readonly inputs: readonly number[]; readonly outputs: readonly number[] }
}

/** Who looks on while a simulated cluster runs: what is told here happens at this moment. */
export interface ClusterWatcher {
  /** A line for the trace. */
  note(who: string, what: string): void
  workerMade(worker: WatchedWorker): void
  /** `closed`: its agent was done with it. `lost`: it ended without a word. */
  workerEnded(worker: WatchedWorker, how: 'closed' | 'lost', why: string): void
  /** It runs the assignment `worker.inForce` from now on; `before` until now. */
  switched(worker: WatchedWorker, before: WatchedWorker['inForce']): void
  finished(worker: WatchedWorker, instance: InstanceId): void
  failed(worker: WatchedWorker, instance: InstanceId, error: Error): void
  /** `from`, `to`: addresses of workers. */
  sent(from: WatchedWorker, frame: Uint8Array): void
  delivered(from: WatchedWorker, to: WatchedWorker, frame: Uint8Array): void
  /** A node ended the lease of a life of another one, which it takes for dead. */
  declaredDead(by: string, node: string): void
  /** A worker is told of a snapshot. */
  snapshotTold?(worker: WatchedWorker, command: SnapshotCommand): void
  /** It tells of its part. */
  partTold?(worker: WatchedWorker, report: PartReport): void
  /** The manager on a node asks another one for its part; `over`: nobody listens to it any more. */
  partAsked?(manager: string, network: string, begin: SnapshotBegin): { readonly over: () => void }
  /** Something that nobody expects. */
  troubled(who: string, what: string, error: Error): void
}
