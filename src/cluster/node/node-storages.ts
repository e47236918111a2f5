import type { Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { SnapshotStorage } from '../../snapshot/storage/storage.ts'
import type { SnapshotStorages } from '../control/index.ts'

export interface NodeStoragesMeans {
  readonly clock: Clock
  /** Where snapshots are of networks that do not say it. */
  readonly defaultAddress: string | undefined
  readonly openStorage: (address: string, clock: Clock) => Promise<SnapshotStorage>
}

/** The storages of snapshots that a node has to do with: each is opened once, and closed with this. */
export class NodeStorages implements SnapshotStorages {
  readonly defaultAddress: string | undefined
  private readonly means: NodeStoragesMeans
  private readonly opened = new Map<string, Promise<SnapshotStorage>>()

  constructor(means: NodeStoragesMeans) {
    this.means = means
    this.defaultAddress = means.defaultAddress
  }

  /** One that could not be opened is tried anew. Errors: SNAPSHOT_STORAGE_UNSET, those of the storage. */
  open(address: string | undefined): Promise<SnapshotStorage> {
    const { openStorage, clock, defaultAddress } = this.means
    const found = address ?? defaultAddress
    if (found === undefined)
      return Promise.reject(new VertigoError('SNAPSHOT_STORAGE_UNSET', 'There is no place for snapshots.'))
    const known = this.opened.get(found)
    if (known !== undefined) return known
    const opening = openStorage(found, clock)
    opening.catch(() => this.opened.delete(found))
    this.opened.set(found, opening)
    return opening
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.opened.values())
    this.opened.clear()
    await Promise.all(opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value.close()] : [])))
  }
}
