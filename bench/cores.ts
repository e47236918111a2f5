import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type Benchmark, atLeast, digits, rateRows } from './lib/benchmark.ts'
import { type Contestant, contest, ratio } from './lib/contest.ts'
import { remoteNetwork } from './lib/remote-network.ts'
import { idSum } from './lib/small-message.ts'

/**
 * A component that computes, with two instances: in one worker thread, and in two. Beside it, what the machine has to give:
 * bare threads that only compute. Two cores may be two halves of one, and then two threads are not twice as fast as one.
 */

const messagesPerRound = 1_000

export const cores: Benchmark = {
  name: 'cores',
  subject: 'Two instances of a component that hashes, in one thread and in two',
  async run({ quick }) {
    const sum = idSum(messagesPerRound)
    const one = await remoteNetwork('one-core', '1 worker', messagesPerRound, sum, { workers: 1 })
    const two = await remoteNetwork('two-cores', '2 workers', messagesPerRound, sum, { workers: 2 })
    const bareOne = bare(1)
    const bareTwo = bare(2)
    const contestants = [one, two, bareOne, bareTwo]
    const scores = await contest(contestants, {
      time: 'wall',
      rounds: quick ? 11 : 41,
      warmUpRounds: quick ? 3 : 6,
    })
    await Promise.all(contestants.map((contestant) => contestant.close()))
    const gain = ratio(scores, two.name, one.name)
    const bareGain = ratio(scores, bareTwo.name, bareOne.name)
    return {
      rows: rateRows(scores, 'messages'),
      targets: [
        atLeast('1.7 times one worker', gain, 1.7),
        atLeast('0.9 of what bare threads gain', gain / bareGain, 0.9),
      ],
      notes: [
        `The machine has ${availableParallelism()} cores. Two bare threads were ${digits(bareGain)} times as fast as one; what else ran on the cores is missing from both ratios.`,
      ],
    }
  },
}

function bare(threads: number): Contestant & { readonly close: () => Promise<unknown> } {
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('lib/bare-hashing.ts', import.meta.url)),
  )
  return {
    name: threads === 1 ? '1 bare thread' : `${threads} bare threads`,
    async round() {
      const answers = workers.map((worker) => once(worker, 'message') as Promise<[number]>)
      for (const worker of workers) worker.postMessage(messagesPerRound / threads)
      const good = (await Promise.all(answers)).reduce((sum, [count]) => sum + count, 0)
      if (good !== messagesPerRound) throw new Error(`${good} digests, not ${messagesPerRound}`)
      return messagesPerRound
    },
    close: () => Promise.all(workers.map((worker) => worker.terminate())),
  }
}
