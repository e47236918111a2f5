import type { NetworkView } from './cluster-view.ts'
import type { DesiredNetwork, NetworkOutcome, VersionRecord } from './network-record.ts'
import type { NetworkVersion } from './numbers.ts'
import type { Plan } from './plan.ts'
import { hasSnapshots } from './snapshot-place.ts'

/** What decides whether what was undeployed still comes to its end. */
export interface UndeployedFacts {
  readonly desired: DesiredNetwork
  readonly plan: Plan | undefined
  readonly outcome: NetworkOutcome | undefined
  /** With that of the plan. */
  readonly versions: ReadonlyMap<NetworkVersion, VersionRecord>
}

/**
 * What is to be brought about now. A network that was undeployed, and deployed again before it had stopped, stops first: it takes its last
 * snapshot, and readers are given what is in it. What is deployed then begins afresh, as it would have a moment later.
 */
export function wantedNow(facts: UndeployedFacts): DesiredNetwork {
  const { desired } = facts
  const version = endingVersion(facts)
  return version === undefined ? desired : { version, goal: 'stop', changedAtMs: desired.changedAtMs }
}

/** What was undeployed and still comes to its end, though a later version is deployed. Undefined: nothing. */
export function endingVersion({
  desired: { goal, begunWith },
  plan,
  outcome,
  versions,
}: UndeployedFacts): NetworkVersion | undefined {
  if (goal !== 'run' || begunWith === undefined || plan === undefined || plan.version >= begunWith)
    return undefined
  // Without snapshots there is nothing that it would go on from.
  if (!hasSnapshots(versions.get(plan.version))) return undefined
  if (outcome !== undefined && outcome.version >= begunWith) return undefined
  // An older one is of what it went on from.
  const isOf = outcome !== undefined && outcome.version >= plan.version
  const isOver = isOf && (outcome.state === 'stopped' || outcome.state === 'finished')
  return isOver ? undefined : plan.version
}

/** Whether what was undeployed still comes to its end, though the network is deployed again. */
export function isStillEnding({ desired, plan, outcome, versions }: NetworkView): boolean {
  if (desired?.value.goal !== 'run' || desired.value.begunWith === undefined) return false
  const facts = {
    desired: desired.value,
    plan: plan?.value,
    outcome: outcome?.value,
    versions: new Map(Array.from(versions, ([number, { value }]) => [number, value])),
  }
  return endingVersion(facts) !== undefined
}
