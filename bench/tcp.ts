import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { type Benchmark, atLeast, rateRows } from './lib/benchmark.ts'
import { type Contestant, contest, ratio } from './lib/contest.ts'
import { idSum } from './lib/small-message.ts'
import type { TcpEndData } from './lib/tcp-threads.ts'

/**
 * Small messages from one thread to another over loopback TCP, and round trips of one message at a time: the link that
 * outlives its lines, beside bare framed TCP with the same codec.
 */

const messagesPerRound = 200_000
const tripsPerRound = 2_000

export const tcp: Benchmark = {
  name: 'tcp',
  subject: 'Small messages over loopback TCP, and round trips of one message',
  async run({ quick }) {
    const rounds = { time: 'wall', rounds: quick ? 11 : 41, warmUpRounds: quick ? 5 : 15 } as const
    const streams = await duel(['source', 'sink'], messagesPerRound, rounds)
    const trips = await duel(['ping', 'pong'], tripsPerRound, rounds)
    return {
      rows: [...rateRows(streams, 'messages'), ...rateRows(trips, 'round trips')],
      targets: [
        atLeast(
          '0.5 of bare framed TCP',
          ratio(streams, streams[0]!.contestant, streams[1]!.contestant),
          0.5,
        ),
        atLeast('0.5 of the bare round trips', ratio(trips, trips[0]!.contestant, trips[1]!.contestant), 0.5),
      ],
    }
  },
}

type Roles = readonly [TcpEndData['role'], TcpEndData['role']]

async function duel(
  roles: Roles,
  count: number,
  rounds: Parameters<typeof contest>[1],
): ReturnType<typeof contest> {
  const suffix = roles[0] === 'ping' ? 'round trip' : 'batches'
  const ours = await pair(`Vertigo link, ${suffix}`, 'link', roles, count)
  const bare = await pair(`bare framed TCP, ${suffix}`, 'bare', roles, count)
  const scores = await contest([ours, bare], rounds)
  await Promise.all([ours.close(), bare.close()])
  return scores
}

/** The first role's thread begins a round; of a source and a sink, the sink ends it. */
async function pair(
  name: string,
  transport: TcpEndData['transport'],
  roles: Roles,
  count: number,
): Promise<Contestant & { readonly close: () => Promise<unknown> }> {
  const start = (role: TcpEndData['role'], port: number | undefined): Worker =>
    new Worker(new URL('lib/tcp-threads.ts', import.meta.url), {
      workerData: { role, transport, port } satisfies TcpEndData,
    })
  const second = start(roles[1], undefined)
  const [port] = (await once(second, 'message')) as [number]
  const first = start(roles[0], port)
  await Promise.all([once(first, 'message'), once(second, 'message')])
  const last = roles[1] === 'sink' ? second : first
  return {
    name,
    round: () =>
      new Promise((resolve, reject) => {
        last.once('message', (sum: number) => {
          if (sum === idSum(count)) resolve(count)
          else reject(new Error(`${name}: the ids add up to ${sum}, not to ${idSum(count)}`))
        })
        if (last === second) second.postMessage(count)
        first.postMessage(count)
      }),
    close: () => Promise.all([first.terminate(), second.terminate()]),
  }
}
