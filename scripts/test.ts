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
import { runStep, type StepResult } from './gate/run-step.ts'
import { type Step, steps } from './gate/steps.ts'
import { inCache } from './lib/paths.ts'
import { add, closingLine, nothing } from './gate/tally.ts'

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
  const results = await runAll(chosen, names.length > 0)
  // Once more, where a long output is cut in its middle.
  const failures = results.flatMap((result) => result.failures)
  if (failures.length > 0) console.log(`\n== failures, again\n${failures.join('\n')}`)
  console.log('\n== summary')
  for (const { step, state, seconds, tally } of results)
    console.log(`${state.padEnd(7)} ${step.name.padEnd(12)} ${seconds.padStart(7)} s  ${closingLine(tally)}`)
  const sum = results.map(({ tally }) => tally).reduce(add, nothing)
  console.log(`\n${closingLine(sum)}`)
  return sum.failed === 0 ? 0 : 1
}

async function runAll(chosen: readonly Step[], asked: boolean): Promise<StepResult[]> {
  const results: StepResult[] = []
  for (const step of chosen) {
    console.log(`\n== ${step.name}: ${step.about}`)
    // One after the other: the tiers use the cores themselves, and their time limits assume a machine of their own.
    const result = await runStep(step, asked)
    console.log(`-- ${step.name}: ${result.state}, ${result.seconds} s`)
    results.push(result)
  }
  return results
}
