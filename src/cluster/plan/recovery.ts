import type { Plan, SnapshotRecord, SnapshotReference } from '../protocol/index.ts'
import type { PlanningFacts } from './facts.ts'
import { Numbers } from './numbers.ts'

/** The plan as one that goes on from a snapshot (PN-12): the places are those of `next`, the instances all new. */
export function recovered(next: Plan, { recovery, current }: PlanningFacts): Plan {
  const from = recovery?.from
  // No id of the plan before is given to another.
  const numbers = new Numbers({ ...next, instances: [...next.instances, ...(current?.instances ?? [])] })
  const { generation } = next
  const instances = next.instances
    .map((one) =>
      one.since === generation
        ? one
        : { ...one, id: numbers.instance(), since: generation, hereSince: one.hereSince ?? one.since },
    )
    .toSorted((a, b) => a.id - b.id)
  const used = new Set(instances.map(({ worker }) => worker))
  return {
    ...next,
    instances,
    workers: next.workers.filter(({ worker }) => used.has(worker)),
    ...(from && { restores: referenceTo(from) }),
    nextInstance: numbers.nextInstance,
  }
}

/** Those of a plan that had finished by the snapshot that is gone back to. */
export function finishedBy({ current, recovery }: PlanningFacts): PlanningFacts['finished'] {
  const finished = finishedNames(recovery)
  return new Set(current?.instances.filter((one) => finished.has(nameOf(one))).map(({ id }) => id))
}

/** They are done before anything is placed: the room that they take is free. What was done is so only where the snapshot has it, too. */
export function withoutFinished(facts: PlanningFacts): PlanningFacts {
  const { current, recovery } = facts
  if (current === undefined) return facts
  const finished = finishedNames(recovery)
  const over = current.instances.filter((one) => finished.has(nameOf(one)))
  const done = [...current.done.filter((one) => finished.has(nameOf(one))), ...over]
  return {
    ...facts,
    current: {
      ...current,
      instances: current.instances.filter((one) => !finished.has(nameOf(one))),
      done: done.map(({ component, index, version }) => ({ component, index, version })),
    },
  }
}

function referenceTo({ id, incarnation, manifest, version, discards }: SnapshotRecord): SnapshotReference {
  return { id, incarnation, manifest, version, ...(discards !== undefined && { discards }) }
}

/** One whose state is given up begins, whatever it had come to. */
function finishedNames(recovery: PlanningFacts['recovery']): ReadonlySet<string> {
  const { finished = [], discards = [] } = recovery?.from ?? {}
  return new Set(finished.filter(({ component }) => !discards.includes(component)).map(nameOf))
}

function nameOf({ component, index }: { readonly component: string; readonly index: number }): string {
  return `${component}[${index}]`
}
