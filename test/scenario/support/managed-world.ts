import type { Decision, NetworkFacts } from '../../../src/cluster/control/index.ts'
import {
  asVersion,
  deathOf,
  type DeathRecord,
  type ErrorText,
  type Generation,
  type InstanceId,
  type NetworkOutcome,
  type NodeId,
  type OpenRecord,
  type PlannedInstance,
  type ReadyRecord,
} from '../../../src/cluster/protocol/index.ts'
import { ClusterWorld } from './cluster-world.ts'
import type { Command } from './script.ts'

type ReadyKey = `${number}/${string}`

/** A store as far as one network goes, and agents that do what they are told. */
export class ManagedWorld extends ClusterWorld {
  outcome: NetworkOutcome | undefined
  open: OpenRecord | undefined
  closed: Generation | undefined
  readonly ready = new Map<ReadyKey, ReadyRecord>()
  readonly finished = new Set<InstanceId>()
  /** By node. */
  readonly deaths = new Map<NodeId, { readonly revision: number; readonly record: DeathRecord }>()
  isAnew = false

  facts(means: Pick<NetworkFacts, 'term' | 'restarts'>): NetworkFacts {
    const records = [...this.ready.values()]
    return {
      network: 'net',
      desired: { version: this.version, goal: this.goal, changedAtMs: 0, anew: this.isAnew },
      outcome: this.outcome,
      plan: this.plan,
      open: this.open,
      lastOpen: this.open?.generation ?? this.closed,
      versions: this.versions,
      ready: records.filter(({ generation }) => generation === this.plan?.generation),
      readyGenerations: [...new Set(records.map(({ generation }) => generation))],
      nodes: [...this.nodes.values()],
      deaths: [...this.deaths].map(([node, one]) => ({ node, ...one })),
      brokenLinks: [...this.broken.values()],
      quorum: this.quorum,
      nowMs: this.nowMs,
      ...means,
    }
  }

  /** What the shell does with a decision. */
  carryOut(decision: Decision): void {
    if (decision.type === 'plan') this.plan = decision.plan
    else if (decision.type === 'open') {
      this.open = decision.open
      this.outcome = decision.outcome ?? this.outcome
    } else if (decision.type === 'close') {
      this.closed = decision.generation
      this.open = undefined
    } else if (decision.type === 'outcome') this.outcome = decision.outcome
    else if (decision.type === 'clean-up') {
      for (const version of decision.versions) this.versions.delete(version)
      for (const [key, { generation }] of this.ready)
        if (decision.ready.includes(generation)) this.ready.delete(key)
    }
  }

  /** The agent of a node says that all is set up, but for what has failed before in this generation. */
  reportReady(node: string): void {
    const { plan } = this
    const incarnation = this.nodes.get(node)?.incarnation
    const workers = plan?.workers.filter((one) => one.node === node && one.incarnation === incarnation) ?? []
    if (plan === undefined || incarnation === undefined || workers.length === 0) return
    const numbers = new Set(workers.map(({ worker }) => worker))
    const instances = plan.instances.filter(({ worker }) => numbers.has(worker))
    const failed = this.ready.get(`${plan.generation}/${node}`)?.failed ?? []
    const isWell = ({ id }: PlannedInstance): boolean => !failed.some(({ instance }) => instance === id)
    const well = instances.filter(isWell).map(({ id }) => id)
    this.ready.set(`${plan.generation}/${node}`, {
      node: workers[0]!.node,
      incarnation,
      generation: plan.generation,
      ready: well.filter((id) => !this.finished.has(id)),
      finished: well.filter((id) => this.finished.has(id)),
      failed,
      workers: workers.map(({ worker }) => ({ worker, address: { host: node, port: 1000 + worker } })),
    })
  }

  reportFailed(instance: PlannedInstance, error: ErrorText): void {
    const { node } = this.plan!.workers.find(({ worker }) => worker === instance.worker)!
    const key: ReadyKey = `${this.plan!.generation}/${node}`
    if (!this.ready.has(key)) this.reportReady(node)
    const record = this.ready.get(key)
    if (record === undefined) return
    const without = record.ready.filter((id) => id !== instance.id)
    this.ready.set(key, {
      ...record,
      ready: without,
      failed: [...record.failed, { instance: instance.id, error }],
    })
  }

  /** A node is gone, and all that stood under its lease. */
  loseNode(node: string): void {
    this.nodes.delete(node)
    for (const [key, record] of this.ready) if (record.node === node) this.ready.delete(key)
  }

  /** As `loseNode`; others have seen that its process is no more. */
  killNode(id: string): void {
    const { plan, open, closed, nowMs } = this
    const node = this.nodes.get(id)!
    const network = { name: 'net', plan, lastOpen: open?.generation ?? closed }
    const record = deathOf([network], node, nowMs)
    this.deaths.set(node.id, { revision: ++this.revision, record })
    this.loseNode(id)
  }

  readonly agentCommands: { readonly [name: string]: Command } = {
    /** `> ready` all nodes, or those named. */
    ready: (words) => {
      for (const node of words.length > 0 ? words : this.nodes.keys()) this.reportReady(node)
      return ''
    },
    failed: ([text, code, ...message]) => {
      const id = this.instance(text!)
      const instance = this.plan!.instances.find((one) => one.id === id)!
      this.reportFailed(instance, { code: code!, message: message.join(' ') })
      return ''
    },
    finished: (words) => {
      for (const word of words) this.finished.add(this.instance(word))
      for (const node of this.nodes.keys()) this.reportReady(node)
      return ''
    },
    lose: (words) => {
      for (const word of words) this.loseNode(word)
      return ''
    },
    kill: (words) => {
      for (const word of words) this.killNode(word)
      return ''
    },
    /** An instance ends the process that it is in. */
    aborts: ([word]) => {
      const id = this.instance(word!)
      const { worker } = this.plan!.instances.find((one) => one.id === id)!
      const { node } = this.plan!.workers.find((one) => one.worker === worker)!
      this.killNode(node)
      return `${node} dies`
    },
    /** The same content as a new version. */
    anew: () => {
      const before = this.versions.get(this.version)!
      const version = asVersion(this.version + 1)
      this.versions.set(version, { ...before, version })
      this.isAnew = true
      return ''
    },
    'lose-record': ([node]) => {
      this.ready.delete(`${this.plan!.generation}/${node!}`)
      return ''
    },
    at: ([time]) => {
      this.nowMs = Number(time)
      return ''
    },
  }
}
