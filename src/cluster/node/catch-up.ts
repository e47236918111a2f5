import type { Clock } from '../../base/clock.ts'
import type { Store } from '../../store/store.ts'
import type { ClusterObserver } from '../client/index.ts'
import type { ClusterKeys } from '../protocol/index.ts'

export interface CatchUpMeans {
  readonly store: Store
  readonly keys: ClusterKeys
  readonly observer: ClusterObserver
  readonly clock: Clock
}

/**
 * Asks the store what is wanted of a network, and waits until this node sees at least that: whoever has just deployed by one node
 * may ask another, whose view comes after. Both together take `timeoutMs` at most; a view that is later than that says what it sees.
 *
 * Errors: those of the store.
 */
export async function catchUp(
  network: string,
  { store, keys, observer, clock }: CatchUpMeans,
  timeoutMs: number,
): Promise<void> {
  const endMs = clock.monotonic() + timeoutMs
  const { entry } = await store.get(keys.network(network).desired, { timeoutMs })
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
      resolve()
    }
    const unsubscribe = observer.subscribe(() => {
      if (isSeen()) done()
    })
    const cancel = clock.after(Math.max(0, endMs - clock.monotonic()), done, { background: true })
  })
}
