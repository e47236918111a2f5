import type { Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import type { FileReference } from '../snapshot/manifest.ts'
import type { MergeRequest } from '../snapshot/merge-files.ts'
import type { SnapshotStorage } from '../snapshot/storage/storage.ts'
import { Merges } from './merges.ts'
import type { StoresModule } from './types.ts'

export interface ThreadSnapshotsMeans {
  readonly clock: Clock
  /** URL of a `StoresModule`. */
  readonly stores: string
  /** Where the snapshots of the newest assignment are; undefined where it has none. */
  readonly address: () => string | undefined
}

interface Place {
  readonly address: string
  readonly storage: Promise<SnapshotStorage>
  readonly merges: Merges
}

/**
 * Where the thread of a worker writes snapshots to. A thread outlives versions of its network, and these say where its snapshots are, or that
 * it has none: so the place is looked up each time, and opened when it is another one.
 */
export class ThreadSnapshots {
  private readonly means: ThreadSnapshotsMeans
  private place: Place | undefined
  private readonly closing = new Set<Promise<unknown>>()

  constructor(means: ThreadSnapshotsMeans) {
    this.means = means
  }

  readonly storage = async (): Promise<SnapshotStorage> => this.current().storage

  readonly merge = async (request: MergeRequest, signal: AbortSignal): Promise<FileReference> =>
    this.current().merges.merge(request, signal)

  async close(): Promise<void> {
    this.leave()
    await Promise.allSettled(this.closing)
  }

  private current(): Place {
    const address = this.means.address()
    if (address === undefined)
      throw new VertigoError('SNAPSHOT_STORAGE_UNSET', 'There is no place for snapshots.')
    if (this.place?.address === address) return this.place
    this.leave()
    const place = this.open(address)
    this.place = place
    return place
  }

  private open(address: string): Place {
    const { stores } = this.means
    const place = { address, storage: this.opened(address), merges: new Merges({ stores, address }) }
    place.storage.catch(() => {
      // The next one tries again.
      if (this.place === place) this.leave()
    })
    return place
  }

  private async opened(address: string): Promise<SnapshotStorage> {
    const { openSnapshotStorage } = (await import(this.means.stores)) as StoresModule
    return openSnapshotStorage(address, this.means.clock)
  }

  /** What still writes there is of a generation that is over. */
  private leave(): void {
    if (this.place === undefined) return
    const { storage, merges } = this.place
    this.place = undefined
    const closed = Promise.allSettled([merges.close(), storage.then((one) => one.close())])
    const all: Promise<unknown> = closed.finally(() => this.closing.delete(all))
    this.closing.add(all)
  }
}
