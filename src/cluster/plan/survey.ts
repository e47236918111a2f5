import { assert } from '../../base/assert.ts'
import type {
  DoneInstance,
  NodeId,
  PlannedInstance,
  PlannedWorker,
  VersionRecord,
  WorkerNumber,
} from '../protocol/index.ts'
import { noGeneration } from '../protocol/index.ts'
import { isConcerned } from './concern.ts'
import type { InventoryNode, PlanningFacts } from './facts.ts'
import { nextGeneration } from './numbers.ts'
import type { ComponentShape } from './shape.ts'

/** A copy that the version wants. */
export interface Slot {
  readonly shape: ComponentShape
  readonly index: number
}

/** What becomes of the current plan's instances, and what is missing beside them. */
export interface Survey {
  /** They go on; whether they may stay where they are is another question. */
  readonly kept: readonly { readonly slot: Slot; readonly instance: PlannedInstance }[]
  readonly draining: readonly PlannedInstance[]
  /** What drained before and is not in `draining` any more: all of it has come to its end by itself. */
  readonly hasDrainedWell: boolean
  readonly done: readonly DoneInstance[]
  /** To be placed, with the worker that the instance before is in, where that one lives and makes way by itself. */
  readonly missing: readonly { readonly slot: Slot; readonly before: WorkerNumber | undefined }[]
}

/** Tells living workers of the current plan, and their nodes. */
export class LivingWorkers {
  readonly #nodes = new Map<NodeId, InventoryNode>()
  readonly #workers = new Map<WorkerNumber, PlannedWorker>()

  constructor({ nodes, current, lostWorkers }: PlanningFacts) {
    for (const node of nodes) this.#nodes.set(node.id, node)
    for (const worker of current?.workers ?? []) {
      const isThere = this.#nodes.get(worker.node)?.incarnation === worker.incarnation
      if (isThere && !lostWorkers.has(worker.worker)) this.#workers.set(worker.worker, worker)
    }
  }

  get(worker: WorkerNumber): PlannedWorker | undefined {
    return this.#workers.get(worker)
  }

  nodeOf(worker: WorkerNumber): InventoryNode | undefined {
    const planned = this.#workers.get(worker)
    return planned && this.#nodes.get(planned.node)
  }
}

export function survey(
  facts: PlanningFacts,
  target: VersionRecord,
  shapes: ReadonlyMap<string, ComponentShape>,
  living: LivingWorkers,
): Survey {
  const surveyor = new Surveyor(facts, target, shapes, living)
  for (const copy of facts.current?.done ?? []) surveyor.done(copy)
  // Those that drain last: one is kept after all only where nobody has its place.
  const instances = facts.current?.instances ?? []
  for (const instance of instances) if (!instance.draining) surveyor.working(instance)
  for (const instance of instances) if (instance.draining) surveyor.drainingOne(instance)
  return surveyor.result()
}

class Surveyor {
  readonly #facts: PlanningFacts
  readonly #target: VersionRecord
  readonly #shapes: ReadonlyMap<string, ComponentShape>
  readonly #living: LivingWorkers
  readonly #kept = new Map<string, Survey['kept'][number]>()
  readonly #draining: PlannedInstance[] = []
  readonly #done = new Map<string, DoneInstance>()
  /** Workers of what makes way, by slot. */
  readonly #before = new Map<string, WorkerNumber>()
  #drained = 0
  #lost = 0

  constructor(
    facts: PlanningFacts,
    target: VersionRecord,
    shapes: ReadonlyMap<string, ComponentShape>,
    living: LivingWorkers,
  ) {
    this.#facts = facts
    this.#target = target
    this.#shapes = shapes
    this.#living = living
  }

  done(copy: DoneInstance): void {
    if (this.#isWanted(copy)) this.#done.set(keyOf(copy), { ...copy, version: this.#facts.version })
  }

  working(instance: PlannedInstance): void {
    const { goal, finished } = this.#facts
    const node = this.#living.nodeOf(instance.worker)
    const isDead = this.#isDead(instance)
    const isFinished = finished.has(instance.id)
    if (goal === 'run' && this.#isWanted(instance)) {
      if (isFinished && (isDead || node?.draining === true)) this.#markDone(instance)
      else if (!isDead) this.#keep(instance)
      return
    }
    if (isDead || isFinished || goal === 'none' || this.#hasNeverWorked(instance)) return
    this.#draining.push(drained(instance, this.#facts))
    this.#before.set(keyOf(instance), instance.worker)
  }

  drainingOne(instance: PlannedInstance): void {
    const { goal, finished, lastOpen = noGeneration } = this.#facts
    if (this.#isDead(instance) || goal === 'none') this.#lost++
    else if (finished.has(instance.id)) this.#drained++
    else {
      const isAsBefore = instance.drainingSince !== undefined && instance.drainingSince > lastOpen
      const key = keyOf(instance)
      const isFree = !this.#kept.has(key) && !this.#done.has(key)
      if (goal === 'run' && isAsBefore && isFree && this.#isWanted(instance)) this.#keep(instance)
      // Nobody has let go of it yet: that comes with the next generation.
      else this.#draining.push(isAsBefore ? drained(instance, this.#facts) : instance)
    }
  }

  result(): Survey {
    return {
      // As the next plan lists them: who comes first stays where two may not be beside each other (PN-1).
      kept: [...this.#kept.values()].toSorted((a, b) => a.instance.id - b.instance.id),
      draining: this.#draining,
      hasDrainedWell: this.#drained > 0 && this.#lost === 0,
      done: [...this.#done.values()],
      missing: this.#facts.goal === 'run' ? this.#missing() : [],
    }
  }

  #missing(): Survey['missing'] {
    const missing: Survey['missing'][number][] = []
    // A first plan has no use for the texts of keys.
    const isFirst = this.#kept.size + this.#done.size + this.#before.size === 0
    for (const shape of this.#shapes.values())
      for (let index = 0; index < shape.copies; index++) {
        const key = isFirst ? undefined : keyOf({ component: shape.name, index })
        if (key !== undefined && (this.#kept.has(key) || this.#done.has(key))) continue
        missing.push({
          slot: { shape, index },
          before: key === undefined ? undefined : this.#before.get(key),
        })
      }
    return missing
  }

  #isDead({ id, worker }: PlannedInstance): boolean {
    return this.#living.nodeOf(worker) === undefined || this.#facts.failed.has(id)
  }

  /** Nothing was sent to it, so that there is nothing to finish. */
  #hasNeverWorked({ since }: PlannedInstance): boolean {
    return since > (this.#facts.lastOpen ?? noGeneration)
  }

  /** The version that is planned has this copy, and as it runs. */
  #isWanted({ component, index, version }: DoneInstance): boolean {
    const shape = this.#shapes.get(component)
    if (shape === undefined || index >= shape.copies) return false
    return !isConcerned(component, recordOf(this.#facts, version), this.#target)
  }

  #keep(instance: PlannedInstance): void {
    const { drainingSince: _, ...rest } = instance
    const slot = { shape: this.#shapes.get(instance.component)!, index: instance.index }
    this.#kept.set(keyOf(instance), {
      slot,
      instance: { ...rest, version: this.#facts.version, draining: false },
    })
  }

  #markDone({ component, index, ...instance }: PlannedInstance): void {
    this.#done.set(keyOf({ component, index, ...instance }), {
      component,
      index,
      version: this.#facts.version,
    })
  }
}

/** The instance as it stands in the next plan, where it begins to drain. */
export function drained(instance: PlannedInstance, facts: PlanningFacts): PlannedInstance {
  return { ...instance, draining: true, drainingSince: nextGeneration(facts) }
}

export function recordOf({ versions }: Pick<PlanningFacts, 'versions'>, version: number): VersionRecord {
  const record = versions.get(version as VersionRecord['version'])
  assert(record !== undefined, `the record of version ${version} is given`)
  return record
}

function keyOf({ component, index }: { readonly component: string; readonly index: number }): string {
  return `${component}[${index}]`
}
