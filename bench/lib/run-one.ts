import { findBenchmark } from '../benchmarks.ts'
import type { BenchmarkOptions } from './benchmark.ts'

/** The process of one benchmark: its compiled code and its heap are its own. */

const [name, options] = process.argv.slice(2)
const benchmark = findBenchmark(name!)
const report = await benchmark.run(JSON.parse(options!) as BenchmarkOptions)
process.send!(report, () => process.exit())
