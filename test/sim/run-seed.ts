import { seededRandom } from '../../src/base/random.ts'
import { Changes } from './plot.ts'
import { Faults } from '../../src/testkit/cluster/faults.ts'
import { missing } from '../../src/testkit/cluster/goal.ts'
import { World } from './world.ts'

export interface SeedResult {
  readonly seed: number
  readonly violations: readonly string[]
  /** Of the trace: the same seed gives the same. */
  readonly hash: number
  readonly steps: number
  readonly handled: number
  readonly changes: number
  readonly faults: number
  readonly writes: number
  readonly lost: number
}

export interface SeedOptions {
  readonly trace?: (line: string) => void
  /** The kinds of faults, in place of all. */
  readonly faults?: readonly string[]
  /** The run ends soon after a violation like this. */
  readonly until?: RegExp
}

/** How one looks at a seed. */
export function seedText(seed: number): string {
  return `seed ${seed} failed: npm run sim -- --first ${seed} --trace`
}

const groups = ['red', 'blue'] as const
/** How long users and faults are at it, in milliseconds. */
const actMsMin = 2_000
const actMsMax = 6_500
/** All must be well so long after the last fault. */
const recoveryMsMax = 40_000
const quietMs = 1_000
/** After this, what is looked at has the last change. */
const toldMs = 100
/** Full as soon as somebody is slow. */
const smallLimits = { queueMessagesMax: 4, parcelMessagesMax: 2 }

/** One seed: a cluster, its networks, users, faults, and what must be true of it. */
export async function runSeed(seed: number, options: SeedOptions = {}): Promise<SeedResult> {
  const random = seededRandom(seed ^ 0x9107)
  const nodes = Array.from({ length: 2 + random.int(3) }, (_, i) => ({
    id: 'abcde'[i]!,
    groups: groups.filter(() => random.next() < 0.6),
    workers: 1 + random.int(2),
  }))
  const world = new World({
    seed,
    nodes,
    ttlMs: 1_000,
    isOneMachine: random.next() < 0.5,
    ...(random.next() < 0.3 && { limits: smallLimits }),
    restarts: { delayMs: 100, delayMsMax: 1_000 },
    ...(options.trace && { trace: options.trace }),
    ...(options.until && { until: options.until }),
  })
  const names = random.next() < 0.3 ? ['one', 'two'] : ['one']
  const isPeaceful = random.next() < 0.2
  const faults = new Faults(world, random, options.faults ?? (isPeaceful ? [] : undefined))
  const changes = new Changes(world, { random, names, groups, mayFail: true })
  try {
    await act(world, faults, { changes, names })
    if (!world.isFound) await recover(world, names)
  } catch (error) {
    world.violate(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  checkWrites(world, changes.count, faults.count)
  const { ledger, checks, cluster } = world
  return {
    seed,
    violations: ledger.violations,
    hash: world.traceHash,
    steps: cluster.time.steps,
    handled: ledger.handled,
    changes: changes.count,
    faults: faults.count,
    writes: checks.all,
    lost: [...ledger.lives.values()].filter(({ state }) => state === 'lost').length,
  }
}

async function act(
  world: World,
  faults: Faults,
  { changes, names }: { readonly changes: Changes; readonly names: readonly string[] },
): Promise<void> {
  const { cluster, random } = world
  for (const node of cluster.nodes.values()) node.start()
  for (const name of names) await cluster.settle(changes.deploy(name))
  const untilMs = cluster.time.nowMs + actMsMin + random.int(actMsMax - actMsMin)
  faults.begin()
  while (cluster.time.nowMs < untilMs && !world.isFound) {
    await cluster.pass(random.next() * (random.next() < 0.3 ? 60 : 1_500))
    await cluster.settle(changes.next())
  }
  faults.end()
  world.note('--', 'faults have ended')
}

async function recover(world: World, names: readonly string[]): Promise<void> {
  const { cluster, ledger } = world
  const why = (): string | undefined =>
    // A node that joins later may be what something waits for, and changes the plan anew.
    notJoined(world) ?? names.map((name) => missing(world, name)).find((what) => what !== undefined)
  await cluster.pass(toldMs)
  await cluster.until(() => world.isFound || why() === undefined, {
    msMax: recoveryMsMax,
    what: () => why() ?? 'nothing is missing',
    everyMs: 50,
  })
  if (world.isFound) return
  world.note('--', 'all is as it should be')
  await cluster.pass(500)
  world.isQuiet = true
  let handled = -1
  while (handled !== ledger.handled) {
    handled = ledger.handled
    await cluster.pass(quietMs)
  }
  const after = why()
  if (after !== undefined) world.violate(`it did not stay as it should be: ${after}`)
  ledger.settle((name) => {
    const network = world.checks.view.networks.get(name)
    // Whoever sends to what has no place is stopped where channels are small, and messages wait before it.
    const isStopped = world.hasSmallChannels && (network?.plan?.value.waiting.length ?? 0) > 0
    return network?.open !== undefined && !isStopped
  })
}

function notJoined({ cluster }: World): string | undefined {
  const late = [...cluster.nodes.values()].find(
    ({ isUp, process }) => isUp && process?.membership === undefined,
  )
  return late && `${late.options.id} has not joined`
}

/** SC-4 */
function checkWrites(world: World, changes: number, faults: number): void {
  const { writes } = world.checks
  const most = 40 + 30 * changes + 40 * faults
  if (world.checks.all > most)
    world.violate(
      `SC-4 ${world.checks.all} writes for ${changes} changes and ${faults} faults: ${JSON.stringify(writes)}`,
    )
}
