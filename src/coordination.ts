import { type Clock, systemClock } from './base/clock.ts'
import { type Random, systemRandom } from './base/random.ts'
import {
  type CollectionsOptions,
  type OpenCollections,
  openCollections as openCollectionsWith,
} from './store/collections/index.ts'
import type { Store } from './store/store.ts'
import { openStore as openStoreWith } from './stores.ts'

/** `vertigo-flow/coordination`: the store, the recipes and the shared collections, for programs that are no components. */
export { systemClock, systemRandom }
export type { Clock, CollectionsOptions, OpenCollections, Random }
export * from './store/store.ts'
export * from './store/operations.ts'
export { decodeValue, encodeValue } from './store/envelope.ts'
export * from './store/recipes/index.ts'

/** Opens a store by its address, as `memory:`. Errors: STORE_URL_INVALID, and those of the backend. */
export function openStore(url: string): Promise<Store> {
  return openStoreWith(url, systemClock)
}

/** The shared collections in a store. Closing them leaves the store open. */
export function openCollections(store: Store, options: Partial<CollectionsOptions> = {}): OpenCollections {
  return openCollectionsWith(store, { clock: systemClock, random: systemRandom, ...options })
}
