import {
  type OpenCollections,
  openCollections,
  type CollectionsOptions,
} from '../../../../src/store/collections/index.ts'
import type { Faults } from './faulty-store.ts'
import type { CollectionsClient } from '../../../support/store/collections.ts'
import type { SimulatedClient, World } from './world.ts'

export interface SimulatedCollections extends CollectionsClient {
  readonly client: SimulatedClient
  readonly collections: OpenCollections
}

export function collectionsClient(
  world: World,
  faults?: Faults,
  options?: Partial<CollectionsOptions>,
): SimulatedCollections {
  const client = world.client(faults)
  const { name, store, clock, random } = client
  return {
    client,
    name,
    store,
    clock,
    random,
    collections: openCollections(store, { clock, random, ...options }),
  }
}
