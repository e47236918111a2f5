import { VertigoError } from '../../base/errors.ts'
import type {
  SharedChange,
  SharedChanges,
  SharedList,
  SharedReadOptions,
  SharedWatchOptions,
} from '../../component/shared.ts'
import { decodeValue, encodeValue } from '../envelope.ts'
import { isMissing, isUnchanged, put, remove, removeRange } from '../operations.ts'
import { conflict } from '../recipes/backoff.ts'
import type { Entry } from '../store.ts'
import { Collection, type CollectionMeans } from './collection.ts'
import { listKey } from './keys.ts'
import { typedChanges } from './typed-changes.ts'

const pushMax = 100

/**
 * One key of the store for each element, with a name of the pusher's own. The order is that of create revisions, so that
 * those who push do not compete.
 */
export class StoreList<V> extends Collection implements SharedList<V> {
  constructor(means: CollectionMeans, name: string) {
    super(means, 'list', name)
  }

  async push(...values: V[]): Promise<void> {
    if (values.length === 0) return
    if (values.length > pushMax)
      throw new VertigoError('USAGE', `push was given ${values.length} values; it takes ${pushMax} at most.`)
    const bytes = values.map((value) => encodeValue(value))
    await this.compete(async () => {
      const id = this.means.uniqueId(false)
      const keys = bytes.map((_, index) => listKey(this.prefix, id, index))
      const then = bytes.map((value, index) => put(keys[index]!, value))
      const { succeeded } = await this.write({ compare: [isMissing(keys[0]!)], then })
      if (succeeded) return undefined
      // Two connections with one id: their randomness has the same seed.
      this.means.uniqueId(true)
      return conflict
    })
  }

  async get(index: number, options?: SharedReadOptions): Promise<V | undefined> {
    return (await this.values(options))[index]
  }

  async values(options?: SharedReadOptions): Promise<readonly V[]> {
    return (await this.elements(options)).map((entry) => decodeValue(entry) as V)
  }

  async size(options?: SharedReadOptions): Promise<number> {
    return (await this.elements(options)).length
  }

  async set(index: number, value: V): Promise<boolean> {
    const bytes = encodeValue(value)
    return this.change(this.prefix, async () => {
      const entry = (await this.elements())[index]
      if (entry === undefined) return false
      const transaction = { compare: [isUnchanged(entry.key, entry)], then: [put(entry.key, bytes)] }
      return (await this.write(transaction)).succeeded ? true : conflict
    })
  }

  async remove(index: number): Promise<V | undefined> {
    return this.change(this.prefix, async () => {
      const entry = (await this.elements())[index]
      if (entry === undefined) return undefined
      const value = decodeValue(entry) as V
      const transaction = { compare: [isUnchanged(entry.key, entry)], then: [remove(entry.key)] }
      return (await this.write(transaction)).succeeded ? value : conflict
    })
  }

  async clear(): Promise<void> {
    await this.write({ then: [removeRange(this.prefix)] })
  }

  watch(options?: SharedWatchOptions): Promise<SharedChanges<SharedChange<V>>> {
    return typedChanges(this.means.store, this.prefix, () => ({}), options)
  }

  private async elements(options?: SharedReadOptions): Promise<readonly Entry[]> {
    const entries = await this.readAll(this.prefix, options)
    // Those of one push have one revision; then the order of keys, which they are in, counts.
    return entries.toSorted((a, b) => a.createRevision - b.createRevision)
  }
}
