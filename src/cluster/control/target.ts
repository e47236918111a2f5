import type { PlanGoal } from '../plan/index.ts'
import type { NetworkVersion } from '../protocol/index.ts'
import type { NetworkFacts } from './facts.ts'
import { stopsAtOnce } from './snapshot-facts.ts'

/** What a plan is to be made of, after what has become of the version that is wanted. */
export interface Target {
  readonly goal: PlanGoal
  readonly version: NetworkVersion
  /** What ran before, and runs again where `version` cannot be set up. */
  readonly fallback: NetworkVersion | undefined
}

export function targetOf(facts: NetworkFacts): Target {
  const { desired, plan } = facts
  const state = stateOf(facts)
  const fallback = fallbackOf(facts)
  const present = { version: plan?.version ?? desired.version, fallback }
  // Nothing can drain through what has failed.
  if (state === 'failed' || state === 'finished') return { goal: 'none', ...present }
  if (desired.goal === 'stop') return { goal: stopsAtOnce(facts) ? 'none' : 'stop', ...present }
  if (state !== 'refused') return { goal: 'run', version: desired.version, fallback }
  if (fallback === undefined) return { goal: 'none', ...present }
  return { goal: 'run', version: fallback, fallback }
}

/** What has become of the version that is wanted; undefined where nothing has yet. */
export function stateOf({ desired, outcome }: Pick<NetworkFacts, 'desired' | 'outcome'>) {
  return outcome?.version === desired.version ? outcome.state : undefined
}

/** The last outcome says which version ran, also where it is a refusal; while there is none, the plan carries it along. */
function fallbackOf({ desired, outcome, plan }: NetworkFacts): NetworkVersion | undefined {
  if (outcome === undefined) return plan?.fallback
  if (outcome.state === 'refused') return outcome.fallback ?? plan?.fallback
  if (outcome.state !== 'running') return undefined
  return outcome.version === desired.version ? plan?.fallback : outcome.version
}
