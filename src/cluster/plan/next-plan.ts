import { asWorkerNumber, noGeneration, type Plan } from '../protocol/index.ts'
import { numberConnections } from './connections.ts'
import type { PlanningFacts } from './facts.ts'
import { Homes } from './homes.ts'
import { nextGeneration } from './numbers.ts'
import { placeAround } from './place-around.ts'
import { finishedBy, recovered, withoutFinished } from './recovery.ts'
import { shapesOf } from './shape.ts'
import { LivingWorkers, recordOf, survey } from './survey.ts'

/**
 * The planner: from what is wanted, what is there and what runs, to the plan that comes next. A function of its facts
 * alone: no clock, no store, no randomness; the same facts give the same plan, in whatever order they are listed.
 *
 * - PN-1 Planning again with the plan that came out gives nothing to do.
 * - PN-2 What runs keeps its id unless a change concerns it, it failed, its worker is gone, or it has to leave its node.
 *   What concerns a component is in `concern.ts`; the number of copies does where copies have shares by number: all of
 *   them are replaced. Of other components the copies with the lowest numbers stay.
 * - PN-3 A new instance is on a node that is there, not drained, hosts workers, is in its group, has its labels, and has
 *   no copy of what it is to be apart from; instances that drain do not count for this, they are about to leave. What runs is
 *   not moved to make room for what is new, nor to even out load.
 * - PN-4 What has to leave its node (a drain, new rules for placement) gets a successor first, and drains beside it.
 *   Where there is no place for one, it stays and runs, and `waiting` says why.
 * - PN-5 What cannot be placed is in `waiting` with its reason. With fewer nodes than the quorum nothing is placed and no new
 *   version is begun; what runs goes on, and what is to stop may drain.
 * - PN-6 Ids, numbers of workers and of connections keep to PL-2. A worker that is left without instances is dropped; so
 *   is one that ended or whose node is gone, and with a node that came back the network has new workers.
 * - PN-7 What has finished stays in the plan as long as its worker does, marked as such. Where it loses its worker and is known to have
 *   finished, it is `done` and not started again, until a change concerns it.
 * - PN-8 Instances that drain leave the plan when all of them have ended, or with the next plan that is made for
 *   something else: a plan for each would be many.
 * - PN-9 What drains works as before until the first generation in which it drains is open. Where it is wanted again
 *   before that, it is kept: so a change that is taken back leaves what ran as it was. What is new in generations that were
 *   never open leaves without draining. A connection that such a change had left out comes back under another number (PL-2: it is not in the
 *   parent), so its channels are new ones. That loses nothing: each waits for the one that it takes the place of (WI-5, IB-1).
 * - PN-10 A network has at most one worker for each instance on a node, as many as the node has left beside other
 *   networks, and one where it has none left.
 *
 * - PN-11 No two instances that exchange messages are on two nodes without a link between them. One of the two gives up what
 *   it has of that network, as for a drain, and gets nothing new while another node fits; it is the one that this costs less, and
 *   of several broken links a node that all of them have in common. Where that leads to nothing (labels, copies that are
 *   spread) nothing moves for it: the instances stay, and `waiting` names the pair.
 * - PN-12 In a network with snapshots that is to run, a plan is a recovery: all of its instances are new, in their places, and go on from
 *   the snapshot that was committed last. Nothing drains: what is on its way is sent again. What had finished by that snapshot is
 *   `done`; whatever finished since begins again. So an instance counts as finished here when the snapshot has it so.
 *
 * - PN-13 A copy that keeps something on the disk of a node stays there, from the first plan in which it has a place until its network begins
 *   afresh: where that node is gone or drained, it waits, and is not begun elsewhere without what it had. The same holds for files of a machine, with
 *   any node there, until the rules for its place change; where they leave several machines, nothing begins.
 *
 * `facts.ts` says what is given, `board.ts` which place is the best, `survey.ts` what becomes of what runs.
 */
export function nextPlan(given: PlanningFacts): Plan | undefined {
  const facts = withKnownEnds(belowQuorum(given))
  const { current, goal } = facts
  if (goal !== 'run' && current === undefined) return undefined
  const { plan, hasDrainedWell } = improved(facts, planned(facts))
  if (current !== undefined) {
    const stillDrains = plan.instances.some(({ draining }) => draining)
    const compared = hasDrainedWell && stillDrains ? withoutDraining : (one: Plan): Plan => one
    if (content(compared(plan)) === content(compared(current))) return undefined
  }
  if (facts.recovery === undefined || goal !== 'run') return plan
  const settled = withoutFinished(facts)
  return recovered(improved(settled, planned(settled)).plan, facts)
}

interface Planned {
  readonly plan: Plan
  readonly hasDrainedWell: boolean
}

function planned(facts: PlanningFacts): Planned {
  const { current } = facts
  const target = recordOf(facts, facts.version)
  const shapes = shapesOf(target)
  const living = new LivingWorkers(facts)
  const found = survey(facts, target, shapes, living)
  const { placed, numbers } = placeAround(facts, shapes, found, living)
  const isRecovery = facts.recovery !== undefined && facts.goal === 'run'
  const instances = isRecovery ? placed.instances.filter(({ draining }) => !draining) : placed.instances
  const connections = numberConnections(facts, target, instances, numbers)
  const plan: Plan = {
    network: facts.network,
    generation: nextGeneration(facts),
    parent: current?.generation ?? noGeneration,
    term: facts.term,
    version: facts.version,
    ...(facts.fallback === undefined ? {} : { fallback: facts.fallback }),
    workers: [...placed.workers],
    instances: instances.map((one) => (facts.finished.has(one.id) ? { ...one, finished: true } : one)),
    connections,
    waiting: [...placed.waiting],
    done: [...found.done],
    failures: [...facts.failures],
    ...new Homes(facts).next(instances, placed.workers),
    nextWorker: asWorkerNumber(numbers.nextWorker),
    nextInstance: numbers.nextInstance,
    nextConnection: numbers.nextConnection,
  }
  return { plan, hasDrainedWell: found.hasDrainedWell }
}

/** How often a plan around broken links is planned again, until it stays as it is. */
const improvementsMax = 8

/**
 * What is placed changes which node gives way at the least cost, and makes room or takes it: so a plan around broken links may
 * be bettered by planning on from it. That is done here and not with the next plan, for PN-1.
 */
function improved(facts: PlanningFacts, first: Planned): Planned {
  if ((facts.brokenLinks ?? []).length === 0) return first
  let best = first.plan
  for (let round = 0; round < improvementsMax; round++) {
    const next = inOneStep(facts, planned({ ...facts, current: best }).plan)
    if (content(next) === content(best)) break
    best = next
  }
  return { plan: best, hasDrainedWell: first.hasDrainedWell }
}

/** A plan that was made from one that nobody carried out, as made from the one before it. */
function inOneStep(facts: PlanningFacts, plan: Plan): Plan {
  const { current } = facts
  const parent = current?.generation ?? noGeneration
  const generation = nextGeneration(facts)
  const known = new Set(current?.instances.map(({ id }) => id))
  const instances = plan.instances
    .filter(({ id, draining }) => !draining || known.has(id))
    .map((one) => ({
      ...one,
      ...(known.has(one.id) ? {} : { since: generation }),
      ...(one.drainingSince === undefined || one.drainingSince <= generation
        ? {}
        : { drainingSince: generation }),
    }))
  const used = new Set(instances.map(({ worker }) => worker))
  return {
    ...plan,
    generation,
    parent,
    instances,
    workers: plan.workers.filter(({ worker }) => used.has(worker)),
  }
}

/** What has finished once has, also while nobody has said so for the newest generation yet. */
function withKnownEnds(facts: PlanningFacts): PlanningFacts {
  if (facts.recovery !== undefined && facts.goal === 'run') return { ...facts, finished: finishedBy(facts) }
  const known = facts.current?.instances.filter(({ finished }) => finished === true) ?? []
  return { ...facts, finished: new Set([...facts.finished, ...known.map(({ id }) => id)]) }
}

/** A version that is not begun yet waits for the quorum; the one before is what counts (PN-5). */
function belowQuorum(facts: PlanningFacts): PlanningFacts {
  const { nodes, quorum, current, goal } = facts
  if (nodes.length >= quorum || current === undefined || goal !== 'run') return facts
  return { ...facts, version: current.version, fallback: current.fallback }
}

/** What a plan says; not which plan it is, nor what it carries along for others. Lists of values: plans are large. */
function content(plan: Plan): string {
  return JSON.stringify([
    plan.version,
    plan.workers.map((one) => [one.worker, one.node, one.incarnation]),
    plan.instances.map((one) => [one.id, one.component, one.index, one.worker, one.version, one.draining]),
    Object.entries(plan.connections).toSorted(([, a], [, b]) => a - b),
    plan.waiting.map((one) => [one.component, one.index, one.reason]),
    plan.done.map((one) => [one.component, one.index, one.version]),
  ])
}

function withoutDraining(plan: Plan): Plan {
  const instances = plan.instances.filter(({ draining }) => !draining)
  const used = new Set(instances.map(({ worker }) => worker))
  const workers = plan.workers.filter(({ worker }) => used.has(worker))
  // Connections that only what drained had go with it.
  return { ...plan, instances, workers, connections: {} }
}
