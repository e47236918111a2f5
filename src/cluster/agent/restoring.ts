import { type InstanceRestore, restoreOf } from '../../snapshot/part.ts'
import type { SnapshotManifest } from '../../snapshot/manifest.ts'
import type { InstanceAssignment, WorkerAssignment } from '../../worker/assignment.ts'
import type { FlatNetwork } from '../../model/flatten.ts'
import type { VersionRecord } from '../protocol/index.ts'

/** Whether snapshots are taken of a network: its guarantee stands on them. */
export function takesSnapshots({ guarantee = 'at-most-once' }: Pick<FlatNetwork, 'guarantee'>): boolean {
  return guarantee !== 'at-most-once'
}

/** What a network goes on from. */
export interface GoneOnFrom {
  readonly snapshot: SnapshotManifest
  /** Of the network, as it was when the snapshot was taken; undefined where that is not known any more. */
  readonly by: VersionRecord | undefined
  /** Components that begin anew. */
  readonly discards: readonly string[]
}

/** The assignments of a network with snapshots; its instances go on `from` one, where it is given. */
export function withSnapshots(
  assignments: readonly WorkerAssignment[],
  from: GoneOnFrom | undefined,
): WorkerAssignment[] {
  return assignments.map((assignment) => ({
    ...assignment,
    takesSnapshots: true,
    instances: assignment.instances.map((one) => {
      const restore = from && restoring(one, from)
      return restore === undefined ? one : { ...one, restore }
    }),
  }))
}

function restoring(
  { component, instance, instances }: InstanceAssignment,
  { snapshot, by, discards }: GoneOnFrom,
): InstanceRestore | undefined {
  if (discards.includes(component)) return undefined
  const restore = restoreOf(snapshot, { component, instance, instances })
  const components = by?.flat.components ?? {}
  const wrote = Object.hasOwn(components, component) ? components[component] : undefined
  if (restore === undefined || wrote === undefined) return restore
  return { ...restore, writer: { address: wrote.kind, base: wrote.base } }
}
