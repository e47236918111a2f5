import { nextPlan, type PlanningFacts } from '../src/cluster/plan/index.ts'
import { asNodeId, asTerm, asVersion, type Plan, type VersionRecord } from '../src/cluster/protocol/index.ts'
import { type Benchmark, atMost, digits, type Row } from './lib/benchmark.ts'
import { type Contestant, contest, ratio, type Score } from './lib/contest.ts'

/**
 * What the manager's next plan costs: 1000 instances of 100 components on 100 nodes, from nothing and after the loss of a
 * node. Beside it, the least that can be done: each instance is given the next node in turn, with an id and a worker,
 * without looking at rules, load, neighbours or what runs. What the planner does is on top of that.
 */

const componentCount = 100
const copies = 10
const nodeCount = 100
const instanceCount = componentCount * copies

export const planner: Benchmark = {
  name: 'planner',
  subject: 'A plan for 1000 instances on 100 nodes',
  async run({ quick }) {
    const contestants = [firstPlan(), planAfterLoss(), inTurn()]
    const scores = await contest(contestants, {
      time: 'cpu',
      rounds: quick ? 15 : 101,
      warmUpRounds: quick ? 5 : 20,
    })
    const [first, loss] = scores as [Score, Score, Score]
    return {
      rows: scores.map(timeRow),
      targets: [
        atMost('at most 50 ms for a first plan', msOf(first.median), 50, ' ms'),
        atMost('at most 50 ms after the loss of a node', msOf(loss.median), 50, ' ms'),
      ],
      notes: [
        `The assignment in turn takes 1/${digits(1 / ratio(scores, 'first plan', 'in turn'))} of the time of a first plan.`,
      ],
    }
  },
}

/** Time for one plan, from rates of instances a second. */
function msOf(rate: number): number {
  return (instanceCount / rate) * 1000
}

function timeRow({ contestant, rounds, low, median, high }: Score): Row {
  return {
    contestant,
    figure: `${digits(msOf(median))} ms`,
    quartiles: `${digits(msOf(high))} to ${digits(msOf(low))}`,
    rounds,
  }
}

function firstPlan(): Contestant {
  return {
    name: 'first plan',
    round() {
      // A version that was never seen: what is kept between plans of one version does not count.
      const plan = nextPlan(factsOf(version(), undefined, nodeCount))
      return checked(plan, instanceCount)
    },
  }
}

function planAfterLoss(): Contestant {
  return {
    name: 'after a loss',
    round() {
      const record = version()
      afterLoss ??= nextPlan(factsOf(record, undefined, nodeCount))!
      const plan = nextPlan(factsOf(record, afterLoss, nodeCount - 1))
      return checked(plan, instanceCount)
    },
  }
}

let afterLoss: Plan | undefined

function inTurn(): Contestant {
  const names = Array.from({ length: nodeCount }, (_, at) => `n${at}`)
  return {
    name: 'in turn',
    round() {
      const record = version()
      const instances: object[] = []
      for (const [component, { instances: count = 1 }] of Object.entries(record.flat.components))
        for (let index = 0; index < count; index++) {
          const id = instances.length
          const node = names[id % names.length]!
          instances.push({ component, index, id, worker: id % names.length, node })
        }
      return checked({ instances }, instanceCount)
    },
  }
}

function checked(plan: { readonly instances: readonly unknown[] } | undefined, expected: number): number {
  if (plan?.instances.length !== expected)
    throw new Error(`the plan has ${plan?.instances.length} instances, not ${expected}`)
  return expected
}

/** Ten chains of ten components with ten copies each, every second connection by key. */
function version(): VersionRecord {
  const names = Array.from({ length: componentCount }, (_, at) => `component-${at}`)
  const components = Object.fromEntries(
    names.map((name) => [name, { kind: './kind.ts', base: 'net.yaml', instances: copies }]),
  )
  const connections = names.flatMap((name, at) =>
    at % 10 === 9
      ? []
      : [
          {
            from: `${name}.out`,
            to: `${names[at + 1]}.in`,
            base: 'net.yaml',
            ...(at % 2 === 0 ? { selector: 'hash' as const } : {}),
          },
        ],
  )
  const network = { name: 'net', components, connections }
  const kind = {
    role: 'component' as const,
    inputs: ['in'],
    outputs: ['out'],
    keyedState: false,
    instanceState: false,
    rewinds: false,
    inMain: false,
  }
  return {
    version: asVersion(1),
    flat: network,
    kinds: Object.fromEntries(names.map((name) => [name, kind])),
    createdAtMs: 0,
    by: 'bench',
    change: '',
  }
}

function factsOf(record: VersionRecord, current: Plan | undefined, count: number): PlanningFacts {
  return {
    network: 'net',
    goal: 'run',
    version: record.version,
    fallback: undefined,
    versions: new Map([[record.version, record]]),
    nodes: Array.from({ length: count }, (_, at) => ({
      id: asNodeId(`n${at}`),
      incarnation: '1',
      groups: [],
      labels: {},
      workers: 4,
      draining: false,
      workersOfOthers: 0,
    })),
    quorum: 1,
    current,
    lastOpen: current?.generation,
    term: asTerm(1),
    finished: new Set(),
    failed: new Set(),
    lostWorkers: new Set(),
    paused: new Set(),
    failures: [],
  }
}
