import { restoreOf } from '../../snapshot/part.ts'
import type { SnapshotManifest } from '../../snapshot/manifest.ts'
import type { WorkerAssignment } from '../../worker/assignment.ts'
import type { FlatNetwork } from '../../model/flatten.ts'

/** Whether snapshots are taken of a network: its guarantee stands on them. */
export function takesSnapshots({ guarantee = 'at-most-once' }: Pick<FlatNetwork, 'guarantee'>): boolean {
  return guarantee !== 'at-most-once'
}

/**
 * The assignments of a network with snapshots; its instances go on from `snapshot`, where one is given, but for those of the components
 * that are to begin afresh.
 */
export function withSnapshots(
  assignments: readonly WorkerAssignment[],
  snapshot: SnapshotManifest | undefined,
  discards: readonly string[] = [],
): WorkerAssignment[] {
  return assignments.map((assignment) => ({
    ...assignment,
    takesSnapshots: true,
    instances: assignment.instances.map((one) => {
      const { component, instance, instances } = one
      if (discards.includes(component)) return one
      const restore = snapshot && restoreOf(snapshot, { component, instance, instances })
      return restore === undefined ? one : { ...one, restore }
    }),
  }))
}
