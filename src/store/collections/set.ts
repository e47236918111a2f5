import type {
  SharedChange,
  SharedChanges,
  SharedReadOptions,
  SharedSet,
  SharedWatchOptions,
} from '../../component/shared.ts'
import { decodeValue, encodeValue } from '../envelope.ts'
import { isMissing, isPresent, put, remove, removeRange } from '../operations.ts'
import { Collection, type CollectionMeans } from './collection.ts'
import { setKey } from './keys.ts'
import { typedChanges } from './typed-changes.ts'

/** One key of the store for each value. */
export class StoreSet<V> extends Collection implements SharedSet<V> {
  constructor(means: CollectionMeans, name: string) {
    super(means, 'set', name)
  }

  async add(value: V): Promise<boolean> {
    const bytes = encodeValue(value)
    const own = setKey(this.prefix, value)
    return (await this.write({ compare: [isMissing(own)], then: [put(own, bytes)] })).succeeded
  }

  async delete(value: V): Promise<boolean> {
    const own = setKey(this.prefix, value)
    return (await this.write({ compare: [isPresent(own)], then: [remove(own)] })).succeeded
  }

  async has(value: V, options?: SharedReadOptions): Promise<boolean> {
    return (await this.readOne(setKey(this.prefix, value), options)) !== undefined
  }

  async values(options?: SharedReadOptions): Promise<readonly V[]> {
    const entries = await this.readAll(this.prefix, options)
    return entries.map((entry) => decodeValue(entry) as V)
  }

  async size(options?: SharedReadOptions): Promise<number> {
    return (await this.readAll(this.prefix, options)).length
  }

  async clear(): Promise<void> {
    await this.write({ then: [removeRange(this.prefix)] })
  }

  watch(options?: SharedWatchOptions): Promise<SharedChanges<SharedChange<V>>> {
    return typedChanges(this.means.store, this.prefix, () => ({}), options)
  }
}
