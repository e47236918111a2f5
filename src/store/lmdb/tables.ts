import { Buffer } from 'node:buffer'
import { asError, isVertigoError } from '../../base/errors.ts'
import type { KeyTable } from '../apply.ts'
import { makeEntry } from '../backend.ts'
import type { Change } from '../followers.ts'
import { endOfPrefix } from '../keys.ts'
import type { Damaged, Entry, LeaseId, Revision } from '../store.ts'
import type { Bytes, Environment } from './environment.ts'
import {
  corrupt,
  decodeChanges,
  decodeEntry,
  decodeEntryCopy,
  decodeExpiry,
  decodeLease,
  decodeLeaseKey,
  decodeRevision,
  decodeState,
  encodeEntry,
  encodeLeaseKey,
  encodeRevision,
  type Expiry,
  initialState,
  leaseIn,
  type LeaseRecord,
  type StoreState,
  valueBytesIn,
  type Wanted,
} from './records.ts'

export const stateKey = Buffer.from('state')
export const bootKey = Buffer.from('boot')

/**
 * What is in the database, as whoever looks sees it: within a transaction what that has done, outside what was committed when
 * the environment's read transaction was last reset.
 */
export class Tables implements KeyTable {
  private readonly environment: Environment
  /** A key is read, then written: its bytes are made once. */
  private lastKey: string | undefined
  private lastKeyBytes: Buffer = Buffer.alloc(0)
  private readonly damages = new WeakMap<Entry, Error>()

  constructor(environment: Environment) {
    this.environment = environment
  }

  get(key: string): Entry | undefined {
    const bytes = this.bytesOf(key)
    // Valid until the next read; `get` would make a buffer of its own, which costs more than the look-up.
    const shared = this.environment.keys.getBinaryFast(bytes)
    // LMDB's buffer is longer than its `length`, which not all methods respect.
    return shared && decodeEntryCopy(bytes, shared.subarray(0, shared.length), key)
  }

  /** Deleting is the way to mend a damaged record, and one under a lease must not keep the lease from ending. */
  getToDelete(key: string): Entry | undefined {
    try {
      return this.get(key)
    } catch (error) {
      return this.standIn(key, damageIn(error))
    }
  }

  /** What is wrong with the record that an entry stands for. */
  damageOf(entry: Entry): Error | undefined {
    return this.damages.get(entry)
  }

  range(prefix: string, after = '', limit?: number, damaged: Damaged = 'refuse'): Entry[] {
    const read = damaged === 'tell' ? toldEntry : decodeEntry
    const entries: Entry[] = []
    for (const { key, value } of rangeOf(this.environment.keys, prefix, after, limit))
      entries.push(read(key, value, key.toString()))
    return entries
  }

  keysFrom(prefix: string): string[] {
    const start = Buffer.from(prefix)
    const end = endOfPrefix(prefix)
    const range = { ...(start.length > 0 && { start }), ...(end !== undefined && { end: Buffer.from(end) }) }
    return Array.from(this.environment.keys.getKeys(range), (key) => key.toString())
  }

  put(entry: Entry): void {
    const key = this.bytesOf(entry.key)
    this.environment.keys.putSync(key, encodeEntry(key, entry))
  }

  delete({ key }: Entry): void {
    this.environment.keys.removeSync(this.bytesOf(key))
  }

  /** That of a store that nothing was written to, where there is none. */
  state(): StoreState {
    const record = this.environment.meta.get(stateKey)
    return record === undefined ? initialState : decodeState(stateKey, record)
  }

  lease(lease: LeaseId): LeaseRecord | undefined {
    // Nothing that was ever granted; LMDB refuses an empty key, and one that is too long.
    if (!/^\d{1,16}$/.test(lease)) return undefined
    const key = Buffer.from(lease)
    const record = this.environment.leases.get(key)
    return record === undefined ? undefined : decodeLease(key, record)
  }

  *leases(): Generator<readonly [LeaseId, LeaseRecord]> {
    for (const { key, value } of this.environment.leases.getRange({}))
      yield [key.toString('latin1') as LeaseId, decodeLease(key, value)]
  }

  /** The lease that ends first. */
  firstExpiry(): Expiry | undefined {
    for (const key of this.environment.expiries.getKeys({ limit: 1 })) return decodeExpiry(key)
    return undefined
  }

  /** Of all leases: each one has its end. */
  *expiries(): Generator<Expiry> {
    for (const key of this.environment.expiries.getKeys({})) yield decodeExpiry(key)
  }

  keysOf(lease: LeaseId): string[] {
    const keys: string[] = []
    const start = encodeLeaseKey(lease, '')
    const end = Buffer.from(`${lease}\u0001`)
    for (const key of this.environment.leaseKeys.getKeys({ start, end }))
      keys.push(decodeLeaseKey(lease, key))
    return keys
  }

  /**
   * All changes from one revision to another, with those of their events that are wanted; throws where one is missing that
   * has to be there.
   */
  *history(from: Revision, to: Revision, isWanted: Wanted): Generator<Change> {
    let expected = from
    for (const { key, value } of this.environment.history.getRange({ start: encodeRevision(from) })) {
      for (const change of decodeChanges(key, value, isWanted)) {
        if (change.revision < expected) continue
        if (change.revision !== expected) throw corrupt('history', encodeRevision(expected))
        if (expected > to) return
        yield change
        expected++
      }
      if (expected > to) return
    }
    if (expected !== to + 1) throw corrupt('history', encodeRevision(expected))
  }

  /** The oldest part of the history: the last revision that it holds, and its bytes. */
  firstChanges(): { readonly last: Revision; readonly bytes: number } | undefined {
    for (const key of this.environment.history.getKeys({ limit: 1 })) {
      const record = this.environment.history.getBinaryFast(key)
      return { last: decodeRevision(key), bytes: record?.length ?? 0 }
    }
    return undefined
  }

  /** As large as what cannot be read, and under the same lease, as far as that can be told without it. */
  private standIn(key: string, damage: Error): Entry {
    const lease = this.ownerOf(key)
    const value = Buffer.alloc(valueBytesIn(this.environment.keys.get(Buffer.from(key))!, lease))
    const entry = makeEntry(key, value, { createRevision: 0, modRevision: 0, version: 0 }, lease)
    this.damages.set(entry, damage)
    return entry
  }

  private ownerOf(key: string): LeaseId | undefined {
    for (const bytes of this.environment.leaseKeys.getKeys({})) {
      const lease = leaseIn(bytes, key)
      if (lease !== undefined) return lease
    }
    return undefined
  }

  private bytesOf(key: string): Buffer {
    if (key !== this.lastKey) {
      this.lastKeyBytes = Buffer.from(key)
      this.lastKey = key
    }
    return this.lastKeyBytes
  }
}

/** Throws what is none. */
function damageIn(error: unknown): Error {
  if (!isVertigoError(error) || error.code !== 'STORE_CORRUPT') throw error
  return asError(error)
}

/** As `decodeEntry`; of a damaged one, what is wrong. */
function toldEntry(bytes: Buffer, record: Buffer, key: string): Entry {
  try {
    return decodeEntry(bytes, record, key)
  } catch (error) {
    const { message } = damageIn(error)
    const none = { createRevision: 0, modRevision: 0, version: 0 }
    return { ...makeEntry(key, Buffer.alloc(0), none, undefined), damage: message }
  }
}

function rangeOf(
  bytes: Bytes,
  prefix: string,
  after: string,
  limit: number | undefined,
): Iterable<{ readonly key: Buffer; readonly value: Buffer }> {
  const prefixBytes = Buffer.from(prefix)
  const afterBytes = Buffer.from(after)
  const isBehind = after !== '' && Buffer.compare(afterBytes, prefixBytes) >= 0
  const start = isBehind ? afterBytes : prefixBytes
  const end = endOfPrefix(prefix)
  // LMDB gives what lies before `end` where `start` is behind it, too.
  if (end !== undefined && Buffer.compare(start, end) >= 0) return []
  return bytes.getRange({
    ...(start.length > 0 && { start, exclusiveStart: isBehind }),
    ...(end !== undefined && { end: Buffer.from(end) }),
    ...(limit !== undefined && { limit }),
  })
}
