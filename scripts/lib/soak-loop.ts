/** Scenarios over and over, each time with the next seed, until the time is over or a check fails. */

export interface SoakPlan {
  readonly scenarios: Readonly<Record<string, (seed: number) => Promise<Survived>>>
  readonly firstSeed: number
  readonly isOver: () => boolean
  /** Names what is soaked, for the last line. */
  readonly over: string
  /** The command that begins with a scenario and its seed. */
  readonly commandFor: (seed: number, scenario: string) => string
  readonly say: (line: string) => void
}

export interface Survived {
  readonly faults: number
  /** What was checked: messages, lines of a log, operations, elements. */
  readonly checked: number
}

/** Whether every check held. What is begun when the time is over comes to its end. */
export async function soak({ scenarios, isOver, say, ...plan }: SoakPlan): Promise<boolean> {
  const total = { scenarios: 0, faults: 0, checked: 0 }
  for (let seed = plan.firstSeed; !isOver(); seed++)
    for (const [name, scenario] of Object.entries(scenarios)) {
      if (isOver()) break
      try {
        const { faults, checked } = await scenario(seed)
        say(`seed ${seed}  ${name.padEnd(9)}  ${faults} faults survived, ${checked} checked`)
        total.scenarios++
        total.faults += faults
        total.checked += checked
      } catch (error) {
        say(`seed ${seed}  ${name.padEnd(9)}  FAILED; begin there again: ${plan.commandFor(seed, name)}`)
        say(error instanceof Error ? describe(error) : String(error))
        return false
      }
    }
  const { faults, checked } = total
  say(
    `${total.scenarios} scenarios over ${plan.over}: ${faults} faults survived, ${checked} checked, 0 failed`,
  )
  return true
}

function describe(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${describe(error.cause)}` : ''
  return `${error.stack ?? error.message}${cause}`
}
