import type { NetworkView } from '../../cluster/protocol/index.ts'
import { assignmentsOf } from '../../cluster/agent/assignments.ts'
import { nowhere, type WorkerAssignment } from '../../worker/assignment.ts'
import type { CheckedCluster } from './checked-cluster.ts'
import type { WatchedWorker } from './watcher.ts'

/** What keeps a network from being as it is wanted; undefined where it is. `mayFinish`: its sources come to an end. */
export function missing(
  world: Pick<CheckedCluster, 'checks' | 'cluster'>,
  name: string,
  { mayFinish = false }: { readonly mayFinish?: boolean } = {},
): string | undefined {
  const network = world.checks.view.networks.get(name)
  const desired = network?.desired?.value
  if (network === undefined || desired === undefined) return undefined
  const outcome = network.outcome?.value
  const state = outcome?.version === desired.version ? outcome.state : undefined
  const workers = [...world.cluster.allWorkers].filter(
    (worker) => worker.network === name && worker.phase === 'lives',
  )
  if (
    desired.goal === 'stop' ||
    state === 'failed' ||
    (mayFinish && state === 'finished') ||
    (state === 'refused' && (outcome?.fallback ?? network.plan?.value.fallback) === undefined)
  ) {
    if (
      desired.goal === 'stop' &&
      state !== 'stopped' &&
      state !== 'failed' &&
      !(mayFinish && state === 'finished')
    )
      return `it is ${state}, not stopped`
    return nothingLeft(network, workers)
  }
  return running(network, state, workers)
}

function nothingLeft({ plan, open }: NetworkView, workers: readonly WatchedWorker[]): string | undefined {
  if ((plan?.value.instances.length ?? 0) > 0) return `${plan?.value.instances.length} instances are left`
  if (open !== undefined) return 'something is open'
  return workers.length > 0 ? `worker ${workers[0]!.name} lives` : undefined
}

function running(
  network: NetworkView,
  state: string | undefined,
  workers: readonly WatchedWorker[],
): string | undefined {
  const plan = network.plan?.value
  const desired = network.desired!.value
  if (plan === undefined) return 'there is no plan'
  if (state !== 'running' && state !== 'refused') {
    // A change for which there is no place waits; the plan says why.
    if (plan.waiting.length === 0)
      return `${network.plan?.value.network} ${desired.version} is ${state}: ${notReady(network)}`
  }
  const fallback = network.outcome?.value.fallback ?? plan.fallback
  const wanted = state === 'refused' ? fallback : desired.version
  if (plan.version !== wanted) return `the plan is of version ${plan.version}, wanted is ${wanted}`
  const copies = copiesMissing(network)
  if (copies !== undefined) return copies
  const isOpen = network.open?.value.generation === plan.generation
  // What has to make way for what has no place goes on as before.
  if (!isOpen && plan.waiting.length > 0) return notReady(network)
  if (!isOpen) return `generation ${plan.generation} is not open`
  // What drains may have sent to what has no place, and waits for it.
  const draining = plan.waiting.length > 0 ? undefined : plan.instances.find((one) => one.draining)
  if (draining !== undefined) return `${draining.component}[${draining.index}]#${draining.id} still drains`
  return differs(network, workers)
}

/** What has a place is set up, also while others wait for one. */
function notReady({ plan, readyRecords }: NetworkView): string | undefined {
  const { generation, instances } = plan!.value
  const told = [...readyRecords.values()].filter(({ value }) => value.generation === generation)
  const ready = new Set(told.flatMap(({ value }) => [...value.ready, ...value.finished]))
  const late = instances.find(({ id }) => !ready.has(id))
  return late && `${late.component}[${late.index}]#${late.id} is not ready`
}

/** Each copy that is wanted runs, or the plan says why it waits. */
function copiesMissing({ plan, versions }: NetworkView): string | undefined {
  const { instances, waiting, done, version } = plan!.value
  const there = new Set(
    [...instances, ...waiting, ...done].map(({ component, index }) => `${component}[${index}]`),
  )
  for (const [component, { instances: copies = 1 }] of Object.entries(
    versions.get(version)!.value.flat.components,
  ))
    for (let i = 0; i < copies; i++)
      if (!there.has(`${component}[${i}]`)) return `${component}[${i}] is neither placed nor waiting`
  const paused = waiting.find(({ reason }) => reason.startsWith('It failed'))
  return paused && `${paused.component}[${paused.index}] is to be tried again`
}

/** The running graph is that of the plan. */
function differs(network: NetworkView, workers: readonly WatchedWorker[]): string | undefined {
  const plan = network.plan!.value
  const versions = new Map([...network.versions].map(([number, { value }]) => [number, value]))
  const assignments = assignmentsOf(plan, versions)
  for (const wanted of assignments) {
    const worker = workers.find(({ number }) => number === wanted.worker)
    if (worker === undefined) return `worker ${wanted.worker} is not there`
    if (worker.inForce?.generation !== wanted.generation)
      return `${worker.name} runs generation ${worker.inForce?.generation} of ${wanted.generation}`
    if (worker.isHeld) return `${worker.name} is held`
    const differing = channelsDiffer(worker, wanted)
    if (differing !== undefined) return `${worker.name}: ${differing}`
  }
  const extra = workers.find(({ number }) => assignments.every(({ worker }) => worker !== number))
  return extra && `worker ${extra.name} is in no plan`
}

function channelsDiffer({ channels }: WatchedWorker, wanted: WorkerAssignment): string | undefined {
  const inputs = wanted.instances.flatMap((one) => one.inputs.map(({ channel }) => channel))
  const outputs = wanted.instances.flatMap((one) =>
    one.outputs.flatMap((output) =>
      output.channels.filter(({ toWorker }) => toWorker !== nowhere).map(({ channel }) => channel),
    ),
  )
  const parked = wanted.instances
    .flatMap((one) => one.outputs)
    .some((output) => output.channels.some(({ toWorker }) => toWorker === nowhere))
  if (textOf(channels.inputs) !== textOf(inputs))
    return `inputs ${textOf(channels.inputs)}, wanted ${textOf(inputs)}`
  if (!parked && textOf(channels.outputs) !== textOf(outputs))
    return `outputs ${textOf(channels.outputs)}, wanted ${textOf(outputs)}`
  return undefined
}

function textOf(numbers: readonly number[]): string {
  return numbers.toSorted((a, b) => a - b).join(' ')
}
