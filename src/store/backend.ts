import type {
  CallOptions,
  Entry,
  GetResult,
  LeaseGrant,
  LeaseId,
  LeaseStatus,
  RangeOptions,
  RangeResult,
  Revision,
  Transaction,
  TransactionOptions,
  TransactionResult,
  WatchEvent,
} from './store.ts'

/**
 * What a backend does. It gets only calls that `checked-store.ts` has found valid, and gives changes as they come;
 * buffers, resynchronization and the iterator are the business of `watch.ts`, the same for all.
 */
export interface StoreBackend {
  get(key: string, options: CallOptions): Promise<GetResult>
  range(prefix: string, options: RangeOptions): Promise<RangeResult>
  /** All pages of one revision. Left out where reads are of the present only: then `pages.ts` does it. */
  pages?(prefix: string, options: CallOptions): AsyncIterable<RangeResult>
  transact(transaction: Transaction, options: TransactionOptions): Promise<TransactionResult>
  grant(ttlMs: number, options: CallOptions): Promise<LeaseGrant>
  keepAlive(lease: LeaseId, options: CallOptions): Promise<number>
  revoke(lease: LeaseId, options: CallOptions): Promise<void>
  leases(options: CallOptions): Promise<readonly LeaseStatus[]>
  /** Tells `listener` of every change from `fromRevision` on, until it is cancelled. */
  follow(prefix: string, fromRevision: Revision, listener: FollowListener): Follow
  close(): Promise<void>
}

export interface Follow {
  /** The listener hears nothing more. */
  cancel(): void
}

/**
 * Called in the order of revisions, never from within `follow` itself. After `compacted` and `failed` nothing follows.
 */
export interface FollowListener {
  /** All watched changes of one revision. */
  events(revision: Revision, events: readonly WatchEvent[]): void
  /** The history that was asked for is gone: who follows reads anew and follows from there. */
  compacted(): void
  /** The store refuses for good. A lost connection is none: the backend reconnects and goes on where it was. */
  failed(error: Error): void
}

/** For backends: an entry without the lease that it does not have. */
export function makeEntry(
  key: string,
  value: Uint8Array,
  at: { readonly createRevision: Revision; readonly modRevision: Revision; readonly version: number },
  lease: LeaseId | undefined,
): Entry {
  const { createRevision, modRevision, version } = at
  const entry = { key, value, createRevision, modRevision, version }
  return lease === undefined ? entry : { ...entry, lease }
}
