import type { Cancel } from '../../base/clock.ts'
import type { ClusterKeys } from '../../cluster/protocol/index.ts'
import type { Transaction } from '../../store/store.ts'

/**
 * The steps of the processes of a simulated cluster: what one asks of the store, hears from it, and asks of its workers. At
 * each of them its process may end.
 *
 * - SP-1 Who ends before a step has not done it; who ends when it is done does not learn of it; who ends after it has learned
 *   of it, and does nothing more.
 * - SP-2 The same seed comes to the same steps in the same order, up to the one at which something is done.
 */
export type StepMoment = 'before' | 'done' | 'after'

/** Asked of a worker. */
export const workerSteps = ['prepare', 'switch-over', 'hold', 'release', 'end-worker'] as const

/** Of snapshots: what is asked of a worker, and what it tells. */
export const workerSnapshotSteps = ['begin-snapshot', 'end-snapshot', 'tell-part'] as const

/** Of snapshots: what is written to the store, and what is asked of the storage. */
export const snapshotSteps = [
  'take-ids',
  'commit',
  'abort',
  'write-part',
  'write-manifest',
  'load',
  'delete-file',
  ...workerSnapshotSteps,
] as const

/** Of sinks: what is asked of one. */
export const workerSinkSteps = ['prepare-sink', 'commit-sink', 'recover-sink'] as const

/** Of journals: what a source that does not rewind asks of its own. */
export const workerJournalSteps = ['open-journal', 'write-journal'] as const

const stepsOfWorkers: ReadonlySet<StepName> = new Set<StepName>([
  ...workerSteps,
  ...workerSnapshotSteps,
  ...workerSinkSteps,
  ...workerJournalSteps,
])

export const stepNames = [
  'read',
  'lease',
  'renew',
  'revoke',
  'join',
  'campaign',
  'suspect',
  'change',
  'plan',
  'open',
  'close',
  'outcome',
  'clean-up',
  'ready',
  'write',
  'hear',
  ...workerSteps,
] as const

export type StepName =
  | (typeof stepNames)[number]
  | (typeof snapshotSteps)[number]
  | (typeof workerSinkSteps)[number]
  | (typeof workerJournalSteps)[number]

/** In the order in which a write is named by what it touches. */
const namesOfWrites: readonly StepName[] = ['commit', 'take-ids', 'abort', ...stepNames]

/** A worker's are done when they are over; who hears something ends before it knows. */
export function momentsOf(name: StepName): readonly StepMoment[] {
  if (name === 'hear') return ['before']
  return stepsOfWorkers.has(name) ? ['before', 'after'] : ['before', 'done', 'after']
}

export interface Step {
  /** The node, or the client. */
  readonly who: string
  readonly name: StepName
  readonly moment: StepMoment
  /** Where it is asked of one: ends this worker alone. */
  readonly endWorker?: () => void
}

/** Told by a process when it comes to a step. */
export type Reach = (name: StepName, moment: StepMoment, more?: Pick<Step, 'endWorker'>) => void

export class Steps {
  private readonly watchers = new Set<(step: Step) => void>()

  /** `onStep` is told at the moment itself, and may end the process. */
  watch(onStep: (step: Step) => void): Cancel {
    this.watchers.add(onStep)
    return () => this.watchers.delete(onStep)
  }

  reach(step: Step): void {
    for (const onStep of this.watchers) onStep(step)
  }
}

/** What a process is about to write, by the first of these that it is about. */
export function writeName(keys: ClusterKeys, { then = [] }: Transaction): StepName {
  const touched = new Set<StepName>()
  for (const operation of then)
    if ('key' in operation && operation.type === 'put') touched.add(putName(keys, operation.key))
    else if (operation.type !== 'get' && operation.type !== 'range') touched.add('clean-up')
  return namesOfWrites.find((name) => touched.has(name)) ?? 'read'
}

function putName(keys: ClusterKeys, key: string): StepName {
  if (key.startsWith(keys.nodes)) return 'join'
  if (key.startsWith(keys.manager)) return 'campaign'
  if (key.startsWith(keys.suspicions)) return 'suspect'
  const network = keys.networkOf(key)
  if (network === undefined) return 'write'
  const of = keys.network(network)
  if (key === of.plan) return 'plan'
  if (key === of.open) return 'open'
  if (key === of.closed) return 'close'
  if (key === of.outcome) return 'outcome'
  if (key === of.desired) return 'change'
  if (key === of.snapshots.committed) return 'commit'
  if (key === of.snapshots.lineage) return 'take-ids'
  if (key === of.snapshots.aborted) return 'abort'
  return key.startsWith(of.ready) ? 'ready' : 'write'
}

/** What a process waits for that is no more. */
export function never<T>(): Promise<T> {
  return Promise.withResolvers<T>().promise
}
