import { nowMs } from '../test/integration/cluster-faults/cluster.ts'
import type { NodeProcess } from '../test/integration/cluster-faults/nodes.ts'
import { sleep, systemClock } from '../src/base/clock.ts'
import { atMost, type Benchmark, digits, type Report, type Row } from './lib/benchmark.ts'
import { KeyedCluster, type KeyedFlow } from './lib/keyed-cluster.ts'
import { atRest } from './lib/node-cpu.ts'
import { quantile, quartiles } from './lib/statistics.ts'

/**
 * How long the output of an exactly-once network stops when a node is killed: from the SIGKILL until each sink instance of the generation
 * that follows has its first message. All of a million keys are read back from the snapshot by then; beside it the same with a
 * thousand keys, which is what the rest costs. Nodes are processes of two workers, over a store in a folder; they run from the sources, and
 * all of them, and what measures them, share the cores of one machine.
 *
 * A node that was killed is started again, and a round begins when all are at rest.
 */

const ttlMs = 3_000
const copies = 3
const waitMsMax = 60_000
/** What the network itself needs, and a snapshot each second. */
const restShareMax = 0.4
/** Between two looks at what has happened: the phases are as exact as that. */
const lookMs = 2
const sizes = [
  { what: '1 million keys', keys: 1_000_000, targetMs: 2_000 },
  { what: '1000 keys', keys: 1_000, targetMs: 1_000 },
]

export const recovery: Benchmark = {
  name: 'recovery',
  subject: 'An exactly-once network goes on after a node was killed',
  async run({ quick, rounds = quick ? 3 : 20 }) {
    const reports: Report[] = []
    for (const { what, keys, targetMs } of sizes) {
      const flow: KeyedFlow = {
        guarantee: 'exactly-once',
        keys,
        perSecond: 500,
        tickMs: 20,
        intervalMs: 1_000,
        copies,
      }
      const phases = await KeyedCluster.use({ ttlMs }, (keyed) => killNodes(keyed, flow, rounds))
      reports.push(report(what, phases, targetMs))
    }
    return {
      rows: reports.flatMap(({ rows }) => rows),
      targets: reports.flatMap(({ targets }) => targets),
      notes: [
        'From the kill to each moment: another node says that the node is dead; the plan of the next generation is in the store; the last instance has its state and is set up; the last sink instance has its first message.',
      ],
    }
  },
}

/** Milliseconds from the kill. */
interface Phases {
  readonly noticed: number
  readonly planned: number
  readonly restored: number
  readonly output: number
}

async function killNodes(keyed: KeyedCluster, flow: KeyedFlow, rounds: number): Promise<Phases[]> {
  const { cluster } = keyed
  await keyed.deploy(flow)
  await keyed.filled(flow.copies)
  const phases: Phases[] = []
  for (let round = 0; round < rounds; round++) {
    await atRest(cluster.nodes, restShareMax)
    // Every third one is that of the manager.
    const victim = round % 3 === 2 ? await cluster.manager() : await cluster.hosting()
    phases.push(await killed(keyed, victim))
    victim.start()
    await victim.joined()
    await keyed.deploy(flow, { anew: true })
    await keyed.snapshots(2)
  }
  return phases
}

async function killed(keyed: KeyedCluster, victim: NodeProcess): Promise<Phases> {
  const { cluster, lines } = keyed
  const others = cluster.nodes.filter((node) => node !== victim)
  const said = (): number => others.reduce((sum, node) => sum + node.of('declaredDead').length, 0)
  const [saidBefore, plansBefore] = [said(), cluster.plans.length]
  const killMs = nowMs()
  // Its end is waited for later: what is measured begins with the signal.
  const gone = victim.kill()
  let noticed: number | undefined
  let planned: number | undefined
  while (nowMs() - killMs < waitMsMax) {
    const sinceMs = nowMs() - killMs
    if (said() > saidBefore) noticed ??= sinceMs
    if (cluster.plans.length > plansBefore) planned ??= sinceMs
    const output = lastOf(lines.read().since('first', killMs), killMs, 'end')
    if (output !== undefined) {
      await gone
      const restored = lastOf(lines.since('born', killMs), killMs, 'count')
      if (noticed === undefined || planned === undefined || restored === undefined)
        throw new Error('there was output, and nobody had noticed, planned or restored anything')
      return { noticed, planned, restored, output }
    }
    await sleep(systemClock, lookMs)
  }
  throw new Error(`the output did not go on within ${waitMsMax} ms; ${cluster.troubles()}`)
}

/** When the last of all instances had its first line, in milliseconds from the kill; undefined where one has none. */
function lastOf(
  found: readonly { readonly name: string; readonly tMs: number }[],
  killMs: number,
  component: string,
): number | undefined {
  const first = new Map<string, number>()
  for (const { name, tMs } of found)
    if (name.startsWith(`${component}[`) && !first.has(name)) first.set(name, tMs)
  return first.size < copies ? undefined : Math.max(...first.values()) - killMs
}

function report(what: string, phases: readonly Phases[], targetMs: number): Report {
  const of = (phase: keyof Phases): number[] => phases.map((one) => one[phase])
  const output = of('output')
  return {
    rows: [
      row(`${what}: noticed`, of('noticed')),
      row(`${what}: planned`, of('planned')),
      row(`${what}: restored`, of('restored')),
      row(`${what}: output goes on`, output),
    ],
    targets: [atMost(`output within ${targetMs} ms, ${what}, p99`, quantile(output, 0.99), targetMs, ' ms')],
  }
}

function row(contestant: string, values: readonly number[]): Row {
  const { low, median, high } = quartiles(values)
  return {
    contestant,
    figure: `${digits(median)} ms`,
    quartiles: `${digits(low)} to ${digits(high)}, at most ${digits(Math.max(...values))}`,
    rounds: values.length,
  }
}
