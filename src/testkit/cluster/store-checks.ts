import { type ClusterKeys, ClusterView, type Plan } from '../../cluster/protocol/index.ts'
import type { MemoryBackend } from '../../store/memory/memory-backend.ts'
import type { WatchEvent } from '../../store/store.ts'

/**
 * Looks at every change of the store, in its order.
 *
 * - SC-1 The plans of a network form one chain: each generation once, its parent one less, terms never decrease. Where somebody deletes one,
 *   the next one has no parent, and goes on behind it all the same, in numbers of workers as well (PL-6).
 * - SC-2 A plan is written by who leads at that moment: nothing of a deposed manager takes effect.
 * - SC-3 Only the newest generation is opened.
 * - SC-4 Plan, open and outcome of a network are written a bounded number of times for each reason to.
 */
export class StoreChecks {
  readonly view: ClusterView
  /** Generations that have been open, by network. */
  readonly opened = new Map<string, Set<number>>()
  readonly plans: Plan[] = []
  readonly writes = { plan: 0, open: 0, close: 0, outcome: 0, ready: 0 }
  private readonly keys: ClusterKeys
  private readonly violate: (what: string) => void
  private readonly candidates = new Map<string, number>()
  private readonly newest = new Map<string, Plan>()
  /** Networks whose newest plan was deleted. */
  private readonly deleted = new Set<string>()

  private readonly note: (network: string, what: string) => void

  constructor(
    backend: MemoryBackend,
    keys: ClusterKeys,
    violate: (what: string) => void,
    note: (network: string, what: string) => void,
  ) {
    this.keys = keys
    this.note = note
    this.view = new ClusterView(keys)
    this.violate = violate
    backend.follow(keys.prefix, 2, {
      events: (_revision, events) => this.apply(events),
      compacted: () => violate('the history of the store is incomplete'),
      failed: (error) => violate(`the store cannot be followed: ${error.message}`),
    })
  }

  get all(): number {
    const { plan, open, close, outcome, ready } = this.writes
    return plan + open + close + outcome + ready
  }

  private apply(events: readonly WatchEvent[]): void {
    const leader = this.leader()
    for (const { key, entry } of events) {
      if (key.startsWith(this.keys.manager)) {
        if (entry === undefined) this.candidates.delete(key)
        else this.candidates.set(key, entry.createRevision)
      }
      const name = this.view.apply(key, entry)
      if (name !== undefined) this.look(name, key, entry !== undefined, leader)
    }
    for (const fault of this.view.faults.values()) this.violate(fault.message)
  }

  private leader(): number {
    return Math.min(...this.candidates.values())
  }

  private look(name: string, key: string, isThere: boolean, leader: number): void {
    const keys = this.keys.network(name)
    const network = this.view.networks.get(name)
    for (const fault of network?.faults.values() ?? []) this.violate(fault.message)
    if (key.startsWith(keys.ready)) {
      if (isThere) this.writes.ready++
    } else if (key === keys.outcome) this.writes.outcome++
    else if (key === keys.plan && network?.plan !== undefined) this.planned(name, network.plan.value, leader)
    else if (key === keys.plan && !isThere) this.deleted.add(name)
    else if (key === keys.open) this.openChanged(name, isThere)
  }

  private planned(name: string, plan: Plan, leader: number): void {
    this.writes.plan++
    this.note(name, planText(plan))
    this.plans.push(plan)
    const before = this.newest.get(name)
    this.newest.set(name, plan)
    const { generation, parent, term } = plan
    const last = before?.generation ?? 0
    const isDeleted = this.deleted.delete(name)
    if (parent !== (isDeleted ? 0 : last) || generation !== last + 1)
      this.violate(
        `SC-1 ${name}: generation ${generation} of parent ${parent} follows ${before?.generation ?? 'none'}`,
      )
    if (isDeleted && plan.workers.some(({ worker }) => worker < before!.nextWorker))
      this.violate(`SC-1 ${name}: generation ${generation} has numbers of workers of before`)
    if (term < (before?.term ?? 0)) this.violate(`SC-1 ${name}: term ${term} follows ${before?.term}`)
    if (term !== leader) this.violate(`SC-2 ${name}: a plan of term ${term} while ${leader} leads`)
  }

  private openChanged(name: string, isThere: boolean): void {
    if (!isThere) {
      this.writes.close++
      return
    }
    this.writes.open++
    const generation = this.view.networks.get(name)?.open?.value.generation
    if (generation === undefined) return
    const newest = this.newest.get(name)?.generation
    if (generation !== newest)
      this.violate(`SC-3 ${name}: generation ${generation} is opened, the newest is ${newest}`)
    const opened = this.opened.get(name) ?? new Set()
    this.opened.set(name, opened.add(generation))
  }
}

function planText({ generation, version, instances, workers, waiting }: Plan): string {
  const nodes = new Map(workers.map(({ worker, node }) => [worker, node]))
  const all = instances.map(
    ({ id, component, index, worker, draining, finished }) =>
      `${component}[${index}]#${id}@${nodes.get(worker)}${worker}${draining ? '-' : ''}${finished === true ? '.' : ''}`,
  )
  const waits = waiting.map(({ component, index, reason }) => `${component}[${index}]: ${reason}`)
  return `plan ${generation} of version ${version}: ${all.join(' ')} ${waits.join('; ')}`
}
