import { provideEtcd } from '../scripts/servers/etcd.ts'
import { openEtcdStore } from '../src/store/etcd/open.ts'
import { put } from '../src/store/operations.ts'
import type { Store } from '../src/store/store.ts'
import { EtcdCluster } from '../test/support/etcd-cluster.ts'
import { eventually } from '../test/support/eventually.ts'
import { BareEtcd } from './lib/bare-etcd.ts'
import { atLeast, atMost, type Benchmark, rateRows, type Row } from './lib/benchmark.ts'
import { type Contestant, contest, ratio } from './lib/contest.ts'
import { quartiles } from './lib/statistics.ts'

/**
 * The store in etcd: three members on this machine, beside bare calls of `@grpc/grpc-js` to the same member. What the store
 * adds to a transaction is a comparison that makes it void when its fate is unknown, a deadline, and the way there and back.
 */

const inFlight = 64
const key = 'bench/key'
const etcdKey = Buffer.from(`bench/${key}`)
const value = new Uint8Array(100).fill(120)

export const storeEtcd: Benchmark = {
  name: 'store-etcd',
  subject: 'Transactions, watches and a change of leader of the store in etcd',
  async run({ quick }) {
    const provided = await provideEtcd('distribution')
    if ('missing' in provided) throw new Error(provided.missing)
    const cluster = await EtcdCluster.start({ path: provided.path, members: 3 })
    try {
      const first = (await cluster.leader()).endpoint
      const endpoints = [first, ...cluster.endpoints.filter((endpoint) => endpoint !== first)]
      const store = await openEtcdStore({ endpoints, prefix: 'bench' })
      const bare = new BareEtcd(first)
      const rounds = { time: 'wall', rounds: quick ? 11 : 41, warmUpRounds: quick ? 3 : 8 } as const
      const one = await contest(
        [sequential('one at a time', transact(store)), sequential('bare, one at a time', barePut(bare))],
        rounds,
      )
      const many = await contest(
        [
          concurrent(`${inFlight} in flight`, transact(store)),
          concurrent(`bare, ${inFlight} in flight`, barePut(bare)),
        ],
        rounds,
      )
      const watches = await contest([await storeWatch(store), await bareWatch(bare)], rounds)
      const recovery = await leaderKills(cluster, store, quick ? 5 : 21)
      await store.close()
      bare.close()
      return {
        rows: [
          ...rateRows(one, 'transactions'),
          ...rateRows(many, 'transactions'),
          ...rateRows(watches, 'put to watch'),
          recovery.row,
        ],
        targets: [
          atLeast(
            '0.9 of the bare calls, one at a time',
            ratio(one, 'one at a time', 'bare, one at a time'),
            0.9,
          ),
          atLeast(
            `0.9 of the bare calls, ${inFlight} in flight`,
            ratio(many, `${inFlight} in flight`, `bare, ${inFlight} in flight`),
            0.9,
          ),
          atLeast(
            '0.9 of the bare calls, from put to watch',
            ratio(watches, 'put to watch', 'bare, put to watch'),
            0.9,
          ),
          atMost(
            'at most 600 ms from the death of the leader to the next transaction, median',
            recovery.medianMs,
            600,
            ' ms',
          ),
        ],
        notes: ['Heartbeat and election time-out of etcd are 50 and 300 ms.'],
      }
    } finally {
      await cluster.stop()
    }
  },
}

type Put = () => Promise<unknown>

function transact(store: Store): Put {
  return () => store.transact({ then: [put(key, value)] }, { repeat: 'harmless' })
}

function barePut(bare: BareEtcd): Put {
  return () => bare.put(etcdKey, value)
}

function sequential(name: string, put: Put): Contestant {
  const count = 50
  return {
    name,
    round: async () => {
      for (let n = 0; n < count; n++) await put()
      return count
    },
  }
}

function concurrent(name: string, put: Put): Contestant {
  const count = 20
  const worker = async (): Promise<void> => {
    for (let n = 0; n < count; n++) await put()
  }
  return {
    name,
    round: async () => {
      await Promise.all(Array.from({ length: inFlight }, worker))
      return count * inFlight
    },
  }
}

/** A put, then the wait for the watch to tell of it, and so on. */
function putToWatch(name: string, put: Put, heard: { resolve: () => void }): Contestant {
  return sequential(name, async () => {
    const told = new Promise<void>((resolve) => {
      heard.resolve = resolve
    })
    await Promise.all([put(), told])
  })
}

async function storeWatch(store: Store): Promise<Contestant> {
  const heard = { resolve: (): void => {} }
  const watch = store.watch(key)
  const begun = new Promise<void>((resolve) => {
    heard.resolve = resolve
  })
  const following = async (): Promise<void> => {
    for await (const { events } of watch) if (events.length > 0) heard.resolve()
  }
  // Ends with the store.
  following().catch((error: unknown) => {
    throw error
  })
  await begun
  return putToWatch('put to watch', transact(store), heard)
}

async function bareWatch(bare: BareEtcd): Promise<Contestant> {
  const heard = { resolve: (): void => {} }
  await bare.watch(etcdKey, () => heard.resolve())
  return putToWatch('bare, put to watch', barePut(bare), heard)
}

async function leaderKills(
  cluster: EtcdCluster,
  store: Store,
  rounds: number,
): Promise<{ row: Row; medianMs: number }> {
  const tookMs: number[] = []
  for (let round = 0; round < rounds; round++) {
    const leader = await cluster.leader()
    await transact(store)()
    await leader.kill()
    const startedMs = performance.now()
    await store.transact({ then: [put(key, value)] }, { repeat: 'once', timeoutMs: 10_000 })
    tookMs.push(performance.now() - startedMs)
    leader.start()
    await eventually(`${leader.name} is back`, async () => {
      const response = await fetch(`${leader.url}/health`)
      return ((await response.json()) as { health: string }).health === 'true'
    })
  }
  const { low, median, high } = quartiles(tookMs)
  const row = {
    contestant: 'leader killed, next transaction',
    figure: `${median.toFixed(0)} ms`,
    quartiles: `${low.toFixed(0)} to ${high.toFixed(0)}`,
    rounds,
  }
  return { row, medianMs: median }
}
