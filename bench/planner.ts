import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { nextPlan } from '../src/cluster/plan/index.ts'
import type { Plan } from '../src/cluster/protocol/index.ts'
import { type Benchmark, atMost, digits, type Row } from './lib/benchmark.ts'
import { type Contestant, contest, ratio, type Score } from './lib/contest.ts'
import { factsOf, instanceCount, nodeCount, version } from './lib/planning-facts.ts'
import { quartiles } from './lib/statistics.ts'

/**
 * What the manager's next plan costs: 1000 instances of 100 components on 100 nodes, from nothing and after the loss of a
 * node; and the first one of a process, as of a manager that was just elected: its code is compiled while it runs. Beside it, the least that can be done: each instance is given the next node in turn, with an id and a worker,
 * without looking at rules, load, neighbours or what runs. What the planner does is on top of that.
 */

const firstPlanModule = fileURLToPath(new URL('lib/first-plan.ts', import.meta.url))

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
    const cold = Array.from({ length: quick ? 5 : 31 }, firstOfProcessMs)
    const { low, median, high } = quartiles(cold)
    return {
      rows: [
        ...scores.map(timeRow),
        {
          contestant: 'first plan of a process',
          figure: `${digits(median)} ms`,
          quartiles: `${digits(low)} to ${digits(high)}`,
          rounds: cold.length,
        },
      ],
      targets: [
        atMost('at most 50 ms for the first plan of a process', median, 50, ' ms'),
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

function firstOfProcessMs(): number {
  return Number(execFileSync(process.execPath, [...process.execArgv, firstPlanModule], { encoding: 'utf8' }))
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
