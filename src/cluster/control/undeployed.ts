import type { DesiredNetwork } from '../protocol/index.ts'
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
  const isOver = outcome?.state === 'stopped' || outcome?.state === 'finished'
  return isOver ? desired : { version: plan.version, goal: 'stop', changedAtMs: desired.changedAtMs }
}
