import { guaranteeInCluster } from '../../model/guarantee.ts'
import type { Network } from '../../model/network.ts'
import {
  hasSnapshots,
  isLastDamaged,
  type NetworkView,
  type Plan,
  type SnapshotRecord,
  wantedNow,
} from '../protocol/index.ts'
import { awaitsLast, hasLast, lacksFinalSnapshot, unfitForCopies } from './snapshot-facts.ts'

/** What snapshots a network needs now, from what the store says of it. */
export interface SnapshotNeeds {
  readonly options: NonNullable<Network['snapshot']>
  readonly isAligned: boolean
  /** No messages may be on their way: other numbers of instances are to go on from it, or nothing is to go on in its generation. */
  readonly isQuiet: boolean
  /** Somebody waits for one. */
  readonly isUrgent: boolean
  /** The network is to stop. */
  readonly isLast: boolean
}

/** Undefined while none can be taken: nothing is open, the network has none, or it has come to its end. */
export function snapshotNeeds(network: NetworkView): SnapshotNeeds | undefined {
  const { plan, open, desired, outcome } = network
  if (plan === undefined || desired === undefined || open?.value.generation !== plan.value.generation)
    return undefined
  // None would be committed: a commit stands on the last one (SN-2).
  if (isLastDamaged(network)) return undefined
  // Its last snapshot is let go of, and what is deployed next begins afresh: another one would be gone on from.
  if (hasComeToItsEnd(network)) return undefined
  const version = network.versions.get(plan.value.version)?.value
  if (version === undefined || !hasSnapshots(version) || plan.value.instances.length === 0) return undefined
  const versions = new Map([...network.versions].map(([number, { value }]) => [number, value]))
  const read = { desired: desired.value, plan: plan.value, outcome: outcome?.value, versions }
  const wanted = wantedNow(read)
  const facts = {
    desired: wanted,
    plan: plan.value,
    open: open.value,
    versions,
    snapshots: {
      committed: network.snapshots.committed?.value,
      aborted: network.snapshots.aborted?.value,
    },
  }
  const isLast = wanted.goal === 'stop'
  // After the last one there is none: readers may still be given what is in it.
  if (isLast && hasLast(facts)) return undefined
  const isRefused = outcome?.value.version === wanted.version && outcome.value.state === 'refused'
  const isChanging = wanted.version !== plan.value.version && !isRefused
  const { committed } = facts.snapshots
  const waitsForQuiet = isChanging && unfitForCopies(committed, facts.versions, wanted.version) !== undefined
  return {
    options: version.flat.snapshot ?? {},
    isAligned: guaranteeInCluster(version.flat) === 'exactly-once',
    isQuiet: isLast || isChanging,
    isUrgent: awaitsLast(facts) || waitsForQuiet || (hasHandledAll(network) && lacksFinalSnapshot(facts)),
    isLast,
  }
}

function hasComeToItsEnd({ plan, outcome }: NetworkView): boolean {
  const { version, state } = outcome?.value ?? {}
  return version === plan?.value.version && (state === 'finished' || state === 'stopped')
}

/** A sink that publishes what was committed waits for no snapshot: while it does, none is urgent. */
function hasHandledAll(network: NetworkView): boolean {
  const { instances, generation } = network.plan!.value
  const records = network.readyOf(generation)
  const over = new Set(records.flatMap(({ finished, awaiting = [] }) => [...finished, ...awaiting]))
  return instances.every(({ id }) => over.has(id))
}

/**
 * Whether a plan's generation goes on from the last committed snapshot, or has made it. Where not, an operator has chosen another one, and
 * a plan for it is to come: what the generation would commit now is nothing to go on from.
 */
export function isGoneOnFrom(plan: Plan, committed: SnapshotRecord | undefined): boolean {
  const { restores, generation } = plan
  if (committed === undefined) return restores === undefined
  if (committed.generation === generation) return true
  const isSame = restores?.id === committed.id && restores.incarnation === committed.incarnation
  // One that goes on from the same snapshot, but not by this choice, would undo it with its next commit.
  return isSame && restores.chosenFor === committed.chosenFor
}
