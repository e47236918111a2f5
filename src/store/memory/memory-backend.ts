import { assert } from '../../base/assert.ts'
import type { Cancel, Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import { apply, applyDeletes, decide } from '../apply.ts'
import type { Follow, FollowListener, StoreBackend } from '../backend.ts'
import { type Change, Followers } from '../followers.ts'
import type {
  GetResult,
  LeaseGrant,
  LeaseId,
  LeaseStatus,
  Operation,
  RangeOptions,
  RangeResult,
  Revision,
  Transaction,
  TransactionResult,
  WatchEvent,
} from '../store.ts'
import { MemoryKeyTable } from './key-table.ts'

interface Lease {
  readonly ttlMs: number
  expiresAtMs: number
  readonly keys: Set<string>
}

export interface MemoryStoreOptions {
  readonly clock: Clock
  /** Revisions that watches can go back. Default 10,000. */
  readonly historyMax?: number
}

/**
 * The store in the memory of one process, for tests and simulation: all that happens in it depends on the given clock and
 * on who calls. Several `Store`s may share one backend, as clients share a server.
 */
export class MemoryBackend implements StoreBackend {
  private readonly clock: Clock
  private readonly historyMax: number
  private readonly table = new MemoryKeyTable()
  private readonly leaseTable = new Map<LeaseId, Lease>()
  private readonly followers: Followers
  private history: Change[] = []
  private revision: Revision = 1
  /** The oldest revision of which the history is complete. */
  private oldest: Revision = 2
  private dispatched: Revision = 1
  private isDispatching = false
  private lastLease = 0
  private expiry: { readonly atMs: number; readonly cancel: Cancel } | undefined

  constructor({ clock, historyMax = 10_000 }: MemoryStoreOptions) {
    this.clock = clock
    this.historyMax = historyMax
    this.followers = new Followers(clock, (from) => {
      const past = from > this.dispatched ? [] : this.readHistory(from)
      return past?.filter(({ revision }) => revision <= this.dispatched)
    })
  }

  async get(key: string): Promise<GetResult> {
    this.expireLeases()
    return { entry: this.table.get(key), revision: this.revision }
  }

  async range(prefix: string, { limit, after }: RangeOptions): Promise<RangeResult> {
    this.expireLeases()
    const entries = this.table.range(prefix, after, limit === undefined ? undefined : limit + 1)
    const more = limit !== undefined && entries.length > limit
    return { entries: more ? entries.slice(0, limit) : entries, revision: this.revision, more }
  }

  async transact(transaction: Transaction): Promise<TransactionResult> {
    this.expireLeases()
    const decision = decide(this.table, transaction)
    for (const operation of decision.operations) this.checkLease(operation)
    const own = { ...decision, operations: decision.operations.map((operation) => withOwnValue(operation)) }
    const { result, events } = apply(this.table, own, this.revision)
    this.commit(events)
    return result
  }

  async grant(ttlMs: number): Promise<LeaseGrant> {
    this.expireLeases()
    const lease = String(++this.lastLease) as LeaseId
    this.leaseTable.set(lease, { ttlMs, expiresAtMs: this.clock.monotonic() + ttlMs, keys: new Set() })
    this.planExpiry()
    return { lease, ttlMs }
  }

  async keepAlive(lease: LeaseId): Promise<number> {
    this.expireLeases()
    const found = this.leaseTable.get(lease)
    if (found === undefined) throw leaseLost(lease)
    found.expiresAtMs = this.clock.monotonic() + found.ttlMs
    return found.ttlMs
  }

  async revoke(lease: LeaseId): Promise<void> {
    this.expireLeases()
    this.endLease(lease)
  }

  async leases(): Promise<readonly LeaseStatus[]> {
    this.expireLeases()
    const nowMs = this.clock.monotonic()
    return [...this.leaseTable].map(([lease, { ttlMs, expiresAtMs, keys }]) => ({
      lease,
      ttlMs,
      remainingMs: expiresAtMs - nowMs,
      keys: [...keys],
    }))
  }

  follow(prefix: string, fromRevision: Revision, listener: FollowListener): Follow {
    return this.followers.add(prefix, fromRevision, listener)
  }

  /** One client of several is closed; the others go on. What is left is a timer in the background. */
  async close(): Promise<void> {}

  /** For tests: the history up to and with `revision` is forgotten, as etcd does on demand. */
  compact(revision: Revision): void {
    assert(revision <= this.revision, 'the future cannot be compacted')
    this.history = this.history.filter((change) => change.revision > revision)
    this.oldest = Math.max(this.oldest, revision + 1)
  }

  private checkLease(operation: Operation): void {
    if (operation.type === 'put' && operation.lease !== undefined && !this.leaseTable.has(operation.lease))
      throw leaseLost(operation.lease)
  }

  private commit(events: readonly WatchEvent[]): void {
    if (events.length === 0) return
    this.revision++
    for (const { key, entry, previous } of events) {
      if (previous?.lease !== undefined) this.leaseTable.get(previous.lease)?.keys.delete(key)
      if (entry?.lease !== undefined) this.leaseTable.get(entry.lease)?.keys.add(key)
    }
    this.history.push({ revision: this.revision, events })
    // Cut seldom, so that it costs little.
    if (this.history.length >= this.historyMax * 2) {
      this.history = this.history.slice(-this.historyMax)
      this.oldest = this.history[0]!.revision
    }
    this.dispatchSoon()
  }

  /** Not at once: who is told may call the store again. */
  private dispatchSoon(): void {
    if (this.isDispatching) return
    this.isDispatching = true
    this.clock.soon(() => {
      this.isDispatching = false
      const changes = this.readHistory(this.dispatched + 1)
      if (changes === undefined) {
        this.dispatched = this.revision
        this.followers.compactAll()
        return
      }
      for (const change of changes) {
        this.dispatched = change.revision
        this.followers.dispatch(change)
      }
    })
  }

  private readHistory(from: Revision): readonly Change[] | undefined {
    if (from < this.oldest) return undefined
    return this.history.slice(Math.max(0, from - (this.history[0]?.revision ?? from)))
  }

  private endLease(lease: LeaseId): void {
    const found = this.leaseTable.get(lease)
    if (found === undefined) return
    this.leaseTable.delete(lease)
    this.commit(applyDeletes(this.table, found.keys, this.revision))
  }

  private expireLeases(): void {
    if (this.expiry === undefined || this.expiry.atMs > this.clock.monotonic()) return
    const nowMs = this.clock.monotonic()
    for (const [lease, { expiresAtMs }] of this.leaseTable) if (expiresAtMs <= nowMs) this.endLease(lease)
    this.expiry.cancel()
    this.expiry = undefined
    this.planExpiry()
  }

  /** The timer stands at the earliest expiry, or before it where a lease was kept alive since. */
  private planExpiry(): void {
    let atMs = Infinity
    for (const { expiresAtMs } of this.leaseTable.values()) atMs = Math.min(atMs, expiresAtMs)
    if (atMs === Infinity || (this.expiry !== undefined && this.expiry.atMs <= atMs)) return
    this.expiry?.cancel()
    const onTime = (): void => this.expireLeases()
    const delayMs = Math.max(0, atMs - this.clock.monotonic())
    this.expiry = { atMs, cancel: this.clock.after(Math.ceil(delayMs), onTime, { background: true }) }
  }
}

/** What the caller does to its buffer later is its own business. */
function withOwnValue(operation: Operation): Operation {
  return operation.type === 'put' ? { ...operation, value: Uint8Array.from(operation.value) } : operation
}

function leaseLost(lease: LeaseId): VertigoError {
  return new VertigoError('STORE_LEASE_LOST', `The lease ${lease} has ended, or never was.`)
}
