import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import { get, remove, wasCreatedAt } from '../operations.ts'
import type {
  Entry,
  Operation,
  Revision,
  Store,
  Transaction,
  TransactionOptions,
  TransactionResult,
} from '../store.ts'
import { untilGone } from './changes.ts'
import type { LeaseHolder } from './lease-holder.ts'

/**
 * Something that one holder has at a time (a leadership, a lock, a claim), shown by a key under a lease. Writes that
 * depend on it go through `transact`.
 *
 * - HO-1 Every write carries the compare that the holder's key is still the very key it made (`token`). So whoever has
 *   lost the hold writes nothing, whatever its clock says: fencing, with the store as the fence (Burrows 2006, section 2.4,
 *   "sequencers").
 * - HO-2 Before that, the holder asks its own clock (LH-3): a process that was paused does not even ask the store.
 * - HO-3 Tokens grow from one holder to the next, so that a resource outside of the store can refuse older ones.
 * - HO-4 `signal` is aborted when the lease is lost, when the key is gone for another reason, and on release.
 * - HO-5 The branch `otherwise` holds no writes: it is done when the hold is lost, too.
 */
export class Hold {
  /** Create revision of the holder's key. */
  readonly token: Revision
  readonly lease: LeaseHolder
  protected readonly store: Store
  protected readonly key: string
  private readonly ending = new AbortController()
  private readonly watching: Promise<void>
  private releasing: Promise<void> | undefined

  constructor(store: Store, lease: LeaseHolder, entry: Entry, revision: Revision) {
    this.store = store
    this.lease = lease
    this.key = entry.key
    this.token = entry.createRevision
    lease.signal.addEventListener('abort', this.onLeaseEnd, { once: true })
    if (lease.signal.aborted) this.onLeaseEnd()
    this.watching = this.watchOwnKey(entry, revision)
  }

  get signal(): AbortSignal {
    return this.ending.signal
  }

  /** Whether it is held as far as the holder knows; its clock has been asked. */
  isHeld(): boolean {
    return !this.signal.aborted && this.lease.isHeld()
  }

  /** Errors: STORE_LEASE_LOST, STORE_HOLD_LOST. */
  assertHeld(): void {
    this.signal.throwIfAborted()
    this.lease.assertHeld()
  }

  /**
   * A transaction that is done only by who holds (HO-1). `otherwise` may read, not write (HO-5). Errors:
   * STORE_LEASE_LOST, STORE_HOLD_LOST where it is not held: nothing was written.
   */
  async transact(transaction: Transaction, options: TransactionOptions = {}): Promise<TransactionResult> {
    const { compare = [], then = [], otherwise = [] } = transaction
    if (otherwise.some(isWrite))
      throw new VertigoError('USAGE', 'The branch `otherwise` of a guarded transaction may only read.')
    this.signal.throwIfAborted()
    await this.lease.confirm()
    const result = await this.store.transact(
      {
        compare: [wasCreatedAt(this.key, this.token), ...compare],
        then,
        otherwise: [...otherwise, get(this.key)],
      },
      options,
    )
    if (result.succeeded) return result
    const own = result.results.at(-1)
    if (own?.type !== 'get' || own.entry?.createRevision !== this.token) throw this.lost()
    return { ...result, results: result.results.slice(0, -1) }
  }

  /**
   * Gives it up, so that the next one need not wait for the lease to end. Idempotent. It is tried until the store has
   * answered or the lease has ended.
   */
  release(): Promise<void> {
    this.releasing ??= this.giveUp()
    return this.releasing
  }

  /** For those whose key has gone in a transaction of theirs: nothing is left to take away. */
  protected finish(): Promise<void> {
    this.releasing ??= this.stopWatching()
    return this.releasing
  }

  private async stopWatching(): Promise<void> {
    this.end(new VertigoError('STORE_HOLD_LOST', `"${this.key}" was released.`))
    await this.watching
  }

  private async giveUp(): Promise<void> {
    await this.stopWatching()
    const onlyIf = wasCreatedAt(this.key, this.token)
    const transaction = { compare: [onlyIf], then: [remove(this.key)] }
    await this.lease.insist(() => this.store.transact(transaction, { repeat: 'harmless' }))
  }

  private readonly onLeaseEnd = (): void => this.end(asError(this.lease.signal.reason))

  /** Never rejects: what ends the watch ends the hold. */
  private async watchOwnKey(entry: Entry, revision: Revision): Promise<void> {
    try {
      await untilGone(this.store, entry, revision, this.signal)
      if (!this.signal.aborted) this.lost()
    } catch (error) {
      this.lost(error)
    }
  }

  private lost(cause?: unknown): VertigoError {
    const text = `"${this.key}" of revision ${this.token} is no longer held.`
    const error = new VertigoError('STORE_HOLD_LOST', text, { cause })
    this.end(error)
    return error
  }

  private end(reason: Error): void {
    if (this.signal.aborted) return
    this.lease.signal.removeEventListener('abort', this.onLeaseEnd)
    this.ending.abort(reason)
  }
}

function isWrite({ type }: Operation): boolean {
  return type === 'put' || type === 'delete' || type === 'delete-range'
}

/** True where an error says that something is not held any more, rather than that the store could not be asked. */
export function isHoldLost(error: unknown): boolean {
  return isVertigoError(error) && (error.code === 'STORE_HOLD_LOST' || error.code === 'STORE_LEASE_LOST')
}
