import { Buffer } from 'node:buffer'
import { VertigoError } from '../../base/errors.ts'
import { apply, applyDeletes, decide, type Decision, type Note } from '../apply.ts'
import type { Change } from '../followers.ts'
import type { LeaseId, Transaction, TransactionResult, WatchEvent } from '../store.ts'
import type { Environment } from './environment.ts'
import {
  decodeText,
  encodeChanges,
  encodeExpiry,
  encodeLease,
  encodeLeaseKey,
  encodeRevision,
  encodeState,
  encodeText,
  entryOverheadBytes,
  type StoreState,
} from './records.ts'
import { bootKey, stateKey, type Tables } from './tables.ts'

export interface StoreLimits {
  /** Keys and values together. */
  readonly liveBytesMax: number
  readonly historyRevisionsMax: number
  readonly historyBytesMax: number
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const indexMark = Buffer.from([1])
/** Values in one record of the history, about. */
const historyPartBytes = 128 * 1024
/** Values from before that one batch keeps in the history: what is more would only hold up all who wait for the lock. */
const previousBytesMax = 8 * 1024 ** 2

/**
 * What one transaction of LMDB does: any number of the store's. It holds the lock of writers, so that it does nothing but
 * work on the store.
 *
 * - BA-1 Leases whose time is over end before anything else is done; so nothing is done in their name.
 * - BA-2 A call that fails before it has written leaves nothing; one that fails later sets `isTorn`, and then the whole
 *   transaction of LMDB must go.
 * - BA-3 One damaged record does not stop the others: it goes when it is deleted or its lease ends, like any other, and
 *   `damages` tells of it.
 */
export class Batch {
  private readonly environment: Environment
  private readonly tables: Tables
  private readonly limits: StoreLimits
  private readonly nowMs: number
  private readonly before: StoreState
  private readonly state: Mutable<StoreState>
  private readonly changes: Change[] = []
  private previousBytes = 0
  /** What was found damaged, and deleted. */
  readonly damages: Error[] = []
  isTorn = false
  /** Whether others have to hear of it: changes, and leases that may end sooner than those they know. */
  isNews = false

  constructor(environment: Environment, tables: Tables, limits: StoreLimits, nowMs: number) {
    this.environment = environment
    this.tables = tables
    this.limits = limits
    this.nowMs = nowMs
    this.before = tables.state()
    this.state = { ...this.before }
    this.expire()
  }

  transact(transaction: Transaction): TransactionResult {
    const decision = decide(this.tables, transaction)
    this.checkLeases(decision)
    this.checkRoom(decision)
    this.isTorn = true
    const { result, events } = apply(this.tables, decision, this.state.revision, this.note)
    this.record(events)
    this.isTorn = false
    return result
  }

  grant(ttlMs: number): LeaseId {
    const lease = String(++this.state.lastLease) as LeaseId
    this.isTorn = true
    this.putLease(lease, ttlMs)
    this.isTorn = false
    this.isNews = true
    return lease
  }

  keepAlive(lease: LeaseId): number {
    const found = this.tables.lease(lease)
    if (found === undefined) throw leaseLost(lease)
    this.isTorn = true
    this.environment.expiries.removeSync(encodeExpiry(found.expiresAtMs, lease))
    this.putLease(lease, found.ttlMs)
    this.isTorn = false
    return found.ttlMs
  }

  revoke(lease: LeaseId): void {
    const found = this.tables.lease(lease)
    if (found === undefined) return
    this.isTorn = true
    this.endLease(lease, found.expiresAtMs)
    this.isTorn = false
  }

  /** Ends all leases of another boot: their times mean nothing in this one. */
  enterBoot(boot: string): void {
    const { meta } = this.environment
    const record = meta.get(bootKey)
    if (record !== undefined && decodeText(bootKey, record) === boot) return
    this.isTorn = true
    // Read before the first one goes, and none of their records: they say nothing that matters any more.
    const ends = Array.from(this.tables.expiries())
    for (const { lease, expiresAtMs } of ends) this.endLease(lease, expiresAtMs)
    meta.putSync(bootKey, encodeText(bootKey, boot))
    this.isTorn = false
  }

  finish(): void {
    this.writeHistory()
    this.trimHistory()
    const { state, before } = this
    const isSame =
      state.revision === before.revision &&
      state.lastLease === before.lastLease &&
      state.oldest === before.oldest
    if (!isSame) this.environment.meta.putSync(stateKey, encodeState(stateKey, state))
  }

  private expire(): void {
    for (;;) {
      const first = this.tables.firstExpiry()
      if (first === undefined || first.expiresAtMs > this.nowMs) return
      this.endLease(first.lease, first.expiresAtMs)
    }
  }

  private putLease(lease: LeaseId, ttlMs: number): void {
    const key = Buffer.from(lease)
    const expiresAtMs = this.nowMs + ttlMs
    this.environment.leases.putSync(key, encodeLease(key, { ttlMs, expiresAtMs }))
    this.environment.expiries.putSync(encodeExpiry(expiresAtMs, lease), indexMark)
  }

  private endLease(lease: LeaseId, expiresAtMs: number): void {
    const events = applyDeletes(this.tables, this.tables.keysOf(lease), this.state.revision, this.note)
    this.environment.leases.removeSync(Buffer.from(lease))
    this.environment.expiries.removeSync(encodeExpiry(expiresAtMs, lease))
    this.record(events)
  }

  private checkLeases({ operations }: Decision): void {
    for (const operation of operations)
      if (
        operation.type === 'put' &&
        operation.lease !== undefined &&
        this.tables.lease(operation.lease) === undefined
      )
        throw leaseLost(operation.lease)
  }

  /** Reads what is replaced only where it gets tight. */
  private checkRoom({ operations }: Decision): void {
    const { liveBytesMax } = this.limits
    const room = liveBytesMax - this.state.liveBytes
    let bytes = 0
    for (const operation of operations) if (operation.type === 'put') bytes += recordBytes(operation)
    if (bytes <= room) return
    for (const operation of operations) {
      if (operation.type !== 'put') continue
      const { key, mends = false } = operation
      const previous = mends ? this.tables.getToDelete(key) : this.tables.get(key)
      if (previous !== undefined) bytes -= recordBytes(previous)
    }
    if (bytes > Math.max(0, room))
      throw new VertigoError(
        'STORE_FULL',
        `The store in ${this.environment.folder} holds ${this.state.liveBytes} bytes of keys and values; with this there would be more than liveBytesMax = ${liveBytesMax}.`,
      )
  }

  private record(events: readonly WatchEvent[]): void {
    if (events.length === 0) return
    this.changes.push({ revision: ++this.state.revision, events })
    this.isNews = true
  }

  private readonly note: Note = (key, entry, previous) => {
    const { state, environment } = this
    if (previous !== undefined) state.liveBytes -= recordBytes(previous)
    if (entry !== undefined) state.liveBytes += recordBytes(entry)
    if (previous?.lease !== entry?.lease) {
      if (previous?.lease !== undefined) environment.leaseKeys.removeSync(encodeLeaseKey(previous.lease, key))
      if (entry?.lease !== undefined)
        environment.leaseKeys.putSync(encodeLeaseKey(entry.lease, key), indexMark)
    }
    const damage = previous && this.tables.damageOf(previous)
    if (damage !== undefined) {
      this.damages.push(damage)
      return false
    }
    this.previousBytes += previous?.value.byteLength ?? 0
    return this.previousBytes <= previousBytesMax && environment.room.keeps(this.previousBytes)
  }

  /** What a batch changes lies together, which costs a fraction of one record for each revision. */
  private writeHistory(): void {
    let part: Change[] = []
    let bytes = 0
    for (const change of this.changes) {
      part.push(change)
      for (const { entry, previous } of change.events)
        bytes += (entry?.value.length ?? 0) + (previous?.value.length ?? 0)
      if (bytes < historyPartBytes) continue
      this.putHistory(part)
      part = []
      bytes = 0
    }
    if (part.length > 0) this.putHistory(part)
  }

  private putHistory(part: readonly Change[]): void {
    const record = encodeChanges(part)
    this.environment.history.putSync(encodeRevision(part.at(-1)!.revision), record, { append: true })
    this.state.historyBytes += record.length
  }

  /** Lets go of parts whose last revision is farther back than has to be. */
  private trimHistory(): void {
    const { state, limits, environment } = this
    while (
      state.revision - state.oldest >= limits.historyRevisionsMax ||
      state.historyBytes > limits.historyBytesMax
    ) {
      const first = this.tables.firstChanges()
      if (first === undefined) return
      const { last, bytes } = first
      if (state.historyBytes <= limits.historyBytesMax && state.revision - last < limits.historyRevisionsMax)
        return
      environment.history.removeSync(encodeRevision(last))
      state.historyBytes -= bytes
      state.oldest = last + 1
    }
  }
}

function recordBytes({ key, value }: { readonly key: string; readonly value: Uint8Array }): number {
  return Buffer.byteLength(key) + value.byteLength + entryOverheadBytes
}

export function leaseLost(lease: LeaseId): VertigoError {
  return new VertigoError('STORE_LEASE_LOST', `The lease ${lease} has ended, or never was.`)
}
