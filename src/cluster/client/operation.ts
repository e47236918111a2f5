import type { Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import { didYouMean } from '../../base/suggest.ts'
import { isRecord } from '../../base/values.ts'
import { get, put, remove } from '../../store/operations.ts'
import { Election } from '../../store/recipes/index.ts'
import type { Store } from '../../store/store.ts'
import {
  asNodeId,
  type BrokenPair,
  brokenPairs,
  type ClusterConfig,
  type ClusterKeys,
  ClusterView,
  configRecord,
  type DrainRecord,
  drainRecord,
  type NodeId,
  type NodeRecord,
  nodeRecord,
  type Plan,
} from '../protocol/index.ts'
import type { CallOptions } from './management.ts'

export interface UnreachedNode {
  readonly node: NodeId
  readonly sinceMs: number
  readonly why: string
}

/** A node, as people look at it. */
export interface NodeStatus {
  readonly id: NodeId
  readonly pid: number
  /** `host:port` of its control connections. */
  readonly address: string
  /** Base address of its HTTP API. */
  readonly api?: string
  readonly version: string
  readonly groups: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** How many it is meant to host. */
  readonly workers: number
  /** Of all networks, in their newest plans. */
  readonly instances: number
  /** Whether it is the manager: true for one. */
  readonly manager: boolean
  /** Set while operators want it empty. */
  readonly draining?: DrainRecord
  /** Other nodes that are there, without a link between the two. Absent where it reaches all. */
  readonly unreached?: readonly UnreachedNode[]
  readonly joinedAtMs: number
}

/**
 * What operators ask of a cluster about its nodes and its configuration, in the store, as `Management` does for networks. It
 * works without any node.
 */
export class Operation {
  private readonly store: Store
  private readonly keys: ClusterKeys
  private readonly clock: Clock

  constructor(store: Store, keys: ClusterKeys, { clock }: { readonly clock: Clock }) {
    this.store = store
    this.keys = keys
    this.clock = clock
  }

  /** Those that are there, by id. `plans`: the newest of all networks, to count instances. */
  async nodes(plans: Iterable<Plan>, options: CallOptions = {}): Promise<readonly NodeStatus[]> {
    const [members, links, drains, manager] = await Promise.all([
      this.store.range(this.keys.nodes, options),
      this.store.range(this.keys.links, options),
      this.drains(options),
      this.manager(options),
    ])
    const view = new ClusterView(this.keys)
    for (const entry of [...members.entries, ...links.entries]) view.apply(entry.key, entry)
    const instances = instancesByNode(plans)
    const broken = brokenPairs(view)
    return members.entries
      .map((entry) => nodeRecord.decode(entry))
      .map((record) => nodeStatus(record, { instances, drains, manager, broken }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** Undefined while none is elected. */
  async manager(options: CallOptions = {}): Promise<NodeId | undefined> {
    const leader = await new Election(this.store, this.keys.manager, { clock: this.clock }).leader(options)
    const node = isRecord(leader?.value) ? leader.value['node'] : undefined
    return typeof node === 'string' ? asNodeId(node) : undefined
  }

  /**
   * Its instances are to move away, and it gets no new ones; it stays in the cluster. Also for a node that is away at the
   * moment and has been drained before. Errors: NODE_UNKNOWN.
   */
  async drain(id: NodeId, by: string, options: CallOptions = {}): Promise<void> {
    const key = this.keys.drain(id)
    const { results } = await this.store.transact(
      { then: [get(this.keys.node(id)), get(key)] },
      { ...options, repeat: 'harmless' },
    )
    const [node, drained] = results.map((result) => (result.type === 'get' ? result.entry : undefined))
    if (drained !== undefined) return
    if (node === undefined) throw await this.unknown(id, options)
    const value = drainRecord.encode({ by, atMs: this.clock.now() })
    await this.store.transact({ then: [put(key, value)] }, { ...options, repeat: 'harmless' })
  }

  /** It gets instances again. Errors: NODE_UNKNOWN for one that is neither there nor drained. */
  async undrain(id: NodeId, options: CallOptions = {}): Promise<void> {
    const key = this.keys.drain(id)
    const { results } = await this.store.transact(
      { then: [get(this.keys.node(id)), get(key), remove(key)] },
      { ...options, repeat: 'once' },
    )
    const isKnown = results.some((result) => result.type === 'get' && result.entry !== undefined)
    if (!isKnown) throw await this.unknown(id, options)
  }

  async config(options: CallOptions = {}): Promise<ClusterConfig> {
    const { entry } = await this.store.get(this.keys.config, options)
    return entry === undefined ? {} : configRecord.decode(entry)
  }

  /** Replaces it as a whole. Errors: USAGE for a value that makes no sense. */
  async configure(config: ClusterConfig, options: CallOptions = {}): Promise<void> {
    const { quorum } = config
    if (quorum !== undefined && (!Number.isSafeInteger(quorum) || quorum < 1))
      throw new VertigoError('USAGE', `The quorum cannot be ${quorum}.`, {
        remedy: 'Give a whole number of nodes, 1 or more.',
      })
    const value = configRecord.encode(quorum === undefined ? {} : { quorum })
    await this.store.transact({ then: [put(this.keys.config, value)] }, { ...options, repeat: 'harmless' })
  }

  private async drains(options: CallOptions): Promise<ReadonlyMap<string, DrainRecord>> {
    const { entries } = await this.store.range(this.keys.drains, options)
    return new Map(
      entries.map((entry) => [this.keys.drainedNode(entry.key), drainRecord.decode(entry)] as const),
    )
  }

  private async unknown(id: NodeId, options: CallOptions): Promise<VertigoError> {
    const { entries } = await this.store.range(this.keys.nodes, options)
    const ids = entries.map((entry) => nodeRecord.decode(entry).id)
    return new VertigoError('NODE_UNKNOWN', `There is no node "${id}" in the cluster.${didYouMean(id, ids)}`)
  }
}

function instancesByNode(plans: Iterable<Plan>): ReadonlyMap<NodeId, number> {
  const counts = new Map<NodeId, number>()
  for (const { workers, instances } of plans) {
    const nodes = new Map(workers.map(({ worker, node }) => [worker, node]))
    for (const { worker } of instances) {
      const node = nodes.get(worker)
      if (node !== undefined) counts.set(node, (counts.get(node) ?? 0) + 1)
    }
  }
  return counts
}

function nodeStatus(
  record: NodeRecord,
  facts: {
    readonly instances: ReadonlyMap<NodeId, number>
    readonly drains: ReadonlyMap<string, DrainRecord>
    readonly manager: NodeId | undefined
    readonly broken: readonly BrokenPair[]
  },
): NodeStatus {
  const { id, pid, control, api, version, groups, labels, workers, joinedAtMs } = record
  const draining = facts.drains.get(id)
  const unreached = facts.broken
    .filter(({ a, b }) => a === id || b === id)
    .map(({ a, b, sinceMs, why }) => ({ node: a === id ? b : a, sinceMs, why }))
  return {
    id,
    pid,
    address: control.host.includes(':')
      ? `[${control.host}]:${control.port}`
      : `${control.host}:${control.port}`,
    ...(api !== undefined && { api }),
    version,
    groups,
    labels,
    workers,
    instances: facts.instances.get(id) ?? 0,
    manager: facts.manager === id,
    ...(draining !== undefined && { draining }),
    ...(unreached.length > 0 && { unreached }),
    joinedAtMs,
  }
}
