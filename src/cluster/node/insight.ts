import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { LogRecord } from '../../component/context.ts'
import type { Store } from '../../store/store.ts'
import type { CallHandlers } from '../../transport/call-server.ts'
import type { Calls } from '../../transport/calls.ts'
import type { RejectedMessage } from '../../worker/host.ts'
import { EventLog, EventWriter, type LogReader } from '../client/index.ts'
import type { ClusterKeys, ClusterView, NodeId, NodeRecord, WorkerNumber } from '../protocol/index.ts'
import { ClusterLogs, logHandlers } from './cluster-logs.ts'
import { DeadLetters } from './dead-letters.ts'
import { EventTeller } from './event-teller.ts'
import type { NodeEvents } from './node-events.ts'
import { NodeCounts } from './node-counts.ts'
import { NodeLogs } from './node-logs.ts'
import type { Peers } from './peers.ts'

export interface InsightMeans {
  readonly self: NodeId
  readonly store: Store
  readonly keys: ClusterKeys
  readonly clock: Clock
  readonly random: Random
  /** Of this process, as no other has it. */
  readonly epoch: string
  /** Where dead-letter files are. */
  readonly folder: string
  /** Undefined between two lives of the node. */
  readonly view: () => ClusterView | undefined
  /** Errors: NODE_UNKNOWN. */
  readonly to: (node: NodeId) => Pick<Calls, 'request' | 'stream'>
  /** Who else is told. */
  readonly events: NodeEvents
}

/**
 * What people can see of a node, and from it of the cluster: logs, dead letters, events, counters. It outlives the lives of
 * the node, and nothing depends on it.
 */
export class NodeInsight {
  /** For the API. */
  readonly logs: LogReader
  readonly counts: NodeCounts
  /** What the node tells: everything goes on to whoever gave it events. */
  readonly events: NodeEvents
  /** For other nodes. */
  readonly handlers: CallHandlers
  readonly deadLetters: DeadLetters
  private readonly means: InsightMeans
  private readonly own: NodeLogs
  private readonly teller: EventTeller
  private readonly writer: EventWriter

  constructor(means: InsightMeans) {
    const { self, store, keys, clock, random, epoch, folder, view, to, events } = means
    const nodes = (): NodeId[] => [...new Set([self, ...(view()?.nodes.keys() ?? [])])]
    const peers: Peers = { self, nodes, to }
    this.means = means
    this.own = new NodeLogs({ epoch })
    this.logs = new ClusterLogs({ logs: this.own, peers, clock })
    this.counts = new NodeCounts({ peers, view })
    const ofLogs = logHandlers(this.own)
    this.handlers = {
      ...ofLogs,
      requests: { ...ofLogs.requests, ...this.counts.handlers.requests },
    }
    this.deadLetters = new DeadLetters({
      folder,
      node: self,
      clock,
      troubled: (network, error) => this.troubledWith(network, error),
      lost: (network, count) =>
        this.troubledWith(network, new Error(`${count} rejected messages are in no dead-letter file`)),
    })
    this.writer = new EventWriter({
      log: new EventLog(store, keys, { clock, random }),
      node: self,
      clock,
      troubled: (error) => events.troubled('writing events', error),
    })
    this.teller = new EventTeller({ writer: this.writer, self, clock })
    this.events = this.tellingOf(events)
  }

  rejected(network: string, record: RejectedMessage, taken: () => void): void {
    this.own.rejected(network, record)
    this.means.events.rejected(network, record)
    this.deadLetters.write(network, record, taken)
  }

  logged(network: string, record: LogRecord): void {
    this.own.logged(network, record)
    this.means.events.logged(network, record)
  }

  linkFailed(network: string, from: WorkerNumber, to: WorkerNumber, error: Error): void {
    this.teller.linkFailed(network, from, to, error)
    this.tell(network, 'warn', `The link from worker ${from} to ${to} failed: ${error.message}`)
  }

  unreachable(node: NodeId, why: string): void {
    this.teller.nodeUnreachable(node, why)
  }

  reachable(node: NodeId): void {
    this.teller.nodeReachable(node)
  }

  /** To be called again and again. */
  look(): void {
    const view = this.means.view()
    if (view !== undefined) this.teller.look(view)
  }

  /** The node is about to leave in peace: its workers are not held by files any more. */
  leaves(record: NodeRecord): void {
    this.teller.leaves(record)
    this.deadLetters.end()
  }

  /** While the store is still open. */
  async close(): Promise<void> {
    await Promise.all([this.deadLetters.close(), this.writer.close()])
  }

  private tellingOf(events: NodeEvents): NodeEvents {
    const { teller } = this
    return {
      apiElsewhere: (port, address) => events.apiElsewhere(port, address),
      gaveUp: (error) => events.gaveUp(error),
      draining: (instances) => events.draining(instances),
      drained: (left, why) => events.drained(left, why),
      joined: (record) => {
        teller.joined(record)
        events.joined(record)
      },
      fenced: (error) => {
        teller.fenced(error)
        events.fenced(error)
      },
      elected: () => {
        teller.elected()
        events.elected()
      },
      deposed: () => {
        teller.deposed()
        events.deposed()
      },
      decided: (network, what, kind) => {
        teller.decided(network, what, kind)
        events.decided(network, what, kind)
      },
      declaredDead: (node) => {
        teller.declaredDead(node)
        events.declaredDead(node)
      },
      failed: (network, what, error) => {
        teller.failed(network, what, error)
        this.tell(network, 'error', `${what}: ${error.message}`)
        events.failed(network, what, error)
      },
      rejected: (network, record) => events.rejected(network, record),
      logged: (network, record) => events.logged(network, record),
      troubled: (what, error) => events.troubled(what, error),
    }
  }

  private troubledWith(network: string, error: Error): void {
    this.tell(network, 'error', error.message)
    this.means.events.troubled(`the dead letters of "${network}"`, error)
  }

  private tell(network: string, level: 'warn' | 'error', message: string): void {
    this.own.told(network, { timeMs: this.means.clock.now(), level, message })
  }
}
