/**
 * The coordination store: a small, linearizable key-value store with leases, watches and transactions. Everything that
 * a cluster has to agree on stands in one, and all else is derived from it.
 *
 * The model is that of etcd's v3 API (etcd.io, "etcd API guarantees"), so that etcd keeps these promises by itself; the
 * other backends keep the same ones, and one conformance suite runs against all:
 *
 * - ST-1 Reads and transactions are linearizable: each takes effect at one moment between its call and its answer.
 * - ST-2 A transaction is atomic. Each one that writes raises the revision of the store by one; all its changes bear that
 *   revision.
 * - ST-3 What was acknowledged is durable (memory: as long as the process).
 * - ST-4 A watch gives every change once, in the order of revisions, all changes of a revision together, and never goes
 *   back. Where history is gone it gives the difference between what it gave before and what is there (`resynced`).
 * - ST-5 A lease that is not kept alive for its time to live ends; all its keys go in one revision. It never ends earlier
 *   than that after the last `keepAlive` that was acknowledged.
 * - ST-6 A call that rejects with `STORE_OUTCOME_UNKNOWN`, or was ended by its signal, may have taken effect or may do so
 *   later, also behind its deadline: what a member that was stopped has received it may do on waking. That ends with the next
 *   transaction that writes and is answered, of the same `Store`: before it, whatever was unknown is settled. It also ends when
 *   the store lets go of the client (etcd: a minute after it last heard of it). Any other error of a call means that nothing
 *   was written, and nothing will be.
 *
 * Neighbours: `operations.ts` makes transactions, `recipes/` and `collections/` stand on this interface, `memory/`,
 * `lmdb/` and `etcd/` are backends.
 */

/** The store's logical time: grows with each transaction that writes. Starts at 1, is never used twice. */
export type Revision = number

/** Names a lease. Text that belongs to the backend. */
export type LeaseId = string & { readonly __lease: unique symbol }

/** A key with its value, as it was at some revision. */
export interface Entry {
  readonly key: string
  /** Not to be changed: watches and caches share it. */
  readonly value: Uint8Array
  /** The revision in which the key came to be; a new one when it was deleted and put again. */
  readonly createRevision: Revision
  /** The revision of the last change. */
  readonly modRevision: Revision
  /** Number of puts since the key came to be: 1, 2, ... */
  readonly version: number
  /** The lease that the key goes with. */
  readonly lease?: LeaseId
  /**
   * What is wrong with the record of the key, where the store finds it damaged; only for who asks with `damaged: 'tell'`. Then there is no
   * value, and the numbers are 0.
   */
  readonly damage?: string
}

export type Comparison = '=' | '!=' | '<' | '>'

/** Compares one property of a key with a value. A key that is not there has 0 for each number, and no value. */
export type Compare =
  | {
      readonly key: string
      readonly target: 'version' | 'createRevision' | 'modRevision'
      readonly is: Comparison
      readonly than: number
    }
  /** Bytes are compared like unsigned numbers, from the left. Never holds for a key that is not there. */
  | {
      readonly key: string
      readonly target: 'value'
      readonly is: Comparison
      readonly than: Uint8Array
    }

export type Operation =
  | {
      readonly type: 'put'
      readonly key: string
      readonly value: Uint8Array
      readonly lease?: LeaseId
      /** It may take the place of a record that the store finds damaged. Default false: then it is refused with `STORE_CORRUPT`. */
      readonly mends?: boolean
    }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'delete-range'; readonly prefix: string }
  | { readonly type: 'get'; readonly key: string }
  | { readonly type: 'range'; readonly prefix: string }

/**
 * If all of `compare` hold, `then` is done, else `otherwise`; in order, each seeing what those before it did. A branch
 * must not write to one key twice (etcd refuses it, so everybody does).
 */
export interface Transaction {
  readonly compare?: readonly Compare[]
  readonly then?: readonly Operation[]
  readonly otherwise?: readonly Operation[]
}

/** What an operation gave, in the place of the operation. */
export type OperationResult =
  | { readonly type: 'put' }
  | { readonly type: 'delete'; readonly deleted: number }
  | { readonly type: 'delete-range'; readonly deleted: number }
  | { readonly type: 'get'; readonly entry: Entry | undefined }
  | { readonly type: 'range'; readonly entries: readonly Entry[] }

export interface TransactionResult {
  /** Whether the comparisons held, so which branch was done. */
  readonly succeeded: boolean
  /** The store's revision after the transaction; where it wrote, the revision of its changes. */
  readonly revision: Revision
  readonly results: readonly OperationResult[]
}

export interface CallOptions {
  /** How long the call may take in all, in milliseconds. Default 5000: two elections of a store, and some. */
  readonly timeoutMs?: number
  /** Ends the waiting; a transaction under way may still take effect. */
  readonly signal?: AbortSignal
}

/**
 * What to do where a transaction's fate is unknown, because the connection broke or a member fell silent:
 *
 * - `never` (default): reject with `STORE_OUTCOME_UNKNOWN`, so that the caller looks. What a read shows may still change by it;
 *   what is seen in, or after, a transaction that writes stands (ST-6).
 * - `harmless`: repeat it until it is answered; for transactions of which doing it twice is the same as once.
 * - `once`: repeat it until it is answered, and do it once: the store notes that it was done. If an earlier attempt
 *   turns out to have taken effect, `results` holds `put` and `delete` results only as far as they are known: those of
 *   reads in the same transaction are read anew.
 */
export type Repeat = 'never' | 'harmless' | 'once'

export interface TransactionOptions extends CallOptions {
  readonly repeat?: Repeat
}

export interface GetResult {
  readonly entry: Entry | undefined
  /** The revision that was read. */
  readonly revision: Revision
}

export interface RangeOptions extends CallOptions {
  /** At most so many entries. Default: all. */
  readonly limit?: number
  /** Only keys behind this one, in the order of keys; to go on where a limited range ended. */
  readonly after?: string
  readonly damaged?: Damaged
}

/**
 * What to do about records that the store finds damaged: reject with `STORE_CORRUPT` (default), or give the rest, and of those what is wrong
 * (`Entry.damage`).
 */
export type Damaged = 'refuse' | 'tell'

export interface RangeResult {
  /** In the order of keys, which is that of their UTF-8 bytes. */
  readonly entries: readonly Entry[]
  readonly revision: Revision
  /** Whether `limit` left entries out. */
  readonly more: boolean
}

export interface LeaseGrant {
  readonly lease: LeaseId
  /** What was granted: at least what was asked for. etcd has whole seconds, and a least one. */
  readonly ttlMs: number
}

export interface LeaseStatus {
  readonly lease: LeaseId
  readonly ttlMs: number
  readonly remainingMs: number
  readonly keys: readonly string[]
}

export interface WatchEvent {
  readonly type: 'put' | 'delete'
  readonly key: string
  readonly revision: Revision
  /** Of a put: what is there now. */
  readonly entry?: Entry
  /** What was there before, where something was and the store still knows. */
  readonly previous?: Entry
}

/** All changes of the watched keys in one revision, or in a run of revisions where `resynced`. */
export interface WatchBatch {
  readonly revision: Revision
  readonly events: readonly WatchEvent[]
  /** True for the first batch of a watch that begins with a state, and where a gap was closed by reading anew. */
  readonly resynced: boolean
}

export interface WatchOptions {
  /**
   * What the caller has read and wants the changes since. Without it and without `fromRevision`, the watch reads by
   * itself: its first batch holds what is there, as puts (also where that is nothing), and what follows are changes.
   */
  readonly since?: Pick<RangeResult, 'entries' | 'revision'>
  /**
   * Every change from this revision on. Where the history that far back is gone, what is there is given as puts in a
   * batch that is `resynced`; keys that went before then are not known to the watch and not told of.
   */
  readonly fromRevision?: Revision
  /**
   * Events that may wait for the reader. Where more come, they are let go and the reader gets the difference when it
   * comes back. Default 10,000.
   */
  readonly bufferEventsMax?: number
  /** Bytes of keys and values, also those from before, that may wait for the reader; the same where more come. Default 16 MiB. */
  readonly bufferBytesMax?: number
  /** Of what it reads by itself. */
  readonly damaged?: Damaged
  /** Ends the watch. */
  readonly signal?: AbortSignal
}

/**
 * Changes as they come; iterate over it once. Ends when it is closed or its signal is aborted; rejects where the store
 * refuses it for good (a wrong password, a closed store), never for a connection that was lost.
 */
export interface Watch extends AsyncIterable<WatchBatch, void, undefined> {
  close(): void
}

export interface Store {
  /** One key; the empty result is a result too. */
  get(key: string, options?: CallOptions): Promise<GetResult>
  /** All entries whose key begins with `prefix`; '' means all there are. */
  range(prefix: string, options?: RangeOptions): Promise<RangeResult>
  /**
   * The same as `range` in pages, all of the revision of the first one, so that a large store need not be held in memory. The
   * time of a call is that of each page. Rejects with `STORE_CONTENDED` where the past is gone before it was read: begin anew.
   */
  pages(prefix: string, options?: CallOptions): AsyncIterable<RangeResult>
  /** Rejects with `STORE_TRANSACTION_INVALID`, `STORE_VALUE_TOO_LARGE`, `STORE_LEASE_LOST` before anything is written. */
  transact(transaction: Transaction, options?: TransactionOptions): Promise<TransactionResult>
  /** A new lease. `ttlMs`: 1000 to 3,600,000 (etcd), from 100 (others). */
  grant(ttlMs: number, options?: CallOptions): Promise<LeaseGrant>
  /** Starts the lease's time anew; gives its length in ms. Rejects with `STORE_LEASE_LOST` where it has ended. */
  keepAlive(lease: LeaseId, options?: CallOptions): Promise<number>
  /** Ends the lease; its keys go. Nothing happens where it has ended already. */
  revoke(lease: LeaseId, options?: CallOptions): Promise<void>
  /** All leases. For people who look; a large store has many. */
  leases(options?: CallOptions): Promise<readonly LeaseStatus[]>
  watch(prefix: string, options?: WatchOptions): Watch
  /** Ends all calls and watches. Leases go on until their time is over, unless revoked. Idempotent. */
  close(): Promise<void>
}
