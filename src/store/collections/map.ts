import type {
  MapChange,
  SharedChanges,
  SharedMap,
  SharedPutOptions,
  SharedReadOptions,
  SharedWatchOptions,
} from '../../component/shared.ts'
import { decodeValue, encodeValue } from '../envelope.ts'
import { get, isMissing, isPresent, isUnchanged, put, remove, removeRange } from '../operations.ts'
import { conflict } from '../recipes/backoff.ts'
import type { Entry, LeaseId, Transaction, TransactionResult } from '../store.ts'
import { isSameJson } from './canonical-json.ts'
import { Collection, type CollectionMeans, isLeaseLost } from './collection.ts'
import { mapKey, mapKeyText } from './keys.ts'
import { typedChanges } from './typed-changes.ts'

/** In place of a value: what is there stays. */
const keep = Symbol('keep')

/** One key of the store for each entry; entries with a time to live hang on shared leases (`ttl-leases.ts`). */
export class StoreMap<V> extends Collection implements SharedMap<V> {
  constructor(means: CollectionMeans, name: string) {
    super(means, 'map', name)
  }

  async get(key: string, options?: SharedReadOptions): Promise<V | undefined> {
    const entry = await this.readOne(this.keyOf(key), options)
    return entry && (decodeValue(entry) as V)
  }

  async has(key: string, options?: SharedReadOptions): Promise<boolean> {
    return (await this.readOne(this.keyOf(key), options)) !== undefined
  }

  async entries(options?: SharedReadOptions): Promise<ReadonlyMap<string, V>> {
    const entries = await this.readAll(this.prefix, options)
    return new Map(entries.map((entry) => [mapKeyText(this.prefix, entry.key), decodeValue(entry) as V]))
  }

  async size(options?: SharedReadOptions): Promise<number> {
    return (await this.readAll(this.prefix, options)).length
  }

  async set(key: string, value: V, options: SharedPutOptions = {}): Promise<void> {
    const bytes = encodeValue(value)
    const own = this.keyOf(key)
    await this.writeWithLease(options, undefined, (lease) => ({ then: [put(own, bytes, lease)] }))
  }

  async putIfAbsent(key: string, value: V, options: SharedPutOptions = {}): Promise<V | undefined> {
    const own = this.keyOf(key)
    const bytes = encodeValue(value)
    const { succeeded, results } = await this.writeWithLease(options, undefined, (lease) => ({
      compare: [isMissing(own)],
      then: [put(own, bytes, lease)],
      otherwise: [get(own)],
    }))
    const [read] = results
    return succeeded || read?.type !== 'get' ? undefined : read.entry && (decodeValue(read.entry) as V)
  }

  async replace(key: string, expected: V, value: V, options: SharedPutOptions = {}): Promise<boolean> {
    const written = await this.modify(
      key,
      (old) => (old !== undefined && isSameJson(old, expected) ? value : keep),
      options,
    )
    return written !== keep
  }

  async update(
    key: string,
    change: (old: V | undefined) => V | undefined,
    options: SharedPutOptions = {},
  ): Promise<V | undefined> {
    const written = await this.modify(key, change, options)
    return written === keep ? undefined : written
  }

  /** Reads, asks `change`, and writes what it gives; with `keep` nothing. */
  private modify(
    key: string,
    change: (old: V | undefined) => V | undefined | typeof keep,
    options: SharedPutOptions,
  ): Promise<V | undefined | typeof keep> {
    const own = this.keyOf(key)
    return this.change<V | undefined | typeof keep>(own, async () => {
      const { entry } = await this.means.store.get(own)
      const value = change(entry && (decodeValue(entry) as V))
      if (value === keep || (value === undefined && entry === undefined)) return value
      return (await this.writeOver(entry, own, value, options)) ? value : conflict
    })
  }

  /** Says whether the entry was still as it had been read. */
  private async writeOver(
    entry: Entry | undefined,
    own: string,
    value: V | undefined,
    options: SharedPutOptions,
  ): Promise<boolean> {
    const compare = [isUnchanged(own, entry)]
    if (value === undefined) return (await this.write({ compare, then: [remove(own)] })).succeeded
    const bytes = encodeValue(value)
    try {
      const then = (lease: LeaseId | undefined): Transaction => ({ compare, then: [put(own, bytes, lease)] })
      return (await this.writeWithLease(options, entry?.lease, then)).succeeded
    } catch (error) {
      // The time of the entry was over before it was written again.
      if (options.ttlMs === undefined && isLeaseLost(error)) return false
      throw error
    }
  }

  async delete(key: string): Promise<boolean> {
    const own = this.keyOf(key)
    return (await this.write({ compare: [isPresent(own)], then: [remove(own)] })).succeeded
  }

  async clear(): Promise<void> {
    await this.write({ then: [removeRange(this.prefix)] })
  }

  watch(options?: SharedWatchOptions): Promise<SharedChanges<MapChange<V>>> {
    return typedChanges(
      this.means.store,
      this.prefix,
      (key) => ({ key: mapKeyText(this.prefix, key) }),
      options,
    )
  }

  private keyOf(key: string): string {
    return mapKey(this.prefix, key)
  }

  /** With a time to live the lease is asked for when the turn to write has come: it may be shorter than the wait. */
  private async writeWithLease(
    { ttlMs }: SharedPutOptions,
    otherwise: LeaseId | undefined,
    transaction: (lease: LeaseId | undefined) => Transaction,
  ): Promise<TransactionResult> {
    if (ttlMs === undefined) return this.write(transaction(otherwise))
    const { ttlLeases } = this.means
    let lease: LeaseId | undefined
    const make = async (): Promise<Transaction> => {
      lease = await ttlLeases.leaseFor(ttlMs)
      return transaction(lease)
    }
    try {
      return await this.writeInTurn(make)
    } catch (error) {
      if (!isLeaseLost(error) || lease === undefined) throw error
      // A lease that was to live longer is gone: somebody revoked it, or this process was stopped for that long.
      ttlLeases.forget(lease)
      return this.writeInTurn(make)
    }
  }
}
