import type { LogRecord } from '../../component/context.ts'
import type { RejectedMessage } from '../../worker/host.ts'
import type { DecisionKind } from '../control/index.ts'
import type { NodeId, NodeRecord } from '../protocol/index.ts'

/** What a node tells whoever started it. */
export interface NodeEvents {
  /** It is a member of the cluster: at its start, and again after it had lost its lease. */
  joined(record: NodeRecord): void
  /** Its lease is lost: all workers were ended. It joins again. */
  fenced(error: Error): void
  elected(): void
  deposed(): void
  decided(network: string, what: string, kind: DecisionKind): void
  declaredDead(node: NodeId): void
  failed(network: string, what: string, error: Error): void
  rejected(network: string, record: RejectedMessage): void
  logged(network: string, record: LogRecord): void
  /** Something is tried again. */
  troubled(what: string, error: Error): void
}
