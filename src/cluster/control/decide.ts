import { nextPlan, ownersOfKeys } from '../plan/index.ts'
import {
  type ComponentDeaths,
  deathsError,
  hasSnapshots,
  type NetworkOutcome,
  type Plan,
  wantedNow,
} from '../protocol/index.ts'
import { blame, canGoBack, isChanged, outcomeOf, refusal } from './blame.ts'
import { cleanUp } from './clean-up.ts'
import { deathsSoFar, heldBack, recentWith, releaseMs } from './deaths.ts'
import type { Decision } from './decision.ts'
import type { NetworkFacts } from './facts.ts'
import { Readiness } from './readiness.ts'
import { isPaused, retryAtMs } from './restarts.ts'
import {
  awaitsLast,
  lacksFinalSnapshot,
  lacksLast,
  readersUntilMs,
  recoveryOf,
  unfitForCopies,
  unfitForState,
  unplacedSnapshots,
} from './snapshot-facts.ts'
import { stateOf, type Target, targetOf } from './target.ts'
import { cannotBePlanned } from './unfit.ts'

/**
 * What the manager does next for one network: a function of what stands in the store. It is level-triggered: it keeps
 * nothing in mind from one decision to the next, so that a new manager goes on where the last one was, and facts that
 * were missed do no harm.
 *
 * - DE-1 Each decision but `wait` changes the facts that it was made from; after finitely many, with agents that get ready,
 *   the newest generation is open, or an outcome is written and nothing is left, or `wait` names what is missing.
 * - DE-2 `open` is written only for the newest plan, when each of its instances is ready, each component has a copy, and each
 *   that owns keys all of them. An instance that goes on in a place that it is to leave counts. A network with snapshots needs all
 *   copies of all components: what is not there has no part in the next snapshot, and what it had would be lost with that.
 * - DE-3 `open` is deleted as soon as an instance of the open generation is gone, before a plan is made for it.
 * - DE-4 A change that has not run and cannot be set up is refused, and the version before is planned again. The
 *   outcome is written first: from then on every manager goes the same way. A change for which there is no place is
 *   not refused: it waits, and the generation before stays open. A network whose snapshots have no place is refused: it would run, and keep
 *   less than it promises.
 * - DE-5 A component that fails is started again with growing pauses; one that fails too often makes the network fail. Counts
 *   and times are in the plan. A change that concerns the component clears them. Components that end the processes of nodes are
 *   held back, by `deaths.ts`.
 * - DE-6 Whatever has failed, finished, or was refused with nothing to go back to is taken down: its plan is empty.
 * - DE-7 Only what may still happen is waited for: a node, a record of an agent, or a time ahead of now by at the
 *   most the longest pause.
 * - DE-8 Of a network with snapshots each plan is a recovery (PN-12). It stops with a last snapshot, where one is to be had, and when readers
 *   of its exported outputs have that, or their time is over; it has finished when a snapshot says so (SN-6). A snapshot that cannot be read makes it fail at once: to go further back is for an operator.
 * - DE-9 What was undeployed comes to its end, also where it is deployed again meanwhile; what is deployed then begins afresh.
 *
 * The shell reads the facts at one revision, executes the decision in one transaction, and decides again when it is done
 * or when one of the facts changes (for `wait`: or at `untilMs`). A transaction whose compares fail writes nothing; the facts
 * are then read anew. Each compares the manager's key in the election (its create revision is the term), and the mod
 * revisions, as read, of these:
 * - `plan`: the plan's record (absent for the first), `desired`, `outcome`, and the last committed snapshot (SN-2). The records of
 *   the versions are immutable.
 * - `open`: the plan's record, `desired`, `outcome`, `open`, and each record of readiness that it rests on; these are
 *   many, so above what one transaction compares the shell may leave them out: one that changes meanwhile is a fact again,
 *   and leads to `close`.
 * - `close`: `open`. Not the plan: closing is right whatever is planned.
 * - `outcome`: `desired`, `outcome`, and the plan's record.
 * - `clean-up`: the plan's record and `desired`, so that nothing is deleted that a newer plan names.
 */
export function decide(read: NetworkFacts): Decision {
  const facts = { ...read, desired: wantedNow(read) }
  const target = targetOf(facts)
  const readiness = new Readiness(facts)
  return (
    closing(facts, readiness) ??
    refusing(facts, target) ??
    planning(facts, target, readiness) ??
    ending(facts, target, readiness) ??
    opening(facts, target, readiness) ??
    cleanUp(read, target) ??
    waiting(facts, readiness)
  )
}

function closing({ plan, open }: NetworkFacts, readiness: Readiness): Decision | undefined {
  if (open === undefined) return undefined
  const { generation } = open
  if (plan === undefined) return { type: 'close', generation, why: 'There is no plan.' }
  const gone = readiness.gone(plan, generation)
  if (gone === undefined) return undefined
  return { type: 'close', generation, why: `${nameOf(gone)} is gone.` }
}

function refusing(facts: NetworkFacts, target: Target): Decision | undefined {
  if (target.goal !== 'run' || target.version !== facts.desired.version || stateOf(facts) !== undefined)
    return undefined
  const error =
    cannotBePlanned(facts.versions.get(target.version), target.version) ??
    unplacedSnapshots(facts, target.version) ??
    unfitForState(facts, target.version) ??
    unfitSnapshot(facts, target)
  return error && { type: 'outcome', outcome: refusal(facts, target, error) }
}

/** Nothing runs that could give a better one. */
function unfitSnapshot(
  { plan, versions, snapshots }: NetworkFacts,
  { version }: Target,
): NetworkOutcome['error'] {
  if (plan !== undefined && plan.instances.length > 0) return undefined
  const component = unfitForCopies(snapshots?.committed, versions, version)
  return component === undefined
    ? undefined
    : {
        code: 'SNAPSHOT_UNFIT',
        message: `Snapshot ${snapshots!.committed!.id} has messages that were on their way to ${component}, which is to have another number of instances.`,
        remedy: 'Deploy it with as many instances as it had; what runs then can be scaled.',
      }
}

function planning(facts: NetworkFacts, target: Target, readiness: Readiness): Decision | undefined {
  const { outcome, failures } = blame(facts, target, readiness)
  if (outcome !== undefined) return { type: 'outcome', outcome }
  const planned = plannable(facts, target)
  const { version } = planned
  const from = facts.plan?.version ?? version
  const deaths = deathsSoFar(facts, version, (component) => !isChanged(facts, component, from, version))
  const refused = killing(facts, target, deaths)
  if (refused !== undefined) return { type: 'outcome', outcome: refused }
  // Nothing is planned before the last snapshot, and before readers have what is in it: its plan is empty.
  if (awaitsLast(facts) || readersUntilMs(facts) !== undefined) return undefined
  const paused = failures.filter((one) => isPaused(one, facts.restarts, facts.nowMs))
  const recovery = recoveryOf(facts, version)
  const plan = nextPlan({
    network: facts.network,
    ...planned,
    ...(recovery && { recovery }),
    ...(isAfresh(facts, target) && { beginsAfresh: true }),
    versions: facts.versions,
    nodes: facts.nodes,
    ...(facts.brokenLinks && { brokenLinks: facts.brokenLinks }),
    quorum: facts.quorum,
    current: facts.plan,
    ...(facts.used && { used: facts.used }),
    lastOpen: facts.lastOpen,
    term: facts.term,
    finished: readiness.finished,
    failed: new Set(readiness.failed.keys()),
    lostWorkers: readiness.lostWorkers,
    paused: new Set(paused.map(({ component }) => component)),
    held: heldBack(deaths, facts),
    failures,
  })
  if (plan === undefined) return undefined
  const recent = recentWith(facts, plan.generation)
  const ends = target.goal === 'run' && recovery === undefined && facts.snapshots?.committed !== undefined
  const waiting = waitingSince(plan, facts)
  const next = { ...plan, waiting, ...(deaths.length > 0 && { deaths }), recent }
  return { type: 'plan', plan: next, ...(ends && { endsSnapshots: true }) }
}

function waitingSince({ waiting }: Plan, { plan, nowMs }: NetworkFacts): Plan['waiting'] {
  const known = new Map(plan?.waiting.map((one) => [nameOf(one), one.sinceMs]))
  return waiting.map((one) => ({ ...one, sinceMs: known.get(nameOf(one)) ?? nowMs }))
}

/** What was stopped, or has finished, is over, unless a snapshot is named that it goes on from. */
function isAfresh({ outcome, snapshots }: NetworkFacts, { goal }: Target): boolean {
  const { state } = outcome ?? {}
  return goal === 'run' && (state === 'stopped' || state === 'finished') && snapshots?.committed === undefined
}

/** A change that has not run, and that nodes have died with (DT-4). */
function killing(
  facts: NetworkFacts,
  target: Target,
  deaths: readonly ComponentDeaths[],
): NetworkOutcome | undefined {
  if (target.goal !== 'run' || !canGoBack(facts, target)) return undefined
  for (const one of deaths) {
    const error = deathsError(one)
    if (error !== undefined && isChanged(facts, one.component, target.fallback!, target.version))
      return refusal(facts, target, error)
  }
  return undefined
}

/**
 * A version with other numbers of instances waits for a snapshot without messages on their way (DE-8); what runs goes on, or is
 * recovered, as it was.
 */
function plannable({ plan, versions, snapshots }: NetworkFacts, target: Target): Target {
  const isUnfit = unfitForCopies(snapshots?.committed, versions, target.version) !== undefined
  if (target.goal !== 'run' || plan === undefined || plan.instances.length === 0 || !isUnfit) return target
  return { ...target, version: plan.version, fallback: plan.fallback }
}

/** The plan is as it should be: is that the end? */
function ending(facts: NetworkFacts, target: Target, readiness: Readiness): Decision | undefined {
  const { plan, open, desired } = facts
  const isEmpty = plan === undefined || plan.instances.length === 0
  if (isEmpty && open !== undefined)
    return { type: 'close', generation: open.generation, why: 'Nothing is left that runs.' }
  if (desired.goal === 'stop') {
    const state = stateOf(facts)
    if (!isEmpty || state === 'stopped') return undefined
    const error = state === 'finished' ? undefined : lacksLast(facts)
    return { type: 'outcome', outcome: outcomeOf(facts, 'stopped', error) }
  }
  if (target.goal !== 'run' || plan === undefined || plan.waiting.length > 0) return undefined
  if (isEmpty && isBare(facts) && plan.version === desired.version && stateOf(facts) === undefined)
    return { type: 'outcome', outcome: outcomeOf(facts, 'running') }
  const isFinished =
    plan.instances.every(({ id }) => readiness.finished.has(id)) && !lacksFinalSnapshot(facts)
  const hasWorked = plan.instances.length + plan.done.length > 0
  return isFinished && hasWorked && plan.version === target.version
    ? { type: 'outcome', outcome: outcomeOf(facts, 'finished') }
    : undefined
}

/** A network that has no components yet runs as soon as it is planned. */
function isBare({ versions, desired }: NetworkFacts): boolean {
  const record = versions.get(desired.version)
  return record !== undefined && Object.keys(record.flat.components).length === 0
}

function opening(facts: NetworkFacts, target: Target, readiness: Readiness): Decision | undefined {
  const { plan, open, desired } = facts
  if (plan === undefined || plan.instances.length === 0 || open?.generation === plan.generation)
    return undefined
  if (missing(facts, plan) !== undefined) return undefined
  if (!plan.instances.every((instance) => readiness.isReady(instance))) return undefined
  const workers = readiness.addresses(plan)
  if (workers === undefined) return undefined
  const isFirst = target.goal === 'run' && plan.version === desired.version && stateOf(facts) !== 'running'
  return {
    type: 'open',
    open: { generation: plan.generation, workers },
    outcome: isFirst ? outcomeOf(facts, 'running') : undefined,
  }
}

/** Why a plan cannot run even when all of its instances are ready (DE-2). */
function missing({ versions }: Pick<NetworkFacts, 'versions'>, plan: Plan): string | undefined {
  const record = versions.get(plan.version)
  if (plan.waiting.length === 0 || record === undefined) return undefined
  const there = new Set<string>()
  const components = new Set<string>()
  for (const { component, index, draining } of [
    ...plan.instances,
    ...plan.done.map((copy) => ({ ...copy, draining: false })),
  ]) {
    if (draining) continue
    there.add(nameOf({ component, index }))
    components.add(component)
  }
  const owners = ownersOfKeys(record)
  const isWhole = hasSnapshots(record)
  const needed = plan.waiting.find(
    (copy) =>
      !there.has(nameOf(copy)) && (isWhole || !components.has(copy.component) || owners.has(copy.component)),
  )
  return needed && `a place for ${nameOf(needed)}. ${needed.reason}`
}

function waiting(facts: NetworkFacts, readiness: Readiness): Decision {
  const { plan, open, restarts, nowMs } = facts
  const waits = new Set(plan?.waiting.map(({ component }) => component))
  const times = (plan?.failures ?? [])
    .filter((one) => waits.has(one.component) && isPaused(one, restarts, nowMs))
    .map((one) => retryAtMs(one, restarts))
  const releasedMs = releaseMs(waits, facts)
  if (releasedMs !== undefined) times.push(releasedMs)
  const givenMs = readersUntilMs(facts)
  if (givenMs !== undefined) times.push(givenMs)
  const untilMs = times.length === 0 ? undefined : Math.min(...times)
  const wait = (what: string): Decision => ({ type: 'wait', untilMs, what })
  if (plan === undefined || plan.instances.length + plan.waiting.length === 0) return wait('a change')
  const needed = missing(facts, plan)
  if (needed !== undefined) return wait(needed)
  if (awaitsLast(facts)) return wait('the last snapshot')
  if (givenMs !== undefined) return wait('readers of exported outputs to take what is committed')
  if (open?.generation === plan.generation) return wait('a change')
  const late = plan.instances.filter((instance) => !readiness.isReady(instance))
  if (late.length === 0) return wait('the addresses of all workers')
  const others = late.length === 1 ? '' : ` and ${late.length - 1} more`
  return wait(`${nameOf(late[0]!)}${others} to be ready`)
}

function nameOf({ component, index }: { readonly component: string; readonly index: number }): string {
  return `${component}[${index}]`
}
