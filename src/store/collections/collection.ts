import type { Clock } from '../../base/clock.ts'
import { isVertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { SharedCached, SharedReadOptions } from '../../component/shared.ts'
import { checkValueSize } from '../check.ts'
import { encodeValue } from '../envelope.ts'
import { compareAndSet, type conflict } from '../recipes/backoff.ts'
import type { LeaseHolder } from '../recipes/lease-holder.ts'
import { compareKeys } from '../keys.ts'
import type { CallOptions, Entry, Revision, Transaction, TransactionResult } from '../store.ts'
import { collectionPrefix, type CollectionKind } from './keys.ts'
import type { Mirrors } from './mirrors.ts'
import type { CollectionStore } from './paced-store.ts'
import type { TtlLeases } from './ttl-leases.ts'
import type { Turns } from './turns.ts'

/** What all collections of a connection share. */
export interface CollectionMeans {
  readonly store: CollectionStore
  readonly clock: Clock
  readonly random: Random
  readonly turns: Turns
  readonly ttlLeases: TtlLeases
  /** Local copies of what is under a prefix. */
  readonly mirrors: Mirrors
  /** Errors: STORE_CLOSED. */
  readonly checkOpen: () => void
  /** The lease of this connection, for what goes when its process goes. */
  readonly session: () => Promise<LeaseHolder>
  /** A text that no other connection has; another one when asked to renew it. */
  readonly uniqueId: (renew: boolean) => string
}

/**
 * - SC-1 What is written is written once: a repeated transaction of which only the answer was lost must not undo what
 *   others wrote in between.
 * - SC-2 Each read is of one revision of the store.
 * - SC-3 A cached read is of the revision that the copy has seen, all keys of the collection alike.
 */
export abstract class Collection implements SharedCached {
  protected readonly means: CollectionMeans
  protected readonly prefix: string
  private readonly label: string

  constructor(means: CollectionMeans, kind: CollectionKind, name: string) {
    this.means = means
    this.prefix = collectionPrefix(kind, name)
    this.label = `The ${kind} "${name}"`
  }

  get cachedRevision(): Revision | undefined {
    return this.means.mirrors.revision(this.prefix)
  }

  protected async readOne(key: string, options: SharedReadOptions = {}): Promise<Entry | undefined> {
    if (options.cached !== true) return (await this.means.store.get(key)).entry
    return (await this.means.mirrors.read(this.prefix)).get(key)
  }

  /** In the order of keys. */
  protected async readAll(prefix: string, options: SharedReadOptions = {}): Promise<readonly Entry[]> {
    if (options.cached !== true) return (await this.means.store.range(prefix)).entries
    const copy = await this.means.mirrors.read(this.prefix)
    const entries = [...copy.values()].filter(({ key }) => key.startsWith(prefix))
    return entries.toSorted((a, b) => compareKeys(a.key, b.key))
  }

  /** SC-1. */
  protected write(transaction: Transaction, options: CallOptions = {}): Promise<TransactionResult> {
    return this.means.store.transact(transaction, { ...options, repeat: 'once' })
  }

  /** As `write`, of what is made when its turn has come. */
  protected writeInTurn(make: () => Promise<Transaction>): Promise<TransactionResult> {
    return this.means.store.transactInTurn(make, { repeat: 'once' })
  }

  /** Reads, decides and writes, again where another was faster; calls of this process about the same key take turns. */
  protected change<T>(
    key: string,
    attempt: () => Promise<T | typeof conflict>,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.means.turns.run(key, signal, () => this.compete(attempt, signal))
  }

  protected compete<T>(attempt: () => Promise<T | typeof conflict>, signal?: AbortSignal): Promise<T> {
    const { clock, random } = this.means
    return compareAndSet({ clock, random, signal, what: this.label }, attempt)
  }

  /** For calls that are combined: what is wrong with one value is said to its caller, before it is with others. */
  protected encodeAlone(value: unknown): Uint8Array {
    const bytes = encodeValue(value)
    checkValueSize(`A value for ${this.label}`, bytes)
    return bytes
  }

  protected get what(): string {
    return this.label
  }
}

export function isLeaseLost(error: unknown): boolean {
  return isVertigoError(error) && error.code === 'STORE_LEASE_LOST'
}
