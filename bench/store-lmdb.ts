import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open, type RootDatabase } from 'lmdb'
import { machineClock, sleep } from '../src/base/clock.ts'
import { openLmdbStore } from '../src/store/lmdb/open.ts'
import type { Store } from '../src/store/store.ts'
import { type Benchmark, type Row, type Target, atLeast, atMost, digits, rateRows } from './lib/benchmark.ts'
import { type Contestant, contest, ratio } from './lib/contest.ts'
import { onFileSystems } from './lib/file-systems.ts'
import { quartiles } from './lib/statistics.ts'
import type { WatcherAnswer, WatcherQuestion } from './lib/store-watcher.ts'

/**
 * The store in a folder: durable transactions with 64 in flight, and the time from a put to the watch of another process.
 * Beside it, what LMDB does alone on the same disk: one put in each transaction, no revisions, no history, no leases; and a
 * file that is written after the commit and watched.
 */

const inFlight = 64
const transactionsPerRound = 2_000
const valueBytes = 100
/** Between two puts of which the way is measured, so that none waits for another. */
const pauseMs = 3

export const storeLmdb: Benchmark = {
  name: 'store-lmdb',
  subject: 'The store in a folder: durable transactions, the way to another process, and what waiting costs',
  async run({ quick }) {
    const { disk, inMemory } = await onFileSystems((where, parent) => measure(where, parent, quick))
    return {
      rows: [...disk.rows, ...(inMemory?.rows ?? [])],
      targets: [
        ...targetsOf('', disk),
        ...(inMemory === undefined ? [] : targetsOf(', in memory', inMemory)),
        atMost('at most 2 % CPU while it waits', disk.idleCpu * 100, 2, ' %'),
      ],
      notes: [
        `On the disk, the rate is ${digits(disk.rateRatio)} of that of bare LMDB, and the watch took ${digits(disk.latency / disk.bareLatency)} times as long as a bare commit and a watched file.`,
        `Each commit waits for the disk: a bare one with a watched file took ${digits(disk.bareLatency)} ms. A file system in memory syncs for nothing, as good disks nearly do.`,
      ],
    }
  },
}

interface Measured {
  readonly rows: readonly Row[]
  /** Transactions a second, and as part of those of bare LMDB. */
  readonly rate: number
  readonly rateRatio: number
  /** Medians, in milliseconds. */
  readonly latency: number
  readonly bareLatency: number
  readonly idleCpu: number
}

function targetsOf(where: string, { rate, latency }: Measured): readonly Target[] {
  return [
    atLeast(`20,000 durable transactions/s${where}`, rate, 20_000),
    atMost(`at most 0.5 ms to the watch${where}`, latency, 0.5, ' ms'),
  ]
}

async function measure(where: string, parent: string, quick: boolean): Promise<Measured> {
  const home = mkdtempSync(join(parent, 'vertigo-store-'))
  const folders = { store: join(home, 'store'), bare: join(home, 'bare') }
  mkdirSync(folders.bare)
  const store = await openLmdbStore({ folder: folders.store })
  const root = open<Buffer, string>({
    path: folders.bare,
    noSubdir: false,
    overlappingSync: false,
    encoding: 'binary',
  })
  try {
    const contestants = [storeRounds(store), bareRounds(root)]
    const rounds = { time: 'wall', rounds: quick ? 7 : 41, warmUpRounds: quick ? 3 : 10 } as const
    const rates = await contest(contestants, rounds)
    const ways = await measureWays(store, root, folders, quick ? 100 : 1_000)
    const [latency, bareLatency] = ways.latencies
    const rows = [...rateRows(rates, 'transactions'), ...ways.rows]
    return {
      rows: rows.map((row) => ({ ...row, contestant: `${row.contestant}${where}` })),
      rate: rates[0]!.median,
      rateRatio: ratio(rates, contestants[0]!.name, contestants[1]!.name),
      latency: latency!,
      bareLatency: bareLatency!,
      idleCpu: ways.idleCpu,
    }
  } finally {
    await store.close()
    await root.close()
    rmSync(home, { recursive: true, force: true })
  }
}

function storeRounds(store: Store): Contestant {
  const value = Buffer.alloc(valueBytes)
  return {
    name: `Vertigo, ${inFlight} in flight`,
    round: () =>
      inFlightRound((index) =>
        store.transact({ then: [{ type: 'put', key: `rate/${index % 1_000}`, value }] }),
      ),
  }
}

function bareRounds(root: RootDatabase<Buffer, string>): Contestant {
  const value = Buffer.alloc(valueBytes)
  return {
    name: `bare LMDB, ${inFlight} in flight`,
    round: () =>
      inFlightRound((index) => root.transaction(() => root.putSync(`rate/${index % 1_000}`, value))),
  }
}

async function inFlightRound(transact: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0
  const client = async (): Promise<void> => {
    while (next < transactionsPerRound) await transact(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, client))
  return transactionsPerRound
}

interface Ways {
  readonly rows: readonly Row[]
  /** Medians, in milliseconds: the store's, and the bare one's. */
  readonly latencies: readonly number[]
  /** Part of a core. */
  readonly idleCpu: number
}

async function measureWays(
  store: Store,
  root: RootDatabase<Buffer, string>,
  folders: { readonly store: string; readonly bare: string },
  puts: number,
): Promise<Ways> {
  const notify = openSync(join(folders.bare, 'notify'), 'w')
  const ways = [
    {
      name: 'Vertigo, put to watch',
      watcher: await startWatcher('store', folders.store),
      put: (value: Buffer) => store.transact({ then: [{ type: 'put', key: 'key', value }] }),
    },
    {
      name: 'bare LMDB and fs.watch',
      watcher: await startWatcher('bare', folders.bare),
      put: async (value: Buffer) => {
        await root.transaction(() => root.putSync('key', value))
        writeSync(notify, '.', 0)
      },
    },
  ]
  try {
    const { idleCpu } = (await ask(ways[0]!.watcher, 'idle-cpu')) as { readonly idleCpu: number }
    for (let index = 0; index < puts; index++)
      for (const { put } of ways) {
        await put(sentNow())
        await sleep(machineClock, pauseMs)
      }
    const latencies: number[] = []
    const rows: Row[] = []
    for (const { name, watcher } of ways) {
      const answer = (await ask(watcher, 'latencies')) as { readonly latenciesMs: readonly number[] }
      const { low, median, high } = quartiles(answer.latenciesMs)
      latencies.push(median)
      rows.push({
        contestant: name,
        figure: `${digits(median)} ms`,
        quartiles: `${digits(low)} to ${digits(high)}`,
        rounds: answer.latenciesMs.length,
      })
    }
    return { rows, latencies, idleCpu }
  } finally {
    for (const { watcher } of ways) watcher.kill()
  }
}

function sentNow(): Buffer {
  const value = Buffer.alloc(8)
  value.writeDoubleLE(machineClock.monotonic())
  return value
}

async function startWatcher(kind: 'store' | 'bare', folder: string): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('lib/store-watcher.ts', import.meta.url))
  const child = fork(script, [kind, folder], { execArgv: ['--conditions=vertigo-src'] })
  await once(child, 'message')
  return child
}

async function ask(watcher: ChildProcess, question: WatcherQuestion): Promise<WatcherAnswer> {
  watcher.send(question)
  const [answer] = (await once(watcher, 'message')) as [WatcherAnswer]
  return answer
}
