import type { DesiredNetwork, NetworkView } from '../protocol/index.ts'
import type { NetworkFacts } from './facts.ts'
import { hasSnapshots } from './snapshot-facts.ts'

/**
 * What is to be brought about now. A network that was undeployed, and deployed again before it had stopped, stops first: it takes its last
 * snapshot, and readers are given what is in it. What is deployed then begins afresh, as it would have a moment later.
 */
export function wantedNow({
  desired,
  plan,
  outcome,
  versions,
}: Pick<NetworkFacts, 'desired' | 'plan' | 'outcome' | 'versions'>): DesiredNetwork {
  const { goal, begunWith } = desired
  if (goal !== 'run' || begunWith === undefined || plan === undefined || plan.version >= begunWith)
    return desired
  // Without snapshots there is nothing that it would go on from.
  if (!hasSnapshots(versions.get(plan.version))) return desired
  if (outcome !== undefined && outcome.version >= begunWith) return desired
  // An older one is of what it went on from.
  const isOf = outcome !== undefined && outcome.version >= plan.version
  const isOver = isOf && (outcome.state === 'stopped' || outcome.state === 'finished')
  return isOver ? desired : { version: plan.version, goal: 'stop', changedAtMs: desired.changedAtMs }
}

/** Whether what was undeployed still comes to its end, though the network is deployed again. */
export function isStillEnding({ desired, plan, outcome, versions }: NetworkView): boolean {
  if (desired?.value.goal !== 'run' || desired.value.begunWith === undefined) return false
  const wanted = wantedNow({
    desired: desired.value,
    plan: plan?.value,
    outcome: outcome?.value,
    versions: new Map(Array.from(versions, ([number, { value }]) => [number, value])),
  })
  return wanted.goal === 'stop'
}
