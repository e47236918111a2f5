import { assert } from '../../base/assert.ts'
import type {
  DoneInstance,
  NodeId,
  PlannedInstance,
  PlannedWorker,
  VersionRecord,
  WorkerNumber,
} from '../protocol/index.ts'
import { isConcerned } from './concern.ts'
import type { InventoryNode, PlanningFacts } from './facts.ts'
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
  const kept: Survey['kept'][number][] = []
  const draining: PlannedInstance[] = []
  const done = new Map<string, DoneInstance>()
  const before = new Map<string, WorkerNumber>()
  const filled = new Set<string>()
  let ended = 0
  let lost = 0
  const isWanted = ({ component, index, version }: DoneInstance): boolean => {
    const shape = shapes.get(component)
    if (shape === undefined || index >= shape.copies) return false
    return !isConcerned(component, recordOf(facts, version), target)
  }
  for (const copy of facts.current?.done ?? [])
    if (isWanted(copy)) done.set(keyOf(copy), { ...copy, version: facts.version })
  for (const instance of facts.current?.instances ?? []) {
    const node = living.nodeOf(instance.worker)
    const isDead = node === undefined || facts.failed.has(instance.id)
    const isFinished = facts.finished.has(instance.id)
    if (instance.draining || facts.goal !== 'run') {
      if (isDead || facts.goal === 'none') lost++
      else if (isFinished) ended++
      else draining.push({ ...instance, draining: true })
    } else if (!isWanted(instance)) {
      if (isDead || isFinished) continue
      draining.push({ ...instance, draining: true })
      before.set(keyOf(instance), instance.worker)
    } else if (isFinished && (isDead || node.draining)) {
      const { component, index } = instance
      done.set(keyOf(instance), { component, index, version: facts.version })
    } else if (!isDead) {
      const slot = { shape: shapes.get(instance.component)!, index: instance.index }
      kept.push({ slot, instance: { ...instance, version: facts.version } })
      filled.add(keyOf(instance))
    }
  }
  const missing: Survey['missing'][number][] = []
  if (facts.goal === 'run')
    for (const shape of shapes.values())
      for (let index = 0; index < shape.copies; index++) {
        const key = keyOf({ component: shape.name, index })
        if (!filled.has(key) && !done.has(key))
          missing.push({ slot: { shape, index }, before: before.get(key) })
      }
  return { kept, draining, hasDrainedWell: ended > 0 && lost === 0, done: [...done.values()], missing }
}

export function recordOf({ versions }: Pick<PlanningFacts, 'versions'>, version: number): VersionRecord {
  const record = versions.get(version as VersionRecord['version'])
  assert(record !== undefined, `the record of version ${version} is given`)
  return record
}

function keyOf({ component, index }: { readonly component: string; readonly index: number }): string {
  return `${component}[${index}]`
}
