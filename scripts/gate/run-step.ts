import type { RunResult } from '../lib/process.ts'
import type { Step } from './steps.ts'
import { add, closingLine, nothing, parseClosingLine, type Tally } from './tally.ts'

export interface StepResult {
  readonly step: Step
  readonly state: 'passed' | 'FAILED' | 'absent'
  readonly seconds: string
  readonly tally: Tally
  /** The failures that the step has told; of a step that failed and named none, the end of what it said. */
  readonly failures: readonly Failure[]
}

export interface Failure {
  /** The line that names what failed. */
  readonly name: string
  /** The first lines of why. */
  readonly lines: readonly string[]
}

/** Lines of a failure that are told again at the end, and how much of each: a message can hold whole logs. */
const failureLinesMax = 12
const lineCharsMax = 400

/**
 * Runs one step and shows what it says, but for its closing line: there shall be one such line, the sum.
 * `asked`: somebody named this step, so that having nothing to run is a failure. `say` takes it line by line.
 * `yields`: it takes only the time that others leave.
 */
export async function runStep(
  step: Step,
  asked: boolean,
  say: (line: string) => void,
  { yields = false }: { readonly yields?: boolean } = {},
): Promise<StepResult> {
  const started = performance.now()
  const failures = new Failures()
  const done = (state: StepResult['state'], tally: Tally, fault?: string): StepResult => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    return { step, state, seconds, tally, failures: state === 'FAILED' ? failures.of(step.name, fault) : [] }
  }
  const absent = step.absent?.()
  if (absent !== undefined) {
    say(`nothing to run: ${absent}`)
    return asked ? done('FAILED', { ...nothing, failed: 1 }) : done('absent', nothing)
  }
  let counted: Tally | undefined
  const onLine = (line: string): void => {
    const tally = step.counts ? parseClosingLine(line) : undefined
    failures.line(line)
    if (tally === undefined) say(line)
    else counted = add(counted ?? nothing, tally)
  }
  let result: RunResult
  try {
    result = await step.run({ timeoutMs: step.timeoutMs, yields, onLine })
  } catch (error) {
    // The others run all the same.
    const why = `could not be run: ${String(error)}`
    say(`${step.name}: ${why}`)
    return done('FAILED', { ...nothing, failed: 1 }, why)
  }
  const fault = faultOf(step, result, counted)
  if (fault !== undefined) say(`${step.name}: ${fault}`)
  if (step.prepares === true) return done('passed', nothing)
  if (!step.counts) {
    return fault === undefined
      ? done('passed', { ...nothing, passed: 1 })
      : done('FAILED', { ...nothing, failed: 1 }, fault)
  }
  const tally = counted ?? nothing
  say(`${step.name}: ${closingLine(tally)}`)
  // A step that failed in a way it did not count itself still has to show in the sum.
  const failed = fault === undefined ? tally.failed : Math.max(1, tally.failed)
  return done(failed === 0 ? 'passed' : 'FAILED', { ...tally, failed }, fault)
}

/** Gathers what the reporter says of failures: a line `FAILED ...`, and indented ones behind it. */
class Failures {
  readonly #all: { readonly name: string; readonly lines: string[] }[] = []
  #room = 0
  #end: string[] = []

  line(whole: string): void {
    const line = whole.length > lineCharsMax ? `${whole.slice(0, lineCharsMax)}...` : whole
    this.#end = [...this.#end, line].slice(-failureLinesMax)
    if (line.startsWith('FAILED ') || line.startsWith('not done: ')) {
      this.#all.push({ name: line, lines: [] })
      this.#room = failureLinesMax
    } else if (this.#room > 0 && line.startsWith(' ')) {
      this.#all.at(-1)?.lines.push(line)
      this.#room--
    } else this.#room = 0
  }

  of(step: string, fault = 'nothing to run'): readonly Failure[] {
    if (this.#all.length > 0) return this.#all
    return [{ name: `FAILED ${step}: ${fault}`, lines: this.#end.map((line) => `  ${line}`) }]
  }
}

function faultOf(
  step: Step,
  result: { code: number | null; timedOut: boolean },
  counted: Tally | undefined,
): string | undefined {
  if (result.timedOut)
    return `not done after ${step.timeoutMs / 1000} s, the limit of this step (scripts/gate/steps.ts); it was ended`
  if (step.counts && counted === undefined) return 'ended without saying what passed'
  if (counted !== undefined && counted.passed + counted.failed === 0) return 'ran nothing'
  if (result.code !== 0) return `failed with exit code ${result.code ?? '(none: ended by a signal)'}`
  return undefined
}
