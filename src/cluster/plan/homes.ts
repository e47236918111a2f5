import { canonicalJson } from '../../model/json.ts'
import {
  type CopyHome,
  keepsJournal,
  machineRules,
  machinesFor,
  type PlannedInstance,
  type PlannedWorker,
  severalMachines,
  severalMachinesRemedy,
  usesLocalFiles,
  type VersionRecord,
} from '../protocol/index.ts'
import type { InventoryNode, PlanningFacts } from './facts.ts'
import type { ComponentShape } from './shape.ts'
import { recordOf } from './survey.ts'

/**
 * Where copies keep what is on a disk: they go nowhere else (PN-13).
 *
 * A journal is in the folder of one node. A copy whose number is no more leaves its journal to one that there still is, which has to be
 * able to read it. A component whose state somebody discards gets other journals, and keeps these for as long as the choice stands: what was
 * acknowledged since is in them. Files of a kind that says so are those of a machine: of any node there, for all copies of the component, since
 * copies share splits and folders. Which machine that is, nobody knows but who wrote the network: where its rules leave several, no copy
 * begins.
 */
export class Homes {
  private readonly facts: PlanningFacts
  private readonly target: VersionRecord
  private readonly known: readonly CopyHome[]
  private readonly discarded: Discarded

  constructor(facts: PlanningFacts) {
    this.facts = facts
    this.target = recordOf(facts, facts.version)
    this.discarded = discardedBy(facts)
    const homes = (facts.goal === 'run' && facts.beginsAfresh === true ? [] : facts.current?.homes) ?? []
    this.known = facts.goal === 'run' ? homes.filter((home) => this.keeps(home)) : homes
  }

  private keeps({ component, files, life }: CopyHome): boolean {
    const { components, atMs } = this.discarded
    if (keepsJournal(this.target, component)) return !components.has(component) || life >= atMs
    return files !== undefined && usesLocalFiles(this.target, component) && !this.isPlacedAnew(component)
  }

  private newLife(component: string): number {
    const { createdAtMs } = this.target
    const { components, atMs } = this.discarded
    return components.has(component) ? Math.max(createdAtMs, atMs) : createdAtMs
  }

  /** Whoever changes the rules for its placement says where its files are now. */
  private isPlacedAnew(component: string): boolean {
    const before = this.facts.current && this.facts.versions.get(this.facts.current.version)
    return before !== undefined && rulesOf(before, component) !== rulesOf(this.target, component)
  }

  /** Whether what the copy needs is on the node, as far as that is known. */
  isAt(shape: ComponentShape, index: number, node: InventoryNode): boolean {
    const { name } = shape
    if (!this.journalsOf(shape, index).every((home) => home.node === node.id)) return false
    return !this.usesFiles(name) || this.hasFilesOn(name, node)
  }

  private hasFilesOn(component: string, node: InventoryNode): boolean {
    const known = this.filesOf(component)
    if (known.length > 0) return known.some((home) => sees(node, home))
    const machines = this.machinesFor(component)
    return machines.size === 1 && machines.has(filesOfNode(node))
  }

  /** Why it cannot begin, where that is for what it needs from a disk. */
  whyNot(shape: ComponentShape, index: number): string | undefined {
    const { name } = shape
    const [first, ...others] = new Set(this.journalsOf(shape, index).map(({ node }) => node!))
    if (others.length > 0)
      return `Journals that it is to read are on ${[first, ...others].join(' and ')}: give the component as many copies as it had.`
    if (first !== undefined) {
      const node = this.facts.nodes.find(({ id }) => id === first)
      if (node === undefined)
        return `Its journal is on ${first}, which is not there: start that node again, with its disk. Where that is gone for good: \`vertigo deploy <file> --discard-state ${name}\` gives up what ${name} has acknowledged since the last snapshot, on every node.`
      if (node.draining) return `Its journal is on ${first}, which is drained: end the drain.`
    }
    if (!this.usesFiles(name)) return undefined
    const files = this.filesOf(name)
    if (files.length > 0) return this.whyNotFiles(files)
    const { size } = this.machinesFor(name)
    return size > 1 ? `${severalMachines(size)} ${severalMachinesRemedy}` : undefined
  }

  private whyNotFiles(files: readonly CopyHome[]): string | undefined {
    const seeing = this.facts.nodes.filter((node) => files.some((home) => sees(node, home)))
    const names = [...new Set(files.map(({ node }) => node))].join(' and ')
    if (seeing.length === 0)
      return `It reads or writes files on the machine of ${names}, and no node is there: start one there again, or, where all machines see the files, say \`placement: { files: shared }\`.`
    return seeing.every(({ draining }) => draining)
      ? `It reads or writes files on the machine of ${names}, and each node there is drained: end the drain of one.`
      : undefined
  }

  /** What stands in the next plan; absent where nothing does. */
  next(
    instances: readonly PlannedInstance[],
    workers: readonly PlannedWorker[],
  ): { readonly homes?: CopyHome[] } {
    const { flat } = this.target
    const isShared = flat.journal?.folder !== undefined
    const hosts = new Map(workers.map(({ worker, node }) => [worker, node]))
    const homes = new Map(this.known.map((home) => [nameOf(home), home]))
    for (const { component, index, worker, draining } of instances) {
      const known = homes.get(nameOf({ component, index }))
      const hasJournalHere = keepsJournal(this.target, component)
      const host = hosts.get(worker)
      const node = this.facts.nodes.find(({ id }) => id === host)
      // A copy that has to go, and stays since there is no place for it, says nothing of where its files are.
      const hasFiles = node !== undefined && this.usesFiles(component) && this.hasFilesOn(component, node)
      if (draining || !(hasJournalHere || hasFiles) || (known !== undefined && !hasFiles)) continue
      const files = hasFiles ? filesOfNode(node) : undefined
      const at = hasJournalHere && isShared && files === undefined ? undefined : host
      homes.set(nameOf({ component, index }), {
        component,
        index,
        // A journal stays where it is; of files any node of the machine will do, and the machine has another name after each start.
        ...((known === undefined || !hasJournalHere) && at !== undefined ? { node: at } : withNode(known)),
        ...((files ?? known?.files) !== undefined && { files: files ?? known?.files }),
        life: known?.life ?? this.newLife(component),
      })
    }
    return homes.size === 0 ? {} : { homes: [...homes.values()] }
  }

  private journalsOf({ name, copies }: ComponentShape, index: number): readonly CopyHome[] {
    if (this.known.length === 0 || !keepsJournal(this.target, name)) return []
    return this.known.filter(
      (home) => home.component === name && home.index % copies === index && home.node !== undefined,
    )
  }

  private filesOf(component: string): readonly CopyHome[] {
    if (!this.usesFiles(component)) return []
    return this.known.filter((home) => home.component === component && home.files !== undefined)
  }

  private usesFiles(component: string): boolean {
    return this.facts.goal === 'run' && usesLocalFiles(this.target, component)
  }

  private machinesFor(component: string): ReadonlySet<string> {
    return machinesFor(
      machineRules(this.target.flat.components[component]!),
      this.facts.nodes.map((node) => ({ ...node, files: filesOfNode(node) })),
    )
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

function withNode(home: CopyHome | undefined): Pick<CopyHome, 'node'> {
  return home?.node === undefined ? {} : { node: home.node }
}

/** A machine has another name after each start, a node has not. */
function sees(node: InventoryNode, home: CopyHome): boolean {
  return node.id === home.node || filesOfNode(node) === home.files
}

function filesOfNode({ id, files }: InventoryNode): string {
  return files ?? id
}

function rulesOf({ flat }: VersionRecord, name: string): string | undefined {
  const component = flat.components[name]
  return component && canonicalJson({ ...machineRules(component) })
}

function nameOf({ component, index }: Pick<CopyHome, 'component' | 'index'>): string {
  return `${component}[${index}]`
}
