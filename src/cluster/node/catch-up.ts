import type { Clock } from '../../base/clock.ts'
import type { Store } from '../../store/store.ts'
import type { ClusterObserver } from '../client/index.ts'
import type { ClusterKeys } from '../protocol/index.ts'

/** A node whose view is later than that says what it sees. */
const lagMsMax = 2_000

export interface CatchUpMeans {
  readonly store: Store
  readonly keys: ClusterKeys
  readonly observer: ClusterObserver
  readonly clock: Clock
}

/**
 * Asks the store what is wanted of a network, and waits until this node sees at least that: whoever has just deployed by one node
 * may ask another, whose view comes after.
 *
 * Errors: those of the store.
 */
export async function catchUp(
  network: string,
  { store, keys, observer, clock }: CatchUpMeans,
  signal?: AbortSignal,
): Promise<void> {
  const { entry } = await store.get(keys.network(network).desired, signal === undefined ? {} : { signal })
  if (entry === undefined) return
  const isSeen = (): boolean => {
    const seen = observer.view.networks.get(network)?.desired?.entry.modRevision
    return seen !== undefined && seen >= entry.modRevision
  }
  if (isSeen()) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      unsubscribe()
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const unsubscribe = observer.subscribe(() => {
      if (isSeen()) done()
    })
    const cancel = clock.after(lagMsMax, done, { background: true })
    signal?.addEventListener('abort', done, { once: true })
  })
}
