import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Quartiles, quartiles } from './statistics.ts'

/** One of several ways to do the same work. */
export interface Contestant {
  readonly name: string
  /** Does the work once, checks its result, and gives the number of operations done (hops, words, messages). */
  readonly round: () => number | Promise<number>
}

export interface ContestOptions {
  /** CPU time of the process, for what runs in one thread; wall time, for what waits or uses several. */
  readonly time: 'cpu' | 'wall'
  readonly rounds: number
  /** Rounds of each contestant before the measured ones: the compiler needs a few hundred milliseconds of each. */
  readonly warmUpRounds: number
}

/** Operations per second of one contestant. */
export interface Score extends Quartiles {
  readonly contestant: string
  readonly rounds: number
}

/**
 * Measures contestants side by side: many short rounds, in an order that is rotated each round. So what else the
 * machine does at the time falls on all of them alike, and the ratio of their medians means something where the
 * figures themselves do not. Garbage is collected between rounds, so that nobody pays for another one's.
 */
export async function contest(
  contestants: readonly Contestant[],
  options: ContestOptions,
): Promise<readonly Score[]> {
  const collect = garbageCollector()
  const rates = new Map<Contestant, number[]>(contestants.map((contestant) => [contestant, []]))
  for (let round = -options.warmUpRounds; round < options.rounds; round++) {
    const first = Math.max(0, round) % contestants.length
    const order = [...contestants.slice(first), ...contestants.slice(0, first)]
    for (const contestant of order) {
      collect()
      const rate = await timeRound(contestant, options.time)
      if (round >= 0) rates.get(contestant)!.push(rate)
    }
  }
  return contestants.map((contestant) => ({
    contestant: contestant.name,
    rounds: options.rounds,
    ...quartiles(rates.get(contestant)!),
  }))
}

async function timeRound(contestant: Contestant, time: 'cpu' | 'wall'): Promise<number> {
  const cpu = process.cpuUsage()
  const started = performance.now()
  const operations = await contestant.round()
  const wallMs = performance.now() - started
  const { user, system } = process.cpuUsage(cpu)
  const seconds = time === 'cpu' ? (user + system) / 1e6 : wallMs / 1e3
  return operations / seconds
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

/** A contestant's rate as part of another one's. */
export function ratio(scores: readonly Score[], of: string, to: string): number {
  const find = (name: string): Score => {
    const score = scores.find(({ contestant }) => contestant === name)
    if (score === undefined) throw new Error(`there is no contestant "${name}"`)
    return score
  }
  return find(of).median / find(to).median
}
