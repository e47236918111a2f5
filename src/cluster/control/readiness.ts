import type {
  ErrorText,
  Generation,
  InstanceId,
  OpenRecord,
  Plan,
  PlannedInstance,
  ReadyRecord,
  WorkerNumber,
} from '../protocol/index.ts'
import type { NetworkFacts } from './facts.ts'

/** What the agents say of a plan's instances, put together. Records of other lives of a node say nothing. */
export class Readiness {
  readonly ready = new Set<InstanceId>()
  readonly finished = new Set<InstanceId>()
  readonly failed = new Map<InstanceId, ErrorText>()
  readonly lostWorkers = new Set<WorkerNumber>()
  readonly #workers = new Map<WorkerNumber, OpenRecord['workers'][number]>()
  readonly #livingWorkers: ReadonlySet<WorkerNumber>

  constructor({ plan, ready, nodes }: Pick<NetworkFacts, 'plan' | 'ready' | 'nodes'>) {
    const incarnations = new Map(nodes.map(({ id, incarnation }) => [id, incarnation]))
    const isThere = ({ node, incarnation }: Pick<ReadyRecord, 'node' | 'incarnation'>): boolean =>
      incarnations.get(node) === incarnation
    for (const record of ready)
      if (record.generation === plan?.generation && isThere(record)) this.#add(record)
    for (const { id, finished } of plan?.instances ?? []) if (finished === true) this.finished.add(id)
    this.#livingWorkers = new Set(
      (plan?.workers ?? [])
        .filter((worker) => isThere(worker) && !this.lostWorkers.has(worker.worker))
        .map(({ worker }) => worker),
    )
  }

  #add(record: ReadyRecord): void {
    for (const id of record.ready) this.ready.add(id)
    for (const id of record.finished) this.finished.add(id)
    for (const { instance, error } of record.failed) this.failed.set(instance, error)
    for (const worker of record.lost ?? []) this.lostWorkers.add(worker)
    for (const worker of record.workers) this.#workers.set(worker.worker, worker)
  }

  /** It will not get ready any more. */
  isLost({ id, worker }: PlannedInstance): boolean {
    return this.failed.has(id) || !this.#livingWorkers.has(worker)
  }

  isReady(instance: PlannedInstance): boolean {
    const { id } = instance
    return !this.isLost(instance) && (this.ready.has(id) || this.finished.has(id))
  }

  /** The addresses of all workers of the plan; undefined while one is missing. */
  addresses(plan: Plan): OpenRecord['workers'] | undefined {
    const found = plan.workers.map(({ worker }) => this.#workers.get(worker))
    return found.every((worker) => worker !== undefined) ? found : undefined
  }

  /** An instance of the open generation that is not there any more; undefined where all are. */
  gone(plan: Plan, open: Generation): PlannedInstance | undefined {
    // The newest generation's records are complete, since it was opened on them; those of one that is being set up are not.
    const isGone =
      open === plan.generation
        ? (instance: PlannedInstance) => !this.isReady(instance)
        : (instance: PlannedInstance) => instance.since <= open && this.isLost(instance)
    return plan.instances.find(isGone)
  }
}
