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

function referenceTo(record: SnapshotRecord): SnapshotReference {
  const { id, incarnation, manifest, version, upTo, chosenFor, discards } = record
  return {
    id,
    incarnation,
    manifest,
    version,
    ...(upTo && { upTo }),
    ...(chosenFor && { chosenFor }),
    ...(discards && { discards }),
  }
}

/** Those of a plan that had finished by the snapshot that is gone back to. */
export function finishedBy(facts: PlanningFacts): PlanningFacts['finished'] {
  const { current } = facts
  const finished = finishedNames(facts)
  return new Set(current?.instances.filter((one) => finished.has(nameOf(one))).map(({ id }) => id))
}

/** They are done before anything is placed: the room that they take is free. What was done is so only where the snapshot has it, too. */
export function withoutFinished(facts: PlanningFacts): PlanningFacts {
  const { current } = facts
  if (current === undefined) return facts
  const finished = finishedNames(facts)
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

/**
 * With another number of instances nobody has finished: what was one's belongs to others now, who may have to go on with it. Where all of
 * them had, they come to their end as soon as they begin.
 */
function finishedNames({ recovery, versions, version }: PlanningFacts): ReadonlySet<string> {
  const from = recovery?.from
  if (from === undefined) return new Set()
  const copies = (of: typeof version, component: string): number | undefined => {
    const found = versions.get(of)?.flat.components
    return found !== undefined && Object.hasOwn(found, component)
      ? (found[component]!.instances ?? 1)
      : undefined
  }
  const isSame = ({ component }: { readonly component: string }): boolean =>
    copies(from.version, component) === copies(version, component)
  return new Set(from.finished.filter(isSame).map(nameOf))
}

function nameOf({ component, index }: { readonly component: string; readonly index: number }): string {
  return `${component}[${index}]`
}
