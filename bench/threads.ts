import { MessageChannel, Worker } from 'node:worker_threads'
import type { BareData, BareRole } from './lib/bare-threads.ts'
import { type Benchmark, atLeast, rateRows } from './lib/benchmark.ts'
import { type Contestant, contest, ratio } from './lib/contest.ts'
import { remoteNetwork } from './lib/remote-network.ts'
import { idSum } from './lib/small-message.ts'

/**
 * Small messages from one thread to another, and round trips of one message at a time. Beside it, what one would write
 * by hand: encoded batches over a MessagePort with simple flow control; for round trips, the bare port.
 */

const messagesPerRound = 100_000
const tripsPerRound = 1_000

export const threads: Benchmark = {
  name: 'threads',
  subject: 'Small messages between two threads, and round trips of one message',
  async run({ quick }) {
    const rounds = { time: 'wall', rounds: quick ? 11 : 41, warmUpRounds: quick ? 5 : 15 } as const
    const stream = await remoteNetwork('small-messages', 'Vertigo', messagesPerRound, idSum(messagesPerRound))
    const bareStream = bare('bare MessagePort, batches', ['source', 'sink'], messagesPerRound)
    const streams = await contest([stream, bareStream], rounds)
    await Promise.all([stream.close(), bareStream.close()])
    const trip = await remoteNetwork('round-trip', 'Vertigo, round trip', tripsPerRound, idSum(tripsPerRound))
    const bareTrip = bare('bare MessagePort, round trip', ['ping', 'pong'], tripsPerRound)
    const trips = await contest([trip, bareTrip], rounds)
    await Promise.all([trip.close(), bareTrip.close()])
    return {
      rows: [...rateRows(streams, 'messages'), ...rateRows(trips, 'round trips')],
      targets: [
        atLeast('0.7 of the bare combination', ratio(streams, stream.name, bareStream.name), 0.7),
        atLeast('0.5 of the bare round trips', ratio(trips, trip.name, bareTrip.name), 0.5),
      ],
    }
  },
}

type Closable = Contestant & { readonly close: () => Promise<unknown> }

/** The first role's thread begins a round; of a source and a sink, the sink ends it. */
function bare(name: string, roles: readonly [BareRole, BareRole], count: number): Closable {
  const { port1, port2 } = new MessageChannel()
  const start = (role: BareRole, port: BareData['port']): Worker =>
    new Worker(new URL('lib/bare-threads.ts', import.meta.url), {
      workerData: { role, port } satisfies BareData,
      transferList: [port],
    })
  const first = start(roles[0], port1)
  const second = start(roles[1], port2)
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
