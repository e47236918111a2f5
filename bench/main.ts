import { fork } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { benchmarks, findBenchmark } from './benchmarks.ts'
import type { Benchmark, BenchmarkOptions, Report } from './lib/benchmark.ts'
import { describeMachine, loadWarning } from './lib/machine.ts'
import { reportText } from './lib/report.ts'
import { checkPlaces, writeReports } from './lib/write.ts'

/**
 * `npm run bench -- [names] [--quick] [--rounds n] [--file text] [--write]`: runs all benchmarks, or those named, each in a
 * process of its own; `--write` puts the results into `docs/benchmarks.md`.
 */

const { values, positionals } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    file: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const chosen = positionals.length === 0 ? benchmarks : positionals.map(findBenchmark)
const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
if (rounds !== undefined && !(Number.isSafeInteger(rounds) && rounds > 0))
  throw new Error(`--rounds must be a whole number from 1, not ${values.rounds}`)
const options: BenchmarkOptions = {
  quick: values.quick,
  ...(rounds !== undefined && { rounds }),
  ...(values.file !== undefined && { file: values.file }),
}
if (values.write) checkPlaces(chosen)
const machine = describeMachine()
const warning = loadWarning()
print(`${machine}\n${warning}`)

const reports: { readonly benchmark: Benchmark; readonly report: Report }[] = []
for (const benchmark of chosen) {
  const report = await runInProcess(benchmark)
  if (report === undefined) {
    print(`\n${benchmark.name}: FAILED\n`)
    process.exitCode = 1
    continue
  }
  reports.push({ benchmark, report })
  print(`\n${reportText(benchmark, report)}`)
  if (report.targets.some(({ met }) => !met)) process.exitCode = 1
}
if (values.write) await writeReports(reports, { machine, warning, ...options })

async function runInProcess(benchmark: Benchmark): Promise<Report | undefined> {
  const child = fork(new URL('lib/run-one.ts', import.meta.url), [benchmark.name, JSON.stringify(options)])
  let report: Report | undefined
  child.once('message', (message) => {
    report = message as unknown as Report
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code === 0 ? report : undefined
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
