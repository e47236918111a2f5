import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { systemClock } from '../src/base/clock.ts'
import { Merges } from '../src/run/merges.ts'
import { openSnapshotStorage } from '../src/stores.ts'
import {
  atLeast,
  atMost,
  type Benchmark,
  digits,
  type Report,
  type Row,
  type Target,
} from './lib/benchmark.ts'
import { SnapshotNetwork } from './lib/snapshot-network.ts'
import { quantile, quartiles } from './lib/statistics.ts'

/**
 * What snapshots cost a network that counts a million keys, with a snapshot each second, on the disk: beside the same network without
 * any, in turns of some seconds. Within a second, part of the keys change; which ones, moves on with each second.
 */

const keys = 1_000_000
const intervalMs = 1_000
const chunk = 50_000
const shares = [0.01, 0.2, 1]
const cache = fileURLToPath(new URL('../.cache/bench', import.meta.url))

export const snapshots: Benchmark = {
  name: 'snapshots',
  subject: 'A snapshot of a million keys each second',
  async run({ quick, rounds = quick ? 3 : 15 }) {
    mkdirSync(cache, { recursive: true })
    const folder = mkdtempSync(join(cache, 'snapshots-'))
    const address = pathToFileURL(folder).href
    const storage = await openSnapshotStorage(address, systemClock)
    const merges = new Merges({ stores: new URL('../src/stores.ts', import.meta.url).href, address })
    const without = new SnapshotNetwork(keys)
    const taking = new SnapshotNetwork(keys, { storage, merges })
    try {
      await without.start()
      await taking.start()
      const all: Report[] = []
      for (const share of shares) all.push(await measure(without, taking, share, { quick, rounds }))
      return {
        rows: all.flatMap(({ rows }) => rows),
        targets: all.flatMap(({ targets }) => targets),
        notes: [
          'A gap is the time between two pulls of the source in the same thread: what a message waits for at most before a handler is called.',
        ],
      }
    } finally {
      await without.close()
      await taking.close()
      await merges.close()
      await storage.close()
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function measure(
  without: SnapshotNetwork,
  taking: SnapshotNetwork,
  share: number,
  { quick, rounds }: { readonly quick: boolean; readonly rounds: number },
): Promise<Report> {
  const ratesOf = new Map<SnapshotNetwork, number[]>([
    [without, []],
    [taking, []],
  ])
  for (const net of [without, taking]) {
    net.keys.window = Math.round(keys * share)
    await round(net, 1)
    net.forgetFigures()
  }
  for (let at = 0; at < rounds; at++)
    for (const net of at % 2 === 0 ? [without, taking] : [taking, without])
      ratesOf.get(net)!.push(await round(net, quick ? 2 : 4))
  const part = `${share * 100} % changing`
  const [bare, snapped] = [ratesOf.get(without)!, ratesOf.get(taking)!]
  const ratio = quantile(snapped, 0.5) / quantile(bare, 0.5)
  const worst = (net: SnapshotNetwork): number => Math.max(...net.gaps.slice(-1_000_000))
  const extra = worst(taking) - worst(without)
  const extra999 = quantile(taking.gaps, 0.999) - quantile(without.gaps, 0.999)
  return {
    rows: [
      rateRow(`without snapshots, ${part}`, bare),
      rateRow(`a snapshot each second, ${part}`, snapped),
      msRow(`from its beginning to its commit, ${part}`, taking.commitsMs),
      gapRow(`gaps without snapshots, ${part}`, without.gaps),
      gapRow(`gaps with snapshots, ${part}`, taking.gaps),
    ],
    targets: targetsOf({ part, share, ratio, extra, extra999, commitsMs: taking.commitsMs }),
  }
}

function targetsOf(figures: {
  readonly part: string
  readonly share: number
  readonly ratio: number
  readonly extra: number
  readonly extra999: number
  readonly commitsMs: readonly number[]
}): Target[] {
  const { part, share, ratio, extra, extra999, commitsMs } = figures
  const least = share === 1 ? 0.5 : 0.9
  if (share !== 0.01 && share !== 1)
    return [atMost(`a gap at most 20 ms longer, maximum, ${part}`, extra, 20, ' ms')]
  const common = [
    atLeast(`${least} of the rate without snapshots, ${part}`, ratio, least),
    atMost(`a gap at most 20 ms longer, p99.9, ${part}`, extra999, 20, ' ms'),
    atMost(`a gap at most 20 ms longer, maximum, ${part}`, extra, 20, ' ms'),
  ]
  if (share === 1) return common
  return [...common, atMost(`committed within 500 ms, p99, ${part}`, quantile(commitsMs, 0.99), 500, ' ms')]
}

/** Counts for some seconds; gives the rate. A snapshot that is under way at the end is waited for, and not measured. */
async function round(net: SnapshotNetwork, seconds: number): Promise<number> {
  const sinceMs = performance.now()
  const untilMs = sinceMs + seconds * 1_000
  let dueMs = sinceMs
  let taken: Promise<void> = Promise.resolve()
  const before = net.handled
  while (performance.now() < untilMs) {
    if (performance.now() >= dueMs && !net.isTaking) {
      net.keys.base = (net.keys.base + net.keys.window) % net.keys.keys
      taken = net.take()
      dueMs += intervalMs
    }
    await net.count(chunk)
  }
  const rate = (net.handled - before) / ((performance.now() - sinceMs) / 1_000)
  await taken
  return rate
}

function rateRow(contestant: string, rates: readonly number[]): Row {
  const { low, median, high } = quartiles(rates.map((rate) => rate / 1e6))
  return {
    contestant,
    figure: `${digits(median)} M messages/s`,
    quartiles: `${digits(low)} to ${digits(high)}`,
    rounds: rates.length,
  }
}

function msRow(contestant: string, values: readonly number[]): Row {
  const { low, median, high } = quartiles(values)
  return {
    contestant,
    figure: `${digits(median)} ms`,
    quartiles: `${digits(low)} to ${digits(high)}, p99 ${digits(quantile(values, 0.99))}, at most ${digits(Math.max(...values))}`,
    rounds: values.length,
  }
}

function gapRow(contestant: string, gaps: readonly number[]): Row {
  return {
    contestant,
    figure: `${digits(quantile(gaps, 0.999))} ms p99.9`,
    quartiles: `at most ${digits(gaps.reduce((a, b) => Math.max(a, b), 0))}`,
    rounds: gaps.length,
  }
}
