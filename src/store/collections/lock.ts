import type { SharedHold, SharedLock } from '../../component/shared.ts'
import { Lock } from '../recipes/lock.ts'
import type { Store } from '../store.ts'
import { collectionPrefix } from './keys.ts'
import type { CollectionMeans } from './collection.ts'

/** The recipe `Lock` under the lease of the connection. It goes past the pace of collections: who holds a lock must not starve. */
export class StoreLock implements SharedLock {
  private readonly means: CollectionMeans
  private readonly lock: Lock

  constructor(means: CollectionMeans, store: Store, name: string) {
    this.means = means
    this.lock = new Lock(store, collectionPrefix('lock', name), means)
  }

  acquire(signal?: AbortSignal): Promise<SharedHold> {
    return this.whileOpen(async () => this.lock.acquire(await this.means.session(), signal))
  }

  tryAcquire(): Promise<SharedHold | undefined> {
    return this.whileOpen(async () => this.lock.tryAcquire(await this.means.session()))
  }

  /** What is under way when all is closed loses its lease; its caller hears why. */
  private async whileOpen<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } finally {
      this.means.checkOpen()
    }
  }
}
