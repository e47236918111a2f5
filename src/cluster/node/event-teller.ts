import type { Clock } from '../../base/clock.ts'
import type { EventWriter } from '../client/index.ts'
import type { DecisionKind } from '../control/index.ts'
import type { ClusterView, NodeId, NodeRecord } from '../protocol/index.ts'

export interface EventTellerMeans {
  readonly writer: Pick<EventWriter, 'tell'>
  readonly self: NodeId
  readonly clock: Clock
}

/** Who ends a node, or leaves, says so itself; a manager that only misses a node waits that long before it says that. */
export const missedMs = 1_000
/** How long a node that was missed is told of, by a manager that is elected later. */
const missedMsMax = 30_000

interface Missed {
  readonly node: NodeId
  readonly incarnation: string
  readonly sinceMs: number
}

/**
 * Says in events what one node sees. Each is told by one: by the node that did it, or whom it befell; of the end of a node
 * many know, and the first that is written counts (`once`).
 */
export class EventTeller {
  private readonly means: EventTellerMeans
  private known: ReadonlyMap<NodeId, string> = new Map()
  private missed: Missed[] = []
  private isManager = false

  constructor(means: EventTellerMeans) {
    this.means = means
  }

  joined({ id, pid, control }: NodeRecord): void {
    const text = `The node ${id} has joined: process ${pid}, at ${control.host}:${control.port}.`
    this.tell({ type: 'node-joined', node: id, text })
  }

  /** Before it does: afterwards others would say that it is missed. */
  leaves({ id, incarnation }: NodeRecord): void {
    this.tell({ type: 'node-left', node: id, text: `The node ${id} leaves.`, once: endOf(id, incarnation) })
  }

  fenced(error: Error): void {
    const { self } = this.means
    const text = `The node ${self} lost its lease and ended all its workers: ${error.message}`
    this.tell({ type: 'node-fenced', node: self, text })
  }

  elected(): void {
    this.isManager = true
    const { self } = this.means
    this.tell({ type: 'manager-elected', node: self, text: `The node ${self} is the manager.` })
  }

  deposed(): void {
    this.isManager = false
  }

  /** By this node, which has ended its lease. */
  declaredDead(node: NodeId): void {
    const incarnation = this.known.get(node) ?? this.missed.find((one) => one.node === node)?.incarnation
    const text = `The node ${node} is dead: its process is gone. The node ${this.means.self} has ended its lease.`
    this.tell({
      type: 'node-dead',
      node,
      text,
      ...(incarnation !== undefined && { once: endOf(node, incarnation) }),
    })
  }

  decided(network: string, what: string, kind: DecisionKind): void {
    if (kind === 'cleaned-up') return
    this.tell({ type: `network-${kind}`, network, text: `${network}: ${what.replace(/\.$/, '')}.` })
  }

  failed(network: string, what: string, error: Error): void {
    const node = this.means.self
    this.tell({
      type: 'instance-failed',
      node,
      network,
      text: `${network}, on ${node}: ${what}: ${error.message}`,
    })
  }

  nodeUnreachable(node: NodeId, why: string): void {
    const text = `The node ${this.means.self} does not reach the node ${node}: ${why}`
    this.tell({ type: 'node-unreachable', node: this.means.self, text })
  }

  /** Or nothing is said of the node any more, since that has ended. */
  nodeReachable(node: NodeId): void {
    if (!this.known.has(node)) return
    const text = `The node ${this.means.self} reaches the node ${node} again.`
    this.tell({ type: 'node-reachable', node: this.means.self, text })
  }

  linkFailed(network: string, from: number, to: number, error: Error): void {
    const node = this.means.self
    const text = `${network}: the link from worker ${from} on ${node} to worker ${to} failed: ${error.message}`
    this.tell({ type: 'link-failed', node, network, text })
  }

  /** What is there now; to be called again and again. */
  look(view: ClusterView): void {
    const nowMs = this.means.clock.monotonic()
    const there = new Map([...view.nodes].map(([id, { value }]) => [id, value.incarnation]))
    for (const [node, incarnation] of this.known)
      if (there.get(node) !== incarnation) this.missed.push({ node, incarnation, sinceMs: nowMs })
    this.known = there
    this.missed = this.missed.filter((one) => {
      if (nowMs - one.sinceMs > missedMsMax) return false
      if (!this.isManager || nowMs - one.sinceMs < missedMs) return true
      this.tellMissed(one)
      return false
    })
  }

  private tellMissed({ node, incarnation }: Missed): void {
    const text = `The node ${node} is no longer in the cluster: its lease has ended.`
    this.tell({ type: 'node-lost', node, text, once: endOf(node, incarnation) })
  }

  private tell(event: Parameters<EventWriter['tell']>[0]): void {
    this.means.writer.tell(event)
  }
}

/** A life of a node ends once. */
function endOf(node: NodeId, incarnation: string): string {
  return `end of ${node} ${incarnation}`
}
