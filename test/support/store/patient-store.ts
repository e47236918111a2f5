import { callTimeoutMsDefault } from '../../../src/store/limits.ts'
import type {
  CallOptions,
  GetResult,
  LeaseGrant,
  LeaseId,
  LeaseStatus,
  RangeOptions,
  RangeResult,
  Store,
  Transaction,
  TransactionOptions,
  TransactionResult,
  Watch,
  WatchOptions,
} from '../../../src/store/store.ts'

/** How long a call waits of which the test says no time, and opening a store: a disk may do other things first. */
export const patienceMs = 60_000

/** The same store, whose calls wait so long where their caller wants no other time than the default one. */
export function patient(store: Store): Store {
  return new PatientStore(store)
}

class PatientStore implements Store {
  private readonly store: Store

  constructor(store: Store) {
    this.store = store
  }

  get(key: string, options?: CallOptions): Promise<GetResult> {
    return this.store.get(key, patiently(options))
  }

  range(prefix: string, options?: RangeOptions): Promise<RangeResult> {
    return this.store.range(prefix, patiently(options))
  }

  pages(prefix: string, options?: CallOptions): AsyncIterable<RangeResult> {
    return this.store.pages(prefix, patiently(options))
  }

  transact(transaction: Transaction, options?: TransactionOptions): Promise<TransactionResult> {
    return this.store.transact(transaction, patiently(options))
  }

  grant(ttlMs: number, options?: CallOptions): Promise<LeaseGrant> {
    return this.store.grant(ttlMs, patiently(options))
  }

  keepAlive(lease: LeaseId, options?: CallOptions): Promise<number> {
    return this.store.keepAlive(lease, patiently(options))
  }

  revoke(lease: LeaseId, options?: CallOptions): Promise<void> {
    return this.store.revoke(lease, patiently(options))
  }

  leases(options?: CallOptions): Promise<readonly LeaseStatus[]> {
    return this.store.leases(patiently(options))
  }

  watch(prefix: string, options?: WatchOptions): Watch {
    return this.store.watch(prefix, options)
  }

  close(): Promise<void> {
    return this.store.close()
  }
}

/** Recipes name the default time where they mean no other one. */
function patiently<T extends CallOptions>(options: T | undefined): T & { readonly timeoutMs: number } {
  const timeoutMs = options?.timeoutMs ?? callTimeoutMsDefault
  return { ...(options as T), timeoutMs: timeoutMs === callTimeoutMsDefault ? patienceMs : timeoutMs }
}
