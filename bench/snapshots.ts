import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  atLeast,
  atMost,
  type Benchmark,
  digits,
  type Report,
  type Row,
  type Target,
} from './lib/benchmark.ts'
import { MeasuredNetwork, type RoundResult } from './lib/snapshot-rounds.ts'
import { quantile, quartiles } from './lib/statistics.ts'

/**
 * What snapshots cost a network that counts a million keys, with a snapshot each second, on the disk: beside the same network without
 * any, in turns of some seconds. Within a second, part of the keys change; which ones, moves on with each second.
 */

const keys = 1_000_000
const intervalMs = 1_000
const shares = [0.01, 0.2, 1]
/** Each has its pages elsewhere in memory, which the rates depend on. */
const processes = 3
const cache = fileURLToPath(new URL('../.cache/bench', import.meta.url))

export const snapshots: Benchmark = {
  name: 'snapshots',
  subject: 'A snapshot of a million keys each second',
  async run({ quick, rounds = quick ? 2 : 5 }) {
    mkdirSync(cache, { recursive: true })
    const measured = shares.map((share) => ({ share, with: new Figures(), without: new Figures() }))
    for (let process = 0; process < (quick ? 1 : processes); process++)
      await useNetwork(async (network) => {
        for (const one of measured) await measure(network, one, { seconds: quick ? 2 : 4, rounds })
      })
    const all = measured.map(report)
    return {
      rows: all.flatMap(({ rows }) => rows),
      targets: all.flatMap(({ targets }) => targets),
      notes: [
        'One network takes snapshots in every other round. A ratio is the median of those of a round with and the round without beside it.',
        'A gap is the time between two pulls of the source in the same thread: what a message waits for at most before a handler is called.',
      ],
    }
  },
}

async function useNetwork(use: (network: MeasuredNetwork) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(cache, 'snapshots-'))
  try {
    const network = await MeasuredNetwork.start({ keys, intervalMs, folder })
    try {
      await use(network)
    } finally {
      await network.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Of all rounds with snapshots, or without. */
class Figures {
  readonly rates: number[] = []
  readonly gaps: number[] = []
  readonly commitsMs: number[] = []
  /** Not a number, which meets nothing, where none was measured. */
  slicesMsMax = NaN

  add({ rate, gaps, commitsMs, slicesMs }: RoundResult): void {
    this.rates.push(rate)
    for (const sliceMs of slicesMs) if (!(this.slicesMsMax >= sliceMs)) this.slicesMsMax = sliceMs
    for (const gap of gaps) this.gaps.push(gap)
    this.commitsMs.push(...commitsMs)
  }
}

interface Measured {
  readonly share: number
  readonly with: Figures
  readonly without: Figures
}

async function measure(
  network: MeasuredNetwork,
  measured: Measured,
  { seconds, rounds }: { readonly seconds: number; readonly rounds: number },
): Promise<void> {
  const window = Math.round(keys * measured.share)
  const round = (takes: boolean): Promise<RoundResult> => network.round({ seconds, window, takes })
  for (const takes of [false, true]) await round(takes)
  for (let at = 0; at < rounds; at++)
    for (const takes of at % 2 === 0 ? [false, true] : [true, false])
      measured[takes ? 'with' : 'without'].add(await round(takes))
}

function report({ share, with: snapped, without: bare }: Measured): Report {
  const part = `${share * 100} % changing`
  const ratio = quantile(
    snapped.rates.map((rate, at) => rate / bare.rates[at]!),
    0.5,
  )
  const extra = quantile(snapped.gaps, 1) - quantile(bare.gaps, 1)
  const extra999 = quantile(snapped.gaps, 0.999) - quantile(bare.gaps, 0.999)
  const { commitsMs } = snapped
  return {
    rows: [
      rateRow(`without snapshots, ${part}`, bare.rates),
      rateRow(`a snapshot each second, ${part}`, snapped.rates),
      msRow(`from its beginning to its commit, ${part}`, commitsMs),
      gapRow(`gaps without snapshots, ${part}`, bare.gaps),
      gapRow(`gaps with snapshots, ${part}`, snapped.gaps),
    ],
    targets: [
      ...targetsOf({ part, share, ratio, extra, extra999, commitsMs }),
      atMost(
        `no slice of snapshot work above 20 ms of the processor, ${part}`,
        snapped.slicesMsMax,
        20,
        ' ms',
      ),
    ],
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
    quartiles: `at most ${digits(quantile(gaps, 1))}`,
    rounds: gaps.length,
  }
}
