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
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { durationsFile } from './gate/durations.ts'
import { runStep, type StepResult } from './gate/run-step.ts'
import { type Step, steps } from './gate/steps.ts'
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
  const results = await runAll(chosen, names.length > 0)
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

/**
 * One after the other: the tiers use the cores themselves, and their time limits assume a machine of their own. Only
 * neighbours that may run beside each other do, as many as there are cores.
 */
async function runAll(chosen: readonly Step[], asked: boolean): Promise<StepResult[]> {
  const results: StepResult[] = []
  for (let first = 0; first < chosen.length; first = results.length) {
    const { beside } = chosen[first]!
    const next = chosen.findIndex(
      (step, index) => index > first && (beside === undefined || step.beside !== beside),
    )
    const group = chosen.slice(first, next === -1 ? undefined : next)
    results.push(...(group.length === 1 ? [await runNow(group[0]!, asked)] : await runBeside(group, asked)))
  }
  return results
}

async function runNow(step: Step, asked: boolean): Promise<StepResult> {
  console.log(`\n== ${step.name}: ${step.about}`)
  const result = await runStep(step, asked, (line) => console.log(line))
  console.log(`-- ${step.name}: ${result.state}, ${result.seconds} s`)
  return result
}

/** What each says comes when it is done, in one piece. */
async function runBeside(group: readonly Step[], asked: boolean): Promise<StepResult[]> {
  const results: StepResult[] = []
  const waiting = group.entries()
  const runner = async (): Promise<void> => {
    for (const [index, step] of waiting) {
      const lines: string[] = []
      const result = await runStep(step, asked, (line) => lines.push(line))
      results[index] = result
      console.log(`\n== ${step.name}: ${step.about}`)
      for (const line of lines) console.log(line)
      console.log(`-- ${step.name}: ${result.state}, ${result.seconds} s`)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, runner))
  return results
}
