import type { SinkSnapshot } from './sink.ts'

/**
 * Shared collections, as authors of components and clients see them: `context.shared.map('prices')`. Every worker of a run, and
 * every process at the same store, sees the same ones. Whoever hosts components provides them (`store/collections`).
 *
 * - Values are JSON. A value that JSON cannot hold is refused with STORE_VALUE_INVALID, one over 1 MiB with
 *   STORE_VALUE_TOO_LARGE.
 * - Reads are linearizable: they see every write that was acknowledged before they were called. With `cached` they come from a
 *   copy that a watch keeps, usually a few milliseconds old; it grows no newer while the store cannot be reached.
 * - Writes are atomic. A write that rejects has not happened, except with STORE_OUTCOME_UNKNOWN, where that cannot be known.
 * - Where the network has ended, whoever waits and whoever calls hears STORE_CLOSED.
 * - They are for coordination and small tables, not for the stream itself: a call costs a round trip to the store.
 */
export interface SharedCollections {
  /** Texts to values. */
  map<V = unknown>(name: string): SharedMap<V>
  /** Texts to sets of values. */
  multimap<V = unknown>(name: string): SharedMultimap<V>
  /** Values, each once; two are the same when their JSON is. */
  set<V = unknown>(name: string): SharedSet<V>
  /** Values in the order in which they were pushed. */
  list<V = unknown>(name: string): SharedList<V>
  /** Values for takers; each goes to one of them. */
  queue<V = unknown>(name: string, options?: QueueOptions): SharedQueue<V>
  counter(name: string): SharedCounter
  lock(name: string): SharedLock
  /** Messages for every subscriber. */
  topic<V = unknown>(name: string, options?: TopicOptions): SharedTopic<V>
  /**
   * Makes changes in one step with the note that `writer` has made those of `snapshot`: for sinks (`commit`). Where it has made them, or later
   * ones of the same incarnation, nothing is changed. More than 100 keys are changed in several steps, of which none is made twice: then readers
   * may see some before others. Errors: SINK_AHEAD where `writer` has made changes of a newer incarnation.
   */
  publish(batch: SharedBatch): Promise<void>
  /** The newest snapshot of which `writer` has made all changes. */
  published(writer: string): Promise<SinkSnapshot | undefined>
}

/** What a sink changes with a snapshot, for `publish`. */
export interface SharedBatch {
  readonly writer: string
  readonly snapshot: SinkSnapshot
  /** In their order. */
  readonly changes: readonly SharedWrite[]
}

/** To a map, or a counter, which counts in whole numbers. */
export type SharedWrite =
  | { readonly type: 'put'; readonly map: string; readonly key: string; readonly value: unknown }
  | { readonly type: 'remove'; readonly map: string; readonly key: string }
  | { readonly type: 'add'; readonly counter: string; readonly delta: number }

/** For reads of a collection. */
export interface SharedReadOptions {
  /** Reads the local copy. Default false. The first cached read of a collection makes the copy. */
  readonly cached?: boolean
}

/** For `watch`. */
export interface SharedWatchOptions {
  /** Which changes; `change` means creations and updates. Default all. */
  readonly on?: 'create' | 'update' | 'change' | 'delete'
  /** Begins with what is there, as creations. Default false. */
  readonly initial?: boolean
  /** Ends the watch. */
  readonly signal?: AbortSignal
}

/**
 * Changes in their order, none left out; iterate over it once. In force from the moment it was given. Where the reader
 * falls behind by more than 10,000 changes, it gets the difference to what it knew in their place. Ends when it is closed or
 * its signal is aborted; rejects with STORE_CLOSED where the collections are closed before that (the network has ended).
 */
export interface SharedChanges<E> extends AsyncIterable<E> {
  /** The store's revision from which on changes are given. */
  readonly revision: number
  close(): void
}

/** What came to be, with `value`; what was changed, with `value` and `old`; what was deleted, with `old`. */
export type SharedChange<V, At extends object = object> = At & { readonly revision: number } & (
    | { readonly type: 'create'; readonly value: V }
    | { readonly type: 'update'; readonly value: V; readonly old: V }
    | { readonly type: 'delete'; readonly old: V }
  )

/** A collection whose changes can be followed. */
export interface SharedWatchable<E> {
  watch(options?: SharedWatchOptions): Promise<SharedChanges<E>>
}

/** What has a local copy while there are cached reads; one that nobody has read for a minute is dropped. */
export interface SharedCached {
  /** The revision up to which the local copy has seen the store's changes; undefined where there is none. */
  readonly cachedRevision: number | undefined
}

/** For writes to a collection. */
export interface SharedPutOptions {
  /**
   * How long the entry is there, in milliseconds from the call: at least that, at most a sixth more (entries share
   * leases; etcd rounds those up to whole seconds). 100 to 2,700,000 (45 minutes). Default: until it is deleted; where
   * an entry is changed, as it was.
   */
  readonly ttlMs?: number
}

/** A change of a map: which key, and what it is now. */
export type MapChange<V> = SharedChange<V, { readonly key: string }>

/** Texts to values, each once. */
export interface SharedMap<V> extends SharedWatchable<MapChange<V>>, SharedCached {
  get(key: string, options?: SharedReadOptions): Promise<V | undefined>
  has(key: string, options?: SharedReadOptions): Promise<boolean>
  /** All entries, at one moment, in the order of keys. */
  entries(options?: SharedReadOptions): Promise<ReadonlyMap<string, V>>
  size(options?: SharedReadOptions): Promise<number>
  /** Writes whatever was there. */
  set(key: string, value: V, options?: SharedPutOptions): Promise<void>
  /** Writes where nothing is; else gives what is there. */
  putIfAbsent(key: string, value: V, options?: SharedPutOptions): Promise<V | undefined>
  /** Writes where `expected` is there (the same JSON); says whether. */
  replace(key: string, expected: V, value: V, options?: SharedPutOptions): Promise<boolean>
  /**
   * Reads, changes and writes as one step. `change` gets what is there and gives what is to be, undefined to delete; it
   * runs again where another writer came in between, so it should do nothing else. Gives what was written. Errors:
   * STORE_CONTENDED where others are faster a hundred times in a row.
   */
  update(
    key: string,
    change: (old: V | undefined) => V | undefined,
    options?: SharedPutOptions,
  ): Promise<V | undefined>
  /** Says whether there was something. */
  delete(key: string): Promise<boolean>
  clear(): Promise<void>
}

/** Texts to sets of values. */
export interface SharedMultimap<V>
  extends SharedWatchable<SharedChange<V, { readonly key: string }>>, SharedCached {
  /** Says whether it was not there before. */
  add(key: string, value: V): Promise<boolean>
  /** Says whether it was there. */
  remove(key: string, value: V): Promise<boolean>
  /** Removes all values of the key. */
  removeAll(key: string): Promise<void>
  has(key: string, value: V, options?: SharedReadOptions): Promise<boolean>
  /** Values of the key, in no promised order. */
  get(key: string, options?: SharedReadOptions): Promise<readonly V[]>
  entries(options?: SharedReadOptions): Promise<ReadonlyMap<string, readonly V[]>>
  clear(): Promise<void>
}

/** Values, each once. */
export interface SharedSet<V> extends SharedWatchable<SharedChange<V>>, SharedCached {
  /** Says whether it was not there before. */
  add(value: V): Promise<boolean>
  /** Says whether it was there. */
  delete(value: V): Promise<boolean>
  has(value: V, options?: SharedReadOptions): Promise<boolean>
  /** In no promised order. */
  values(options?: SharedReadOptions): Promise<readonly V[]>
  size(options?: SharedReadOptions): Promise<number>
  clear(): Promise<void>
}

/** Values in the order in which they were pushed. */
export interface SharedList<V> extends SharedWatchable<SharedChange<V>>, SharedCached {
  /** Appends, all next to each other; 100 values a call at most. */
  push(...values: V[]): Promise<void>
  /** 0-based; undefined behind the end. */
  get(index: number, options?: SharedReadOptions): Promise<V | undefined>
  values(options?: SharedReadOptions): Promise<readonly V[]>
  size(options?: SharedReadOptions): Promise<number>
  /** Replaces the element that is at `index` when it is read; says whether there was one. */
  set(index: number, value: V): Promise<boolean>
  /** Removes and gives the element that is at `index` when it is read. */
  remove(index: number): Promise<V | undefined>
  clear(): Promise<void>
}

export interface QueueOptions {
  /** Elements that may wait. Default 10,000. All who add to a queue should say the same. */
  readonly elementsMax?: number
}

export interface SharedQueue<V> extends SharedWatchable<SharedChange<V>>, SharedCached {
  /** Errors: STORE_COLLECTION_FULL where `elementsMax` wait. */
  add(value: V): Promise<void>
  /**
   * Takes the first element; waits for one. An element goes to one taker; with a taker that dies right then, or hears
   * STORE_OUTCOME_UNKNOWN, it may be gone.
   */
  take(signal?: AbortSignal): Promise<V>
  /** Takes the first element where there is one. */
  tryTake(): Promise<V | undefined>
  /** The first element, which stays. */
  peek(options?: SharedReadOptions): Promise<V | undefined>
  size(options?: SharedReadOptions): Promise<number>
}

export interface SharedCounter extends SharedWatchable<SharedChange<number>>, SharedCached {
  /** 0 where nobody has counted. */
  get(options?: SharedReadOptions): Promise<number>
  /** Adds a whole number (default 1), once; gives the sum. */
  add(delta?: number): Promise<number>
  set(value: number): Promise<void>
}

export interface SharedLock {
  /** Waits for its turn. Aborting the signal gives up. */
  acquire(signal?: AbortSignal): Promise<SharedHold>
  /** Undefined where somebody has it or waits for it. */
  tryAcquire(): Promise<SharedHold | undefined>
}

/** A lock that is held. It is lost where the store has not been reached for some seconds: look before what depends on it. */
export interface SharedHold {
  /** Fencing token: greater than that of every holder before. What the lock protects should refuse smaller ones. */
  readonly token: number
  /** Aborted when the lock is lost or released. */
  readonly signal: AbortSignal
  isHeld(): boolean
  /** Errors: STORE_LEASE_LOST, STORE_HOLD_LOST. */
  assertHeld(): void
  release(): Promise<void>
}

export interface TopicOptions {
  /** Messages that are kept for those who are behind. Default 1000. All who publish to a topic should say the same. */
  readonly retainMax?: number
}

export interface SubscribeOptions {
  /** `now` (default): what is published from here on. `oldest`: what is kept, too. */
  readonly from?: 'now' | 'oldest'
  /**
   * What to do where the subscriber is so far behind that messages it has not read are gone. `fail` (default): the
   * iteration rejects with STORE_MESSAGES_MISSED. `skip`: it goes on; the next message says how many are `missed`.
   */
  readonly onMissed?: 'fail' | 'skip'
  readonly signal?: AbortSignal
}

export interface TopicMessage<V> {
  readonly message: V
  /** Counts the topic's messages, from 0. */
  readonly number: number
  /** How many before this one were missed. */
  readonly missed: number
}

export interface SharedTopic<V> {
  publish(message: V): Promise<void>
  /** In force when the promise is fulfilled. Every subscriber gets every message, in the order of publishing. */
  subscribe(options?: SubscribeOptions): Promise<SharedChanges<TopicMessage<V>>>
}
