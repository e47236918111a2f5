import type {
  SharedChange,
  SharedChanges,
  SharedMultimap,
  SharedReadOptions,
  SharedWatchOptions,
} from '../../component/shared.ts'
import { decodeValue, encodeValue } from '../envelope.ts'
import { isMissing, isPresent, put, remove, removeRange } from '../operations.ts'
import { Collection, type CollectionMeans } from './collection.ts'
import { multimapKey, multimapKeyText, multimapPrefix } from './keys.ts'
import { typedChanges } from './typed-changes.ts'

/** One key of the store for each pair of key and value, so that adding and removing need no reading. */
export class StoreMultimap<V> extends Collection implements SharedMultimap<V> {
  constructor(means: CollectionMeans, name: string) {
    super(means, 'multimap', name)
  }

  async add(key: string, value: V): Promise<boolean> {
    const bytes = encodeValue(value)
    const own = multimapKey(this.prefix, key, value)
    return (await this.write({ compare: [isMissing(own)], then: [put(own, bytes)] })).succeeded
  }

  async remove(key: string, value: V): Promise<boolean> {
    const own = multimapKey(this.prefix, key, value)
    return (await this.write({ compare: [isPresent(own)], then: [remove(own)] })).succeeded
  }

  async removeAll(key: string): Promise<void> {
    await this.write({ then: [removeRange(multimapPrefix(this.prefix, key))] })
  }

  async has(key: string, value: V, options?: SharedReadOptions): Promise<boolean> {
    return (await this.readOne(multimapKey(this.prefix, key, value), options)) !== undefined
  }

  async get(key: string, options?: SharedReadOptions): Promise<readonly V[]> {
    const entries = await this.readAll(multimapPrefix(this.prefix, key), options)
    return entries.map((entry) => decodeValue(entry) as V)
  }

  async entries(options?: SharedReadOptions): Promise<ReadonlyMap<string, readonly V[]>> {
    const all = new Map<string, V[]>()
    for (const entry of await this.readAll(this.prefix, options)) {
      const key = multimapKeyText(this.prefix, entry.key)
      const values = all.get(key)
      if (values === undefined) all.set(key, [decodeValue(entry) as V])
      else values.push(decodeValue(entry) as V)
    }
    return all
  }

  async clear(): Promise<void> {
    await this.write({ then: [removeRange(this.prefix)] })
  }

  watch(options?: SharedWatchOptions): Promise<SharedChanges<SharedChange<V, { readonly key: string }>>> {
    const locate = (key: string): { readonly key: string } => ({ key: multimapKeyText(this.prefix, key) })
    return typedChanges(this.means.store, this.prefix, locate, options)
  }
}
