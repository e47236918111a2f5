import { guaranteeInCluster, hasJournal } from '../../model/guarantee.ts'
import type { CopyHome, NodeId, PlannedInstance, PlannedWorker, VersionRecord } from '../protocol/index.ts'
import type { PlanningFacts } from './facts.ts'
import { recordOf } from './survey.ts'

/**
 * Where copies keep what is on the disk of one node: they go nowhere else (PN-13). A copy whose number is no more leaves its journal to
 * one that there still is, which has to be able to read it. A component whose state somebody discards gets other journals, and keeps these
 * for as long as the choice stands: what was acknowledged since is in them.
 */
export class Homes {
  private readonly target: VersionRecord
  private readonly known: readonly CopyHome[]
  private readonly discarded: Discarded

  constructor(facts: PlanningFacts) {
    this.target = recordOf(facts, facts.version)
    this.discarded = discardedBy(facts)
    const homes = (facts.goal === 'run' && facts.beginsAfresh === true ? [] : facts.current?.homes) ?? []
    this.known = facts.goal === 'run' ? homes.filter((home) => this.stands(home)) : homes
  }

  private stands({ component, life }: CopyHome): boolean {
    const { components, atMs } = this.discarded
    return keepsJournal(this.target, component) && !(components.has(component) && life < atMs)
  }

  /** The nodes of what it needs; it can be on one of them only. */
  nodesFor(component: string, index: number): readonly NodeId[] {
    if (this.known.length === 0) return []
    const copies = this.target.flat.components[component]?.instances ?? 1
    const nodes = this.known.flatMap((home) =>
      home.component === component && home.index % copies === index && home.node !== undefined
        ? [home.node]
        : [],
    )
    return [...new Set(nodes)]
  }

  /** What stands in the next plan; absent where nothing does. */
  next(
    instances: readonly PlannedInstance[],
    workers: readonly PlannedWorker[],
  ): { readonly homes?: CopyHome[] } {
    const { flat, createdAtMs } = this.target
    const isShared = flat.journal?.folder !== undefined
    const nodes = new Map(workers.map(({ worker, node }) => [worker, node]))
    const homes = new Map(this.known.map((home) => [nameOf(home), home]))
    for (const { component, index, worker, draining } of instances) {
      if (draining || homes.has(nameOf({ component, index })) || !keepsJournal(this.target, component))
        continue
      const node = isShared ? undefined : nodes.get(worker)
      homes.set(nameOf({ component, index }), {
        component,
        index,
        ...(node !== undefined && { node }),
        life: this.discarded.components.has(component)
          ? Math.max(createdAtMs, this.discarded.atMs)
          : createdAtMs,
      })
    }
    return homes.size === 0 ? {} : { homes: [...homes.values()] }
  }
}

/** Components that somebody lets begin afresh, and when he said so. */
interface Discarded {
  readonly components: ReadonlySet<string>
  readonly atMs: number
}

function discardedBy({ recovery, versions }: PlanningFacts): Discarded {
  const { discards = [], chosenFor } = recovery?.from ?? {}
  const chosen = chosenFor === undefined ? undefined : versions.get(chosenFor)
  return chosen === undefined
    ? { components: new Set(), atMs: 0 }
    : { components: new Set(discards), atMs: chosen.createdAtMs }
}

function keepsJournal({ flat, kinds }: VersionRecord, name: string): boolean {
  const component = flat.components[name]
  const kind = kinds[name]
  return (
    component !== undefined && kind !== undefined && hasJournal(guaranteeInCluster(flat), component, kind)
  )
}

function nameOf({ component, index }: Pick<CopyHome, 'component' | 'index'>): string {
  return `${component}[${index}]`
}
