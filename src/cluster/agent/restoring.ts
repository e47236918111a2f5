import { type InstanceRestore, restoreOf } from '../../snapshot/part.ts'
import type { SnapshotManifest } from '../../snapshot/manifest.ts'
import type { InstanceAssignment, WorkerAssignment } from '../../worker/assignment.ts'
import type { FlatNetwork } from '../../model/flatten.ts'
import { guaranteeInCluster, losesNothing } from '../../model/guarantee.ts'
import type { SnapshotReference, VersionRecord } from '../protocol/index.ts'

/** Whether snapshots are taken of a network: its guarantee stands on them. */
export function takesSnapshots(network: Pick<FlatNetwork, 'guarantee'>): boolean {
  return losesNothing(guaranteeInCluster(network))
}

/** What a network goes on from. */
export interface GoneOnFrom {
  readonly restores: Pick<SnapshotReference, 'upTo' | 'discards'> | undefined
  /** What `restores` refers to; undefined: all begin. */
  readonly snapshot: SnapshotManifest | undefined
  /** The network when it was taken, where that is another version: its code may know how state becomes older. */
  readonly wrote: VersionRecord | undefined
}

/** The assignments of a network with snapshots. Components that are to begin afresh only hear what their sinks have left. */
export function withSnapshots(
  assignments: readonly WorkerAssignment[],
  cluster: string,
  from: GoneOnFrom,
): WorkerAssignment[] {
  return assignments.map((assignment) => ({
    ...assignment,
    cluster,
    takesSnapshots: true,
    instances: assignment.instances.map((one) => {
      const restore = restoring(one, from)
      if (restore === undefined) return one
      return from.restores?.discards?.includes(one.component) === true
        ? { ...one, discarded: restore }
        : { ...one, restore }
    }),
  }))
}

function restoring(
  one: InstanceAssignment,
  { restores, snapshot, wrote }: GoneOnFrom,
): InstanceRestore | undefined {
  const { component, instance, instances } = one
  if (snapshot === undefined) return undefined
  // Only sources have no input.
  const isSource = one.inputs.length + one.initial.length === 0
  const restore = restoreOf(snapshot, { component, instance, instances, isSource })
  const components = wrote?.flat.components ?? {}
  const kind = Object.hasOwn(components, component) ? components[component] : undefined
  return (
    restore && {
      ...restore,
      ...(restores?.upTo && { upTo: restores.upTo }),
      ...(kind && { writer: { address: kind.kind, base: kind.base } }),
    }
  )
}
