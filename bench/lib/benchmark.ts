import type { Score } from './contest.ts'

export interface BenchmarkOptions {
  /** Fewer rounds: to see that it works, not to quote. */
  readonly quick: boolean
  /** How many, for the benchmarks that let themselves be told: `failover`. */
  readonly rounds?: number
  /** Values from the command line, such as the file of `word-count`. */
  readonly file?: string
}

/** One line of the table. */
export interface Row {
  readonly contestant: string
  /** Median, with its unit: `41.2 M hops/s`. */
  readonly figure: string
  /** `38.0 to 43.1`, in the same unit. */
  readonly quartiles: string
  readonly rounds: number
}

/** What was promised of the product, and what was measured. */
export interface Target {
  readonly promise: string
  readonly measured: string
  readonly met: boolean
}

export interface Report {
  readonly rows: readonly Row[]
  readonly targets: readonly Target[]
  /** What a reader must know to read the figures. */
  readonly notes?: readonly string[]
}

export interface Benchmark {
  readonly name: string
  /** What is measured, in a sentence. */
  readonly subject: string
  readonly run: (options: BenchmarkOptions) => Promise<Report>
}

/** Rows for rates per second: `unit` is what is counted. */
export function rateRows(scores: readonly Score[], unit: string): Row[] {
  return scores.map(({ contestant, rounds, low, median, high }) => {
    const [scale, prefix] = median >= 1e6 ? [1e6, 'M '] : median >= 1e3 ? [1e3, 'k '] : [1, '']
    const show = (rate: number): string => digits(rate / scale)
    return {
      contestant,
      figure: `${show(median)} ${prefix}${unit}/s`,
      quartiles: `${show(low)} to ${show(high)}`,
      rounds,
    }
  })
}

/** Three significant digits, which is more than the noise leaves. */
export function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

export function atLeast(promise: string, measured: number, least: number): Target {
  return { promise, measured: digits(measured), met: measured >= least }
}

export function atMost(promise: string, measured: number, most: number, unit = ''): Target {
  return { promise, measured: `${digits(measured)}${unit}`, met: measured <= most }
}
