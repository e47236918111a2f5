import { asError } from '../../../src/base/errors.ts'
import { type Random, seededRandom } from '../../../src/base/random.ts'
import { type Deployment, kindFacts } from '../../../src/cluster/client/index.ts'
import { type Kind, kindDefinition } from '../../../src/component/kind.ts'
import type { FlatNetwork } from '../../../src/model/flatten.ts'
import { lmdbStates } from '../../../src/state/lmdb/open.ts'
import { MemoryState } from '../../../src/state/memory/memory-state.ts'
import type { SlotDeclaration } from '../../../src/state/row.ts'
import { Faults } from '../../../src/testkit/cluster/faults.ts'
import type { WorkerMeans } from '../../../src/worker/worker.ts'
import { compareAtLeast, compareComponent, comparePublished } from './compare.ts'
import { ExactChanges } from './exact-changes.ts'
import { ExactWorld } from './exact-world.ts'
import { itemsOf, Outside } from './intake.ts'
import type { Item } from './items.ts'
import { kindsWith } from './kinds.ts'
import { Target } from './target.ts'
import { Trees } from './trees.ts'
import { expectedOf, type NetworkSize, pick, randomNetwork, type RandomNetwork } from './networks.ts'

/** One seed: a cluster with a finite network that has snapshots, changes, faults; at the end its state is that of a plain loop. */

export interface ExactResult {
  readonly seed: number
  readonly violations: readonly string[]
  /** Of the trace: the same seed gives the same. */
  readonly hash: number
  readonly steps: number
  readonly faults: number
  readonly changes: number
  readonly committed: number
  readonly aborted: number
  /** Plans that go on from a snapshot. */
  readonly restored: number
  readonly withChannelState: number
  /** Instances that were named since their cut was late. */
  readonly late: number
}

type Guarantee = 'exactly-once' | 'at-least-once'

export interface ExactOptions {
  readonly trace?: (line: string) => void
  /** The kinds of faults, in place of all. */
  readonly faults?: readonly string[]
  /** With journals, state on the disk, and ends at calls of sinks and journals. Default true; without them, seeds draw what they drew before. */
  readonly hasOuter?: boolean
  /** The run ends soon after a violation like this. */
  readonly until?: RegExp
}

/** How one looks at a seed. */
export function exactSeedText(seed: number): string {
  return `seed ${seed} failed: npm run sim -- --snapshots --first ${seed} --trace`
}

const size: NetworkSize = { itemsMin: 8, itemsMax: 40, innerMax: 3 }
/** Of rows, so that there are some on the disk. */
const cacheBytesMax = 300
const pauses = { pauseMsMax: 250, pausePart: 0.8 }
/** Users and faults are at it for so long, in milliseconds. */
const actMsMin = 600
const actMsMax = 2_500
const gapMsMax = 500
const finishMsMax = 60_000
const smallLimits = { queueMessagesMax: 4, parcelMessagesMax: 2 }

export async function runExactSeed(seed: number, options: ExactOptions = {}): Promise<ExactResult> {
  const random = seededRandom(seed ^ 0xe8ac7)
  const nodes = Array.from({ length: 1 + random.int(3) }, (_, i) => ({
    id: 'abc'[i]!,
    workers: 1 + random.int(2),
  }))
  const times = { ...pauses, slowMsMax: pick(random, [10, 60, 300]) }
  const target = new Target()
  const chance = seededRandom(random.int(2 ** 31))
  const outside = new Outside(chance)
  const trees = new Trees()
  const kinds = new Map([
    ...kindsWith(chance, target, times, trees),
    ['intake', outside.kind(times.pauseMsMax)] as const,
  ])
  const world = new ExactWorld({
    seed,
    nodes,
    kinds,
    target,
    outside,
    trees,
    states: onDisk,
    ttlMs: 1_000,
    isOneMachine: random.next() < 0.5,
    alignMsMax: pick(random, [0, 20, 1_000]),
    ...(random.next() < 0.3 && { limits: smallLimits }),
    restarts: { delayMs: 20, delayMsMax: 200, restartsMax: 1_000 },
    ...(options.trace && { trace: options.trace }),
    ...(options.until && { until: options.until }),
  })
  const { hasOuter = true } = options
  const { network, mayRescale } = hasOuter
    ? withKeeping(randomNetwork(random, { ...size, hasOtherSources: true }), random)
    : randomNetwork(random, size)
  const guarantee = random.next() < 0.15 ? 'at-least-once' : 'exactly-once'
  const isPeaceful = random.next() < 0.1
  const faults = new Faults(world, random, options.faults ?? (isPeaceful ? [] : undefined), {
    hasSnapshots: true,
    hasOuter,
    gapMsMax,
  })
  const changes = new ExactChanges(world, { random, network: network.name, mayRescale })
  try {
    const snapshot = {
      intervalMs: pick(random, [50, 100, 300]),
      keep: 1 + random.int(3),
      // None of its files are in manifests, the small ones, or nearly all.
      inlineBytesMax: pick(random, [0, 250, 16_384]),
    }
    await act(world, faults, changes, deploymentOf(network, kinds, snapshot, guarantee))
    if (!world.isFound) await untilFinished(world, network, guarantee)
  } catch (error) {
    world.violate(asError(error).stack ?? String(error))
  }
  const { snapshots, cluster } = world
  return {
    seed,
    violations: world.violations,
    hash: world.traceHash,
    steps: cluster.time.steps,
    faults: faults.count,
    changes: changes.count,
    committed: snapshots.committedCount,
    aborted: snapshots.abortedCount,
    restored: snapshots.restoredCount,
    withChannelState: snapshots.withChannelState,
    late: snapshots.late,
  }
}

/** Of a network that wants it there. */
export const onDisk: NonNullable<WorkerMeans['states']> = (settings) =>
  Promise.resolve(
    settings.backend === 'lmdb'
      ? lmdbStates(settings)
      : (slots: readonly SlotDeclaration[]) => new MemoryState(slots),
  )

/** State is on the disk, or in memory; journals are in a folder that all nodes share, or each on a node of its own. */
function withKeeping({ network, mayRescale }: RandomNetwork, random: Random): RandomNetwork {
  const isOnDisk = random.next() < 0.1
  const isShared = random.next() < 0.7
  // What one copy has received is read by another one only where that gets at it.
  const isBound = (name: string): boolean => !isShared && network.components[name]!.kind === 'intake'
  return {
    network: {
      ...network,
      ...(isOnDisk && { state: { backend: 'lmdb', cacheBytesMax } }),
      ...(isShared && { journal: { folder: '/shared' } }),
    },
    mayRescale: new Set([...mayRescale].filter((name) => !isBound(name))),
  }
}

export function deploymentOf(
  network: FlatNetwork,
  kinds: ReadonlyMap<string, Kind>,
  snapshot: NonNullable<FlatNetwork['snapshot']>,
  guarantee: Guarantee = 'exactly-once',
): Deployment {
  return {
    part: { ...network, guarantee, snapshot },
    kinds: Object.fromEntries(
      Object.entries(network.components).map(([name, { kind }]) => [
        name,
        kindFacts(kindDefinition(kinds.get(kind)!)),
      ]),
    ),
  }
}

async function act(
  world: ExactWorld,
  faults: Faults,
  changes: ExactChanges,
  deployment: Deployment,
): Promise<void> {
  const { cluster, random } = world
  for (const node of cluster.nodes.values()) node.start()
  await cluster.settle(changes.deploy(deployment))
  const untilMs = cluster.time.nowMs + actMsMin + random.int(actMsMax - actMsMin)
  faults.begin()
  const isOver = (): boolean =>
    cluster.time.nowMs >= untilMs || world.isFound || stateOf(world) === 'finished'
  while (!isOver()) {
    await cluster.pass(random.next() * (random.next() < 0.3 ? 60 : 800))
    if (!isOver()) await cluster.settle(changes.next())
  }
  faults.end()
  world.note('--', 'faults have ended')
}

export function stateOf(world: ExactWorld): string | undefined {
  const { desired, outcome } = world.checks.view.networks.get('net') ?? {}
  return outcome?.value.version === desired?.value.version ? outcome?.value.state : undefined
}

async function untilFinished(world: ExactWorld, network: FlatNetwork, guarantee: Guarantee): Promise<void> {
  const { cluster } = world
  const isOver = (): boolean => world.isFound || ['finished', 'failed'].includes(stateOf(world) ?? '')
  await cluster.until(isOver, {
    msMax: finishMsMax,
    what: () => `the network is ${stateOf(world)}, and has not finished: ${standing(world)}`,
    everyMs: 20,
  })
  if (!world.isFound) await compareEnd(world, network, guarantee)
}

/** What a network that has finished has for state, as its last snapshot says, is what a plain loop makes of its input. */
export async function compareEnd(
  world: ExactWorld,
  network: FlatNetwork,
  guarantee: Guarantee = 'exactly-once',
): Promise<void> {
  const { snapshots, checks } = world
  const outcome = checks.view.networks.get(network.name)!.outcome!.value
  if (outcome.state === 'failed')
    throw new Error(`the network has failed: ${outcome.error?.code} ${outcome.error?.message}`)
  // What was received before is nothing to a network that begins afresh, and does not come again.
  const hasIntake = Object.values(network.components).some(({ kind }) => kind === 'intake')
  if (hasIntake && snapshots.beginnings > 1) return snapshots.checkKept()
  const received = (source: string): readonly Item[] =>
    itemsOf(world.cluster.journals.received(network.name, source), source)
  const expected = expectedOf(network, received)
  const last = await snapshots.seen(network.name, snapshots.last.get(network.name)!)
  for (const [name, { kind, config }] of Object.entries(network.components)) {
    const parts = await snapshots.parts(last, name, kind)
    const seen = { name, kind, states: parts.map(({ state }) => state) }
    const published = world.target.rows.get(name) ?? []
    if (guarantee === 'at-least-once') {
      compareAtLeast(seen, published, expected)
      continue
    }
    compareComponent(seen, expected)
    // What is deployed after the network had finished begins afresh, and publishes all of it again.
    if (kind === 'outlet' && snapshots.beginnings === 1) comparePublished(name, published, expected)
    if (kind === 'tracked' && snapshots.beginnings === 1) world.trees.check(name, config!['count'] as number)
    if (kind === 'intake') world.outside.check(name, received(name))
  }
  await snapshots.checkKept()
}

function standing(world: ExactWorld): string {
  const { plan, open, snapshots } = world.checks.view.networks.get('net') ?? {}
  const ready = [...(world.checks.view.networks.get('net')?.readyRecords.values() ?? [])]
  return JSON.stringify({
    generation: plan?.value.generation,
    version: plan?.value.version,
    open: open?.value.generation,
    instances: plan?.value.instances.map(({ component, index }) => `${component}[${index}]`),
    done: plan?.value.done,
    waiting: plan?.value.waiting,
    committed: snapshots?.committed?.value.id,
    aborted: snapshots?.aborted?.value,
    ready: ready.map(({ value }) => value),
  })
}
