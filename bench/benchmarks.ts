import { chain } from './chain.ts'
import type { Benchmark } from './lib/benchmark.ts'
import { wordCount } from './word-count.ts'

/** In the order of the table. */
export const benchmarks: readonly Benchmark[] = [chain, wordCount]

export function findBenchmark(name: string): Benchmark {
  const found = benchmarks.find((benchmark) => benchmark.name === name)
  if (found === undefined) {
    throw new Error(`no benchmark "${name}"; there are ${benchmarks.map((b) => b.name).join(', ')}`)
  }
  return found
}
