import type { Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type {
  QueueOptions,
  SharedBatch,
  SharedCollections,
  SharedCounter,
  SharedList,
  SharedLock,
  SharedMap,
  SharedMultimap,
  SharedQueue,
  SharedSet,
  SharedTopic,
  TopicOptions,
} from '../../component/shared.ts'
import type { SinkSnapshot } from '../../component/sink.ts'
import type { LeaseHolder } from '../recipes/lease-holder.ts'
import { LeaseKeeper } from '../recipes/lease-keeper.ts'
import type { Store } from '../store.ts'
import type { CollectionMeans } from './collection.ts'
import { StoreCounter } from './counter.ts'
import { StoreList } from './list.ts'
import { StoreLock } from './lock.ts'
import { StoreMap } from './map.ts'
import { Mirrors } from './mirrors.ts'
import { StoreMultimap } from './multimap.ts'
import { opsPerSecondMaxDefault, PacedStore } from './paced-store.ts'
import { publishBatch, publishedBy } from './publish.ts'
import { StoreQueue } from './queue.ts'
import { StoreSet } from './set.ts'
import { StoreTopic } from './topic.ts'
import { TtlLeases } from './ttl-leases.ts'
import { Turns } from './turns.ts'

export interface CollectionsOptions {
  readonly clock: Clock
  readonly random: Random
  /** Calls to the store a second, of all collections together. Default 1000. */
  readonly opsPerSecondMax?: number
  /** Time to live of the lease of locks, in milliseconds: how long others wait for a process that died. Default 10,000. */
  readonly sessionTtlMs?: number
}

const sessionTtlMsDefault = 10_000
/** Collections that are remembered; more are made anew each time, which only costs their combining. */
const rememberedMax = 10_000

/** Shared collections over a store that stays the caller's: closing them does not close it. */
export interface OpenCollections extends SharedCollections {
  /**
   * Gives locks back. Who waits (for an element, a message, a change, a lock, a turn) and who calls later hears STORE_CLOSED;
   * calls that the store already has are awaited. Idempotent.
   */
  close(): Promise<void>
}

export function openCollections(store: Store, options: CollectionsOptions): OpenCollections {
  return new StoreCollections(store, options)
}

class StoreCollections implements OpenCollections {
  private readonly store: Store
  private readonly options: CollectionsOptions
  private readonly keeper: LeaseKeeper
  private readonly paced: PacedStore
  private readonly means: CollectionMeans
  private readonly remembered = new Map<string, object>()
  private session: Promise<LeaseHolder> | undefined
  private id = ''
  private lastId = 0
  private closing: Promise<void> | undefined

  constructor(store: Store, options: CollectionsOptions) {
    const { clock, random, opsPerSecondMax = opsPerSecondMaxDefault } = options
    if (!(opsPerSecondMax > 0))
      throw new VertigoError('USAGE', `opsPerSecondMax is ${opsPerSecondMax}; it is a number above 0.`)
    this.store = store
    this.options = options
    this.keeper = new LeaseKeeper(store, options)
    this.paced = new PacedStore(store, clock, opsPerSecondMax)
    const checkOpen = (): void => this.paced.checkOpen()
    const leases = {
      async grant(...args: Parameters<Store['grant']>) {
        checkOpen()
        return store.grant(...args)
      },
    }
    this.means = {
      store: this.paced,
      clock,
      random,
      turns: new Turns(),
      ttlLeases: new TtlLeases(leases, clock),
      mirrors: new Mirrors(this.paced, clock),
      checkOpen,
      session: () => this.heldSession(),
      uniqueId: (renew) => this.uniqueId(renew),
    }
  }

  map<V>(name: string): SharedMap<V> {
    return this.recall(`map ${name}`, () => new StoreMap<V>(this.means, name))
  }

  multimap<V>(name: string): SharedMultimap<V> {
    return this.recall(`multimap ${name}`, () => new StoreMultimap<V>(this.means, name))
  }

  set<V>(name: string): SharedSet<V> {
    return this.recall(`set ${name}`, () => new StoreSet<V>(this.means, name))
  }

  list<V>(name: string): SharedList<V> {
    return this.recall(`list ${name}`, () => new StoreList<V>(this.means, name))
  }

  queue<V>(name: string, options: QueueOptions = {}): SharedQueue<V> {
    checkWhole('elementsMax', options.elementsMax)
    const key = `queue ${options.elementsMax ?? ''} ${name}`
    return this.recall(key, () => new StoreQueue<V>(this.means, name, options))
  }

  counter(name: string): SharedCounter {
    return this.recall(`counter ${name}`, () => new StoreCounter(this.means, name))
  }

  lock(name: string): SharedLock {
    return this.recall(`lock ${name}`, () => new StoreLock(this.means, this.store, name))
  }

  topic<V>(name: string, options: TopicOptions = {}): SharedTopic<V> {
    checkWhole('retainMax', options.retainMax)
    const key = `topic ${options.retainMax ?? ''} ${name}`
    return this.recall(key, () => new StoreTopic<V>(this.means, name, options))
  }

  publish(batch: SharedBatch): Promise<void> {
    this.means.checkOpen()
    return publishBatch(this.means, batch)
  }

  published(writer: string): Promise<SinkSnapshot | undefined> {
    this.means.checkOpen()
    return publishedBy(this.means, writer)
  }

  close(): Promise<void> {
    this.closing ??= this.end()
    return this.closing
  }

  private async end(): Promise<void> {
    // Closes all three at once, then waits.
    await Promise.all([this.paced.close(), this.means.mirrors.close(), this.keeper.close()])
  }

  /** The same object for the same collection: what a process calls at the same time comes together in it. */
  private recall<T extends object>(key: string, make: () => T): T {
    this.means.checkOpen()
    const known = this.remembered.get(key)
    if (known !== undefined) return known as T
    const made = make()
    if (this.remembered.size < rememberedMax) this.remembered.set(key, made)
    return made
  }

  private async heldSession(): Promise<LeaseHolder> {
    this.means.checkOpen()
    const current = this.session
    const holder = await current?.catch(() => undefined)
    if (holder?.isHeld() === true) return holder
    // Of several who find it lost, one makes the next.
    const ttlMs = this.options.sessionTtlMs ?? sessionTtlMsDefault
    if (this.session === current) this.session = this.keeper.hold({ ttlMs })
    return this.session!
  }

  private uniqueId(renew: boolean): string {
    if (renew || this.id === '') {
      const { random } = this.options
      const part = (): string =>
        random
          .int(2 ** 32)
          .toString(36)
          .padStart(7, '0')
      this.id = part() + part()
    }
    return `${this.id}-${++this.lastId}`
  }
}

/** A part of a message in the head of a topic would make it unreadable for everybody. */
function checkWhole(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return
  throw new VertigoError('USAGE', `${name} is ${value}; it is a whole number from 1 on.`)
}
