import type { LogRecord } from '../../component/context.ts'
import type { PartReport, SnapshotCommand } from '../../snapshot/part.ts'
import type { WorkerAssignment } from '../../worker/assignment.ts'
import type { RejectedMessage } from '../../worker/host.ts'
import type { Address, InstanceId, NodeId, WorkerNumber } from '../protocol/index.ts'

/** A worker of a network on this node, in a thread of its own or, in simulations, in this one. */
export interface AgentWorker {
  readonly number: WorkerNumber
  /**
   * Sets up what is new, beside what runs; see `Worker.prepareNext`. Fulfilled with undefined where a later call has taken
   * its place. Rejects where something cannot be set up: then what runs goes on untouched.
   */
  prepare(assignment: WorkerAssignment): Promise<{ readonly listens: Address } | undefined>
  /** The generation that was prepared last is open. */
  switchOver(peers: readonly PeerPlace[]): void
  /** Nothing is emitted until `release` or the next `switchOver`. */
  hold(): void
  release(): void
  /** What is said about a snapshot; see `Worker.snapshot`. */
  snapshot(command: SnapshotCommand): void
  /** Closes all components, in their order. Rejects where one of them fails to. */
  close(): Promise<void>
  /** Ends at once. */
  terminate(): Promise<void>
}

/** Where another worker of the network is. */
export interface PeerPlace {
  readonly worker: WorkerNumber
  readonly node: NodeId
  readonly address: Address
  /** On this node. */
  readonly isLocal: boolean
}

/** What workers tell their agent. */
export interface AgentWorkerEvents {
  /** The instance has handled all there was, and is closed; or has published all of the last snapshot of an undeployed network. */
  finished(instance: InstanceId): void
  /** It has handled all there was, and can publish it, and finish, once a snapshot is committed; or it waits for that no more. */
  awaitsSnapshot?(instance: InstanceId, awaits: boolean): void
  /** Undefined: all of the worker's. */
  failed(instance: InstanceId | undefined, error: Error): void
  /** The worker is no more, and nobody asked it to end. */
  died(error: Error): void
  /** `taken` is called when the record waits nowhere any more. */
  rejected(record: RejectedMessage, taken: () => void): void
  logged(record: LogRecord, taken: () => void): void
  /** An instance's part of a snapshot. */
  part?(report: PartReport): void
  linkFailed(peer: WorkerNumber, error: Error): void
}

/** Makes the workers of one network on this node. */
export type MakeWorker = (number: WorkerNumber, events: AgentWorkerEvents) => AgentWorker
