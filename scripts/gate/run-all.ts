/** In which order the steps of the gate run, and what beside what. */
import { availableParallelism } from 'node:os'
import { runStep, type StepResult } from './run-step.ts'
import type { Step } from './steps.ts'

type Say = (line: string) => void

/**
 * One after the other: the tiers use the cores themselves, and their time limits assume a machine of their own. Only
 * neighbours that may run beside each other do, as many as there are cores; and steps that yield run beside all that are
 * behind them, in the time that those leave.
 *
 * `asked`: somebody named the steps. The results come in the order of the steps.
 */
export async function runAll(steps: readonly Step[], asked: boolean, say: Say): Promise<StepResult[]> {
  const results = new Map<Step, StepResult>()
  const behind = new Behind(asked, say)
  for (let first = 0; first < steps.length;) {
    const group = groupAt(steps, first)
    first += group.length
    const [step] = group
    if (group.length > 1) await runBeside(group, results, { asked, say })
    else if (step!.yields === true && first < steps.length) behind.begin(step!)
    else results.set(step!, await runNow(step!, asked, say))
    behind.tell(results)
  }
  await behind.end()
  behind.tell(results)
  return steps.map((step) => results.get(step)!)
}

/** The step at `first`, with the neighbours that may run beside it. */
function groupAt(steps: readonly Step[], first: number): readonly Step[] {
  const { beside } = steps[first]!
  const next = steps.findIndex(
    (step, index) => index > first && (beside === undefined || step.beside !== beside),
  )
  return steps.slice(first, next === -1 ? undefined : next)
}

async function runNow(step: Step, asked: boolean, say: Say): Promise<StepResult> {
  say(`\n== ${step.name}: ${step.about}`)
  const result = await runStep(step, asked, say)
  say(lastLine(result))
  return result
}

/** What each says comes when it is done, in one piece. */
async function runBeside(
  group: readonly Step[],
  results: Map<Step, StepResult>,
  { asked, say }: { readonly asked: boolean; readonly say: Say },
): Promise<void> {
  const waiting = group.values()
  const runner = async (): Promise<void> => {
    for (const step of waiting) {
      const told: string[] = []
      const tell = (line: string): number => told.push(line)
      results.set(step, await runNow(step, asked, tell))
      for (const line of told) say(line)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, runner))
}

/** The steps that yield, one after the other. What they say comes between two of the others. */
class Behind {
  readonly #asked: boolean
  readonly #say: Say
  readonly #done: { readonly result: StepResult; readonly told: readonly string[] }[] = []
  #last: Promise<void> = Promise.resolve()

  constructor(asked: boolean, say: Say) {
    this.#asked = asked
    this.#say = say
  }

  begin(step: Step): void {
    this.#say(`\n== ${step.name}: runs beside the steps that follow, in the time that they leave`)
    this.#last = this.#last.then(async () => {
      const told = [`\n== ${step.name}: ${step.about}`]
      const result = await runStep(step, this.#asked, (line) => told.push(line), { yields: true })
      told.push(lastLine(result))
      this.#done.push({ result, told })
    })
  }

  end(): Promise<void> {
    return this.#last
  }

  tell(results: Map<Step, StepResult>): void {
    for (const { result, told } of this.#done.splice(0)) {
      for (const line of told) this.#say(line)
      results.set(result.step, result)
    }
  }
}

function lastLine({ step, state, seconds }: StepResult): string {
  return `-- ${step.name}: ${state}, ${seconds} s`
}
