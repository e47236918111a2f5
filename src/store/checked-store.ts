import type { Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import type { StoreBackend } from './backend.ts'
import { checkKey, checkPrefix, checkTransaction } from './check.ts'
import { leaseTtlMsMax, leaseTtlMsMin } from './limits.ts'
import { pagesOfPresent } from './pages.ts'
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
} from './store.ts'
import { BufferedWatch } from './watch.ts'

/** The store over a backend: refuses what is not valid before the backend sees it, and adds watches. */
export function storeOver(backend: StoreBackend, clock: Clock): Store {
  return new CheckedStore(backend, clock)
}

class CheckedStore implements Store {
  private readonly backend: StoreBackend
  private readonly clock: Clock
  private readonly watches = new Set<BufferedWatch>()
  private closing: Promise<void> | undefined

  constructor(backend: StoreBackend, clock: Clock) {
    this.backend = backend
    this.clock = clock
  }

  async get(key: string, options: CallOptions = {}): Promise<GetResult> {
    this.checkCall(options)
    checkKey(key)
    return this.backend.get(key, options)
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.checkCall(options)
    checkPrefix(prefix)
    if (options.after !== undefined) checkPrefix(options.after)
    const { limit } = options
    if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 1))
      throw new VertigoError('USAGE', `limit is ${limit}; it is a whole number from 1 on.`)
    return this.backend.range(prefix, options)
  }

  async *pages(prefix: string, options: CallOptions = {}): AsyncGenerator<RangeResult, void, undefined> {
    this.checkCall(options)
    checkPrefix(prefix)
    const { backend, clock } = this
    yield* backend.pages?.(prefix, options) ?? pagesOfPresent(backend, clock, prefix, options)
  }

  async transact(transaction: Transaction, options: TransactionOptions = {}): Promise<TransactionResult> {
    this.checkCall(options)
    checkTransaction(transaction)
    return this.backend.transact(transaction, options)
  }

  async grant(ttlMs: number, options: CallOptions = {}): Promise<LeaseGrant> {
    this.checkCall(options)
    if (!(ttlMs >= leaseTtlMsMin && ttlMs <= leaseTtlMsMax))
      throw new VertigoError(
        'USAGE',
        `The time to live of a lease is ${ttlMs} ms; it lies between ${leaseTtlMsMin} and ${leaseTtlMsMax}.`,
      )
    return this.backend.grant(ttlMs, options)
  }

  async keepAlive(lease: LeaseId, options: CallOptions = {}): Promise<number> {
    this.checkCall(options)
    return this.backend.keepAlive(lease, options)
  }

  async revoke(lease: LeaseId, options: CallOptions = {}): Promise<void> {
    this.checkCall(options)
    return this.backend.revoke(lease, options)
  }

  async leases(options: CallOptions = {}): Promise<readonly LeaseStatus[]> {
    this.checkCall(options)
    return this.backend.leases(options)
  }

  watch(prefix: string, options: WatchOptions = {}): Watch {
    this.checkCall(options)
    checkPrefix(prefix)
    const watch = new BufferedWatch(this.backend, this.clock, prefix, options, () => {
      this.watches.delete(watch)
    })
    this.watches.add(watch)
    return watch
  }

  close(): Promise<void> {
    this.closing ??= this.end()
    return this.closing
  }

  private async end(): Promise<void> {
    for (const watch of this.watches) watch.close()
    await this.backend.close()
  }

  private checkCall({ signal }: { readonly signal?: AbortSignal | undefined }): void {
    if (this.closing !== undefined) throw new VertigoError('STORE_CLOSED', 'The store was closed.')
    signal?.throwIfAborted()
  }
}
