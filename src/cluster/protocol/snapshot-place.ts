import { VertigoError } from '../../base/errors.ts'
import type { FlatNetwork } from '../../model/flatten.ts'
import { guaranteeInCluster, losesNothing } from '../../model/guarantee.ts'
import type { VersionRecord } from './network-record.ts'

/** Whether snapshots are taken of a version: they are what keeps its guarantee. */
export function hasSnapshots(record: VersionRecord | undefined): boolean {
  return record !== undefined && losesNothing(guaranteeInCluster(record.flat))
}

/** Whether a network has snapshots that need a place. One without components has nothing to keep yet. */
export function needsSnapshots(network: Pick<FlatNetwork, 'guarantee' | 'components'>): boolean {
  return losesNothing(guaranteeInCluster(network)) && Object.keys(network.components).length > 0
}

/** Of a network that would keep less than it promises, since nobody has said where its snapshots are kept. */
export function snapshotsUnplaced(network: FlatNetwork, cause?: unknown): VertigoError {
  return new VertigoError(
    'SNAPSHOT_STORAGE_UNSET',
    `The network "${network.name}" is ${guaranteeInCluster(network)}, and there is no place for its snapshots.`,
    { cause },
  )
}
