import { availableParallelism } from 'node:os'
import { type Benchmark, atLeast, rateRows } from './lib/benchmark.ts'
import { contest, ratio } from './lib/contest.ts'
import { remoteNetwork } from './lib/remote-network.ts'
import { idSum } from './lib/small-message.ts'

/** A component that computes, with two instances: in one worker thread, and in two. Needs two idle cores. */

const messagesPerRound = 1_000

export const cores: Benchmark = {
  name: 'cores',
  subject: 'Two instances of a component that hashes, in one thread and in two',
  async run({ quick }) {
    const sum = idSum(messagesPerRound)
    const one = await remoteNetwork('one-core', '1 worker', messagesPerRound, sum, { workers: 1 })
    const two = await remoteNetwork('two-cores', '2 workers', messagesPerRound, sum, { workers: 2 })
    const scores = await contest([one, two], {
      time: 'wall',
      rounds: quick ? 11 : 41,
      warmUpRounds: quick ? 3 : 6,
    })
    await Promise.all([one.close(), two.close()])
    return {
      rows: rateRows(scores, 'messages'),
      targets: [atLeast('1.7 times one worker', ratio(scores, '2 workers', '1 worker'), 1.7)],
      notes: [
        `The machine has ${availableParallelism()} cores; what else runs on them is missing from the ratio.`,
      ],
    }
  },
}
