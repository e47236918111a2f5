import type { SnapshotManifest } from '../../snapshot/manifest.ts'
import type { SnapshotStorage } from '../../snapshot/storage/storage.ts'
import { getManifest } from '../../snapshot/stored-manifest.ts'
import type { CallOptions } from '../../store/store.ts'
import type { ListedSnapshot, Snapshots } from './snapshots.ts'

/** Opens the storage at an address; undefined: the one where the cluster keeps snapshots by default. */
export type OpenStorage = (address: string | undefined) => Promise<SnapshotStorage>

export interface SnapshotContent {
  readonly snapshot: ListedSnapshot
  readonly manifest: SnapshotManifest
}

/** What the snapshots of networks consist of, for those who are not in the network. */
export class SnapshotFiles {
  private readonly snapshots: Snapshots
  private readonly open: OpenStorage

  constructor(snapshots: Snapshots, open: OpenStorage) {
    this.snapshots = snapshots
    this.open = open
  }

  /** By name or number. Errors: NETWORK_UNKNOWN, SNAPSHOT_UNKNOWN, those of the storage and of manifests. */
  async content(network: string, snapshot: string, options: CallOptions = {}): Promise<SnapshotContent> {
    const found = await this.snapshots.show(network, snapshot, options)
    const { storage, manifest: reference, incarnation, id } = found
    const owner = { network, incarnation, id }
    const manifest = await getManifest(await this.open(storage), reference, owner, options)
    return { snapshot: found, manifest }
  }
}
