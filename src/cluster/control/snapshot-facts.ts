import { errorCodes } from '../../base/error-codes.ts'
import { readersMsDefault } from '../../model/network.ts'
import type { PlanningFacts } from '../plan/index.ts'
import {
  type ErrorText,
  givesCommitted,
  hasSnapshots,
  needsSnapshots,
  type NetworkVersion,
  type SnapshotRecord,
  snapshotsUnplaced,
  unfitState,
} from '../protocol/index.ts'
import type { NetworkFacts } from './facts.ts'

/** What follows from a network's snapshots for its decisions. */

type SnapshotFacts = Pick<NetworkFacts, 'desired' | 'plan' | 'open' | 'versions' | 'snapshots'>
type EndFacts = SnapshotFacts & Pick<NetworkFacts, 'ready' | 'nowMs'>

/** Beyond the time that exported outputs give their readers: for the news on its way, and nodes of before, which say nothing. */
const newsMs = 2_000

/** Undefined where a version has none. */
export function recoveryOf(
  { snapshots, versions }: NetworkFacts,
  version: NetworkVersion,
): PlanningFacts['recovery'] {
  return hasSnapshots(versions.get(version)) ? { from: snapshots?.committed } : undefined
}

/**
 * A network with snapshots that is to stop does not drain: it takes a last one and ends, so that it can go on from there. Where none is
 * to be had, since something has failed or the storage takes none, it ends without: the last one that was committed stays the last.
 */
export function stopsAtOnce(facts: EndFacts): boolean {
  const { plan, versions } = facts
  if (plan === undefined || !hasSnapshots(versions.get(plan.version))) return false
  return !awaitsLast(facts) && readersUntilMs(facts) === undefined
}

export function awaitsLast({ desired, plan, open, versions, snapshots }: SnapshotFacts): boolean {
  if (desired.goal !== 'stop' || plan === undefined || !hasSnapshots(versions.get(plan.version))) return false
  if (plan.instances.length === 0 || open?.generation !== plan.generation) return false
  const isOf = (one: { readonly generation: number; readonly isLast: boolean } | undefined): boolean =>
    one?.isLast === true && one.generation === plan.generation
  return !isOf(snapshots?.committed) && !isOf(snapshots?.aborted)
}

/** Whether a network that is to stop has taken its last snapshot. */
export function hasLast({ plan, snapshots }: Pick<SnapshotFacts, 'plan' | 'snapshots'>): boolean {
  const committed = snapshots?.committed
  return plan !== undefined && committed?.isLast === true && committed.generation === plan.generation
}

/** What an operator has to know where a network that has run was stopped without a last snapshot; see `stopsAtOnce`. */
export function lacksLast({
  plan,
  lastOpen,
  versions,
  snapshots,
}: Pick<NetworkFacts, 'plan' | 'lastOpen' | 'versions' | 'snapshots'>): ErrorText | undefined {
  const { committed, aborted } = snapshots ?? {}
  if (plan === undefined || lastOpen === undefined || !hasSnapshots(versions.get(plan.version)))
    return undefined
  // One that an operator has chosen is the last of a run before.
  if (committed?.isLast === true && committed.chosenFor === undefined) return undefined
  const isWhy = aborted?.isLast === true && aborted.generation === lastOpen
  const why = isWhy ? ` (${aborted.code}: ${aborted.reason.replace(/\.$/, '')})` : ''
  const code = 'SNAPSHOT_LAST_MISSING'
  const { remedy, title } = errorCodes[code]
  if (committed === undefined)
    return { code, message: `It was stopped before it had a snapshot${why}.`, remedy: noneRemedy }
  const { id, committedAtMs } = committed
  const newest = `The newest is ${id}, of ${new Date(committedAtMs).toISOString()}.`
  return { code, message: `${title.replace(/\.$/, '')}${why}. ${newest}`, remedy }
}

const noneRemedy = 'Deployed again, it begins afresh.'

/**
 * Until when a network that has taken its last snapshot waits at most: its exported outputs give what is committed to those who read
 * (CM-3 of `connectors/client/committed-output.ts`), which they bound by themselves. Undefined: for nobody.
 */
export function readersUntilMs(facts: EndFacts): number | undefined {
  const { desired, plan, open, versions, snapshots, ready, nowMs } = facts
  if (desired.goal !== 'stop' || open?.generation !== plan?.generation || !hasLast(facts)) return undefined
  const flat = versions.get(plan!.version)?.flat
  const given = new Set(ready.flatMap((one) => (one.generation === plan!.generation ? one.finished : [])))
  const waits = plan!.instances.some(
    ({ id, component, finished }) =>
      finished !== true && !given.has(id) && flat !== undefined && givesCommitted(component, flat),
  )
  const waitsMs = (flat?.snapshot?.readersMs ?? readersMsDefault) + newsMs
  const passedMs = nowMs - snapshots!.committed!.committedAtMs
  // A clock that was set back must not make it wait for long.
  return waits && Math.abs(passedMs) < waitsMs ? nowMs - passedMs + waitsMs : undefined
}

/** SN-6: a network that has finished has a snapshot that says so. */
export function lacksFinalSnapshot({
  plan,
  versions,
  snapshots,
}: Pick<SnapshotFacts, 'plan' | 'versions' | 'snapshots'>): boolean {
  if (plan === undefined || !hasSnapshots(versions.get(plan.version))) return false
  // All of it had finished by the snapshot that was gone back to, which is the last one.
  if (plan.instances.length === 0) return false
  const committed = snapshots?.committed
  if (committed?.generation !== plan.generation) return true
  const finished = new Set(committed.finished.map(({ component, index }) => `${component}[${index}]`))
  return !plan.instances.every(({ component, index }) => finished.has(`${component}[${index}]`))
}

/** Why a version would never have a snapshot. One without components needs none yet. */
export function unplacedSnapshots(
  { versions, isPlaceless = false }: Pick<NetworkFacts, 'versions' | 'isPlaceless'>,
  target: NetworkVersion,
): ErrorText | undefined {
  const record = versions.get(target)
  if (!isPlaceless || record === undefined || !needsSnapshots(record.flat)) return undefined
  if (record.flat.snapshot?.storage !== undefined) return undefined
  const { code, message, remedy } = snapshotsUnplaced(record.flat)
  return { code, message, remedy }
}

/**
 * The component whose messages on their way are in the snapshot, and that is to have another number of instances: they were routed to the
 * ones of before.
 */
export function unfitForCopies(
  snapshot: SnapshotRecord | undefined,
  versions: NetworkFacts['versions'],
  target: NetworkVersion,
): string | undefined {
  if (snapshot?.hasChannelState !== true) return undefined
  const { discards = [] } = snapshot
  const before = versions.get(snapshot.version)?.flat.components ?? {}
  const after = versions.get(target)?.flat.components ?? {}
  return Object.keys(before).find((name) => {
    if (discards.includes(name)) return false
    const next = Object.hasOwn(after, name) ? after[name] : undefined
    return (next?.instances ?? 1) !== (before[name]!.instances ?? 1) || next === undefined
  })
}

/** Why the target cannot go on from the state of the last snapshot, whatever runs. */
export function unfitForState(
  { snapshots, versions }: Pick<SnapshotFacts, 'snapshots' | 'versions'>,
  target: NetworkVersion,
): ErrorText | undefined {
  const committed = snapshots?.committed
  const after = versions.get(target)
  const before = committed && versions.get(committed.version)
  if (before === undefined || after === undefined || before === after || !hasSnapshots(after))
    return undefined
  return unfitState(before, after, committed?.discards)
}
