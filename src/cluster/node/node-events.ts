import type { LogRecord } from '../../component/context.ts'
import type { RejectedMessage } from '../../worker/host.ts'
import type { DecisionKind } from '../control/index.ts'
import type { NodeId, NodeRecord } from '../protocol/index.ts'

/** What a node tells whoever started it. */
export interface NodeEvents {
  /** The port of its API is taken; it has another one. */
  apiElsewhere(wantedPort: number, address: string): void
  /** It is a member of the cluster: at its start, and again after it had lost its lease. */
  joined(record: NodeRecord): void
  /** Its lease is lost: all workers were ended. It joins again. */
  fenced(error: Error): void
  /** It cannot be a member any more, and ends. */
  gaveUp(error: Error): void
  elected(): void
  deposed(): void
  decided(network: string, what: string, kind: DecisionKind): void
  declaredDead(node: NodeId): void
  failed(network: string, what: string, error: Error): void
  rejected(network: string, record: RejectedMessage): void
  logged(network: string, record: LogRecord): void
  /** What it hosts is moving away; `instances` are here. */
  draining(instances: number): void
  /** Its instances are gone, or (`left`) those that stayed when it waited no longer, with why. */
  drained(left: number, why: string | undefined): void
  /** Something is tried again. */
  troubled(what: string, error: Error): void
}
