import { restoreOf } from '../../snapshot/part.ts'
import type { SnapshotManifest } from '../../snapshot/manifest.ts'
import type { WorkerAssignment } from '../../worker/assignment.ts'
import type { FlatNetwork } from '../../model/flatten.ts'
import { guaranteeInCluster, losesNothing } from '../../model/guarantee.ts'
import type { SnapshotReference } from '../protocol/index.ts'

/** Whether snapshots are taken of a network: its guarantee stands on them. */
export function takesSnapshots(network: Pick<FlatNetwork, 'guarantee'>): boolean {
  return losesNothing(guaranteeInCluster(network))
}

/**
 * The assignments of a network with snapshots; its instances go on from `snapshot`, where one is given: what `restores` refers to. Those of
 * components that are to begin afresh do not.
 */
export function withSnapshots(
  assignments: readonly WorkerAssignment[],
  cluster: string,
  restores: Pick<SnapshotReference, 'upTo' | 'discards'> | undefined,
  snapshot: SnapshotManifest | undefined,
): WorkerAssignment[] {
  const upTo = restores?.upTo === undefined ? {} : { upTo: restores.upTo }
  return assignments.map((assignment) => ({
    ...assignment,
    cluster,
    takesSnapshots: true,
    instances: assignment.instances.map((one) => {
      const { component, instance, instances } = one
      if (restores?.discards?.includes(component) === true) return one
      // Only sources have no input.
      const isSource = one.inputs.length + one.initial.length === 0
      const restore = snapshot && restoreOf(snapshot, { component, instance, instances, isSource })
      return restore === undefined ? one : { ...one, restore: { ...restore, ...upTo } }
    }),
  }))
}
