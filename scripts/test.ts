/**
 * The gate: what CI runs, and what `npm test` runs. Every step runs, also after one has failed, so that one sees all
 * there is to mend. The last line of the output is the sum: `N passed, N failed, N skipped`.
 *
 *   npm test                       everything
 *   npm test -- unit e2e           some steps
 *   npm test -- --only lint,types  the same
 *   npm test -- --list             the names of the steps
 *   npm test -- e2e --durations    the slowest files and tests too
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { durationsFile } from './gate/durations.ts'
import { runAll } from './gate/run-all.ts'
import type { StepResult } from './gate/run-step.ts'
import { steps } from './gate/steps.ts'
import { inCache } from './lib/paths.ts'
import { add, closingLine, nothing } from './gate/tally.ts'

/** Failures that are told again with their reasons; of all others only the name. */
const explainedMax = 20

const { values, positionals } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    list: { type: 'boolean' },
    durations: { type: 'boolean' },
  },
  allowPositionals: true,
})

if (values.durations === true) process.env[durationsFile] = join(tmpdir(), `vertigo-durations-${process.pid}`)
// Hundreds of processes load the same modules: the compiled code is kept for the next, and for the next run.
process.env['NODE_COMPILE_CACHE'] ??= inCache('compiled')
if (values.list === true) {
  for (const step of steps) console.log(`${step.name.padEnd(12)} ${step.about}`)
} else {
  process.exitCode = await main()
}

async function main(): Promise<number> {
  const names = [...positionals, ...(values.only ?? []).flatMap((list) => list.split(','))]
  const unknown = names.filter((name) => !steps.some((step) => step.name === name))
  if (unknown.length > 0) {
    console.error(
      `There is no step ${unknown.join(', ')}. Steps: ${steps.map(({ name }) => name).join(', ')}`,
    )
    return 2
  }
  const chosen = names.length === 0 ? steps : steps.filter(({ name }) => names.includes(name))
  const results = await runAll(chosen, names.length > 0, (line) => console.log(line))
  return close(results)
}

/** Says again what failed, since a long output is cut in its middle; and last of all, names and numbers. */
function close(results: readonly StepResult[]): number {
  const failures = results.flatMap((result) => result.failures)
  if (failures.length > 0) console.log('\n== failures, again')
  for (const { name, lines } of failures.slice(0, explainedMax)) console.log([name, ...lines].join('\n'))
  if (failures.length > explainedMax)
    console.log(`... and ${failures.length - explainedMax} more, named below`)
  console.log('\n== summary')
  for (const { step, state, seconds, tally } of results)
    console.log(`${state.padEnd(7)} ${step.name.padEnd(12)} ${seconds.padStart(7)} s  ${closingLine(tally)}`)
  if (failures.length > 0) console.log(`\n${failures.map(({ name }) => name).join('\n')}`)
  const sum = results.map(({ tally }) => tally).reduce(add, nothing)
  console.log(`\n${closingLine(sum)}`)
  return sum.failed === 0 ? 0 : 1
}
