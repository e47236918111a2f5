import { decide, defaultRestartPolicy, type Decision } from '../../src/cluster/control/index.ts'
import { asTerm } from '../../src/cluster/protocol/index.ts'
import { ManagedWorld } from './support/managed-world.ts'
import { planText } from './support/plan-text.ts'
import { testScripts } from './support/script.ts'

/** The manager's decisions: each is shown, and carried out as the shell does. `> decide` once, `> run` until it waits. */
testScripts(new URL('manager/', import.meta.url), () => {
  const world = new ManagedWorld()
  const step = (): { readonly decision: Decision; readonly text: string } => {
    const decision = decide(world.facts({ term: asTerm(1), restarts: defaultRestartPolicy }))
    world.carryOut(decision)
    return { decision, text: decisionText(decision) }
  }
  return {
    ...world.commands,
    ...world.agentCommands,
    decide: () => step().text,
    run: () => {
      const texts: string[] = []
      for (let steps = 0; steps < 50; steps++) {
        const { decision, text } = step()
        texts.push(text)
        if (decision.type === 'wait') return texts.join('\n')
      }
      throw new Error(`no end: ${texts.join('\n')}`)
    },
  }
})

function decisionText(decision: Decision): string {
  switch (decision.type) {
    case 'plan':
      return planText(decision.plan)
    case 'open': {
      const first = decision.outcome === undefined ? '' : ` version ${decision.outcome.version} runs`
      return `open ${decision.open.generation}${first}`
    }
    case 'close':
      return `close ${decision.generation}: ${decision.why}`
    case 'outcome': {
      const { version, state, error } = decision.outcome
      return `version ${version} ${state}${error === undefined ? '' : `: ${error.code} ${error.message}`}`
    }
    case 'clean-up':
      return `clean up versions [${decision.versions.join(' ')}] generations [${decision.ready.join(' ')}]`
    case 'wait':
      return `wait for ${decision.what}${decision.untilMs === undefined ? '' : ` until ${decision.untilMs}`}`
  }
}
