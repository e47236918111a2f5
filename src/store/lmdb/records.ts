import { Buffer } from 'node:buffer'
import { crc32 } from 'node:zlib'
import { VertigoError } from '../../base/errors.ts'
import { makeEntry } from '../backend.ts'
import type { Change } from '../followers.ts'
import type { Entry, LeaseId, Revision, WatchEvent } from '../store.ts'

/**
 * How things lie in the database. Each record begins with a CRC-32 that depends on its database, its key and the rest of it, so that a
 * damaged one, or one in the place of another, is noticed before it is believed. Numbers are little-endian doubles.
 */

/** What the store knows of itself; one record, written with each commit. */
export interface StoreState {
  readonly revision: Revision
  /** The oldest revision of which the history is complete. */
  readonly oldest: Revision
  readonly historyBytes: number
  /** Keys and values that are there, with what each record costs. */
  readonly liveBytes: number
  /** The number of the last lease; never used twice. */
  readonly lastLease: number
}

export interface LeaseRecord {
  readonly ttlMs: number
  /** On the monotonic clock of the machine, in the boot that the database names. */
  readonly expiresAtMs: number
}

/** The databases, with the names they have in `STORE_CORRUPT`. */
export type Space = 'meta' | 'keys' | 'history' | 'leases' | 'lease-keys' | 'expiries'

const crcBytes = 4
/** What a record of a key costs beside its key and value: its head, and LMDB's. */
export const entryOverheadBytes = 64

export const initialState: StoreState = {
  revision: 1,
  oldest: 2,
  historyBytes: 0,
  liveBytes: 0,
  lastLease: 0,
}

/**
 * `record` holds room for the checksum at its start. Records lie in memory that Node hands out in pieces: a buffer of its own
 * for each would cost more than all the rest of a small write.
 */
function seal(space: Space, key: Uint8Array, record: Buffer): Buffer {
  record.writeUInt32LE(checksum(space, key, record), 0)
  return record
}

function checksum(space: Space, key: Uint8Array, record: Buffer): number {
  return crc32(record.subarray(crcBytes), seedOf(space, key))
}

/** FNV-1a (Fowler, Noll, Vo): for a few bytes quicker than a call of the library. */
function seedOf(space: Space, key: Uint8Array): number {
  let hash = spaceSeeds[space]
  for (const byte of key) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

const spaceSeeds: Readonly<Record<Space, number>> = {
  meta: 1,
  keys: 2,
  history: 3,
  leases: 4,
  'lease-keys': 5,
  expiries: 6,
}

/** Throws `STORE_CORRUPT` where the record is not what was written under this key. */
function checked(space: Space, key: Uint8Array, record: Buffer, bytesMin: number): Buffer {
  if (record.length < crcBytes + bytesMin || record.readUInt32LE(0) !== checksum(space, key, record))
    throw corrupt(space, key)
  return record
}

export function corrupt(space: Space, key: Uint8Array, cause?: unknown): VertigoError {
  const name = space === 'history' ? String(decodeRevision(key)) : Buffer.from(key).toString()
  return new VertigoError(
    'STORE_CORRUPT',
    `The record ${space}/${name} is damaged: it is not what was written.`,
    { cause },
  )
}

export function encodeRevision(revision: Revision): Buffer {
  const key = Buffer.allocUnsafe(8)
  key.writeUInt32BE(Math.floor(revision / 2 ** 32), 0)
  key.writeUInt32BE(revision % 2 ** 32, 4)
  return key
}

export function decodeRevision(key: Uint8Array): Revision {
  return key.length === 8 ? Number(Buffer.from(key).readBigUInt64BE()) : Number.NaN
}

export function encodeState(key: Uint8Array, state: StoreState): Buffer {
  const record = Buffer.allocUnsafe(crcBytes + 40)
  record.writeDoubleLE(state.revision, 4)
  record.writeDoubleLE(state.oldest, 12)
  record.writeDoubleLE(state.historyBytes, 20)
  record.writeDoubleLE(state.liveBytes, 28)
  record.writeDoubleLE(state.lastLease, 36)
  return seal('meta', key, record)
}

export function decodeState(key: Uint8Array, stored: Buffer): StoreState {
  const record = checked('meta', key, stored, 40)
  return {
    revision: record.readDoubleLE(4),
    oldest: record.readDoubleLE(12),
    historyBytes: record.readDoubleLE(20),
    liveBytes: record.readDoubleLE(28),
    lastLease: record.readDoubleLE(36),
  }
}

/** Text with a checksum: the boot. */
export function encodeText(key: Uint8Array, text: string): Buffer {
  return seal('meta', key, Buffer.concat([Buffer.alloc(crcBytes), Buffer.from(text)]))
}

export function decodeText(key: Uint8Array, stored: Buffer): string {
  return checked('meta', key, stored, 0).toString('utf8', crcBytes)
}

export function encodeLease(key: Uint8Array, lease: LeaseRecord): Buffer {
  const record = Buffer.allocUnsafe(crcBytes + 16)
  record.writeDoubleLE(lease.ttlMs, 4)
  record.writeDoubleLE(lease.expiresAtMs, 12)
  return seal('leases', key, record)
}

export function decodeLease(key: Uint8Array, stored: Buffer): LeaseRecord {
  const record = checked('leases', key, stored, 16)
  return { ttlMs: record.readDoubleLE(4), expiresAtMs: record.readDoubleLE(12) }
}

/** Ordered by time; positive doubles are ordered like their bytes. */
export function encodeExpiry(expiresAtMs: number, lease: LeaseId): Buffer {
  const key = Buffer.allocUnsafe(8 + lease.length)
  key.writeDoubleBE(expiresAtMs)
  key.write(lease, 8, 'latin1')
  return key
}

export interface Expiry {
  readonly expiresAtMs: number
  readonly lease: LeaseId
}

export function decodeExpiry(key: Uint8Array): Expiry {
  const bytes = Buffer.from(key)
  if (bytes.length < 9) throw corrupt('expiries', key)
  return { expiresAtMs: bytes.readDoubleBE(), lease: bytes.toString('latin1', 8) as LeaseId }
}

/** The keys of a lease follow each other. */
export function encodeLeaseKey(lease: LeaseId, key: string): Buffer {
  return Buffer.from(`${lease}\0${key}`)
}

/** Whose key it is, where that is `key`. */
export function leaseIn(bytes: Uint8Array, key: string): LeaseId | undefined {
  const text = Buffer.from(bytes).toString()
  const end = text.indexOf('\0')
  return end > 0 && text.slice(end + 1) === key ? (text.slice(0, end) as LeaseId) : undefined
}

export function decodeLeaseKey(lease: LeaseId, bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8', lease.length + 1)
}

const entryHeadBytes = 3 * 8 + 1

function entryBodyBytes({ value, lease }: Entry): number {
  return entryHeadBytes + (lease?.length ?? 0) + value.byteLength
}

/** Gives the position behind it. */
function writeEntryBody(into: Buffer, at: number, entry: Entry): number {
  const { createRevision, modRevision, version, value } = entry
  const lease: string = entry.lease ?? ''
  into.writeDoubleLE(createRevision, at)
  into.writeDoubleLE(modRevision, at + 8)
  into.writeDoubleLE(version, at + 16)
  into.writeUInt8(lease.length, at + 24)
  into.write(lease, at + entryHeadBytes, 'latin1')
  const valueAt = at + entryHeadBytes + lease.length
  into.set(value, valueAt)
  return valueAt + value.byteLength
}

/** How a value comes out of the record that holds it. */
type TakeValue = (record: Buffer, start: number, end: number) => Buffer

/** In the record's own memory, which lives as long as the value. */
const takePart: TakeValue = (record, start, end) => record.subarray(start, end)
/** In memory of its own: whoever keeps it keeps nothing else. */
const takeOwn: TakeValue = (record, start, end) =>
  Uint8Array.prototype.slice.call(record, start, end) as Buffer
/** In memory that Node shares among small buffers: the cheapest copy, for what is not kept for long. */
const takeCopy: TakeValue = (record, start, end) => Buffer.from(record.subarray(start, end))

function readEntryBody(key: string, record: Buffer, at: number, end: number, take: TakeValue): Entry {
  const leaseAt = at + entryHeadBytes
  const leaseEnd = leaseAt + record.readUInt8(at + 24)
  return makeEntry(
    key,
    take(record, leaseEnd, end),
    {
      createRevision: record.readDoubleLE(at),
      modRevision: record.readDoubleLE(at + 8),
      version: record.readDoubleLE(at + 16),
    },
    leaseEnd === leaseAt ? undefined : (record.toString('latin1', leaseAt, leaseEnd) as LeaseId),
  )
}

export function encodeEntry(key: Uint8Array, entry: Entry): Buffer {
  const record = Buffer.allocUnsafe(crcBytes + entryBodyBytes(entry))
  writeEntryBody(record, crcBytes, entry)
  return seal('keys', key, record)
}

/** The value stays a part of the record. */
export function decodeEntry(key: Uint8Array, stored: Buffer, name: string): Entry {
  const record = checked('keys', key, stored, entryHeadBytes)
  return readEntryBody(name, record, crcBytes, record.length, takePart)
}

/** Bytes of the value in a record that cannot be read, if it is as long as it was. */
export function valueBytesIn(stored: Buffer, lease: LeaseId | undefined): number {
  return Math.max(0, stored.length - crcBytes - entryHeadBytes - (lease?.length ?? 0))
}

/** Of a record in memory that the next read writes over. */
export function decodeEntryCopy(key: Uint8Array, stored: Buffer, name: string): Entry {
  const record = checked('keys', key, stored, entryHeadBytes)
  return readEntryBody(name, record, crcBytes, record.length, takeCopy)
}

/** Revision less the first one, length of the key, lengths of the entries after and before; 0 where there is none. */
const eventHeadBytes = 4 * 4
/** The first revision. */
const chunkHeadBytes = 8

/** The changes of several revisions in a row, as they were committed together; their key is the last revision. */
export function encodeChanges(changes: readonly Change[]): Buffer {
  const first = changes[0]!.revision
  const record = Buffer.allocUnsafe(changesBytes(changes))
  record.writeDoubleLE(first, crcBytes)
  let at = crcBytes + chunkHeadBytes
  for (const { revision, events } of changes)
    for (const { key, entry, previous } of events) {
      const keyAt = at + eventHeadBytes
      const keyEnd = keyAt + record.write(key, keyAt)
      const entryEnd = entry === undefined ? keyEnd : writeEntryBody(record, keyEnd, entry)
      const end = previous === undefined ? entryEnd : writeEntryBody(record, entryEnd, previous)
      record.writeUInt32LE(revision - first, at)
      record.writeUInt32LE(keyEnd - keyAt, at + 4)
      record.writeUInt32LE(entryEnd - keyEnd, at + 8)
      record.writeUInt32LE(end - entryEnd, at + 12)
      at = end
    }
  return seal('history', encodeRevision(changes.at(-1)!.revision), record)
}

function changesBytes(changes: readonly Change[]): number {
  let bytes = crcBytes + chunkHeadBytes
  for (const { events } of changes)
    for (const { key, entry, previous } of events) {
      bytes += eventHeadBytes + Buffer.byteLength(key)
      if (entry !== undefined) bytes += entryBodyBytes(entry)
      if (previous !== undefined) bytes += entryBodyBytes(previous)
    }
  return bytes
}

/** Which keys somebody wants to hear of. */
export type Wanted = (key: string) => boolean

const wantAll: Wanted = () => true

/**
 * Every revision, with those of its events that are wanted. Their values are copies: who keeps one of a few bytes must not
 * keep a record of some hundred thousand.
 */
export function decodeChanges(key: Uint8Array, stored: Buffer, isWanted = wantAll): Change[] {
  const record = checked('history', key, stored, chunkHeadBytes)
  const first = record.readDoubleLE(crcBytes)
  const changes: { readonly revision: Revision; readonly events: WatchEvent[] }[] = []
  for (let at = crcBytes + chunkHeadBytes; at < record.length;) {
    const revision = first + record.readUInt32LE(at)
    const keyEnd = at + eventHeadBytes + record.readUInt32LE(at + 4)
    const entryEnd = keyEnd + record.readUInt32LE(at + 8)
    const end = entryEnd + record.readUInt32LE(at + 12)
    if (changes.at(-1)?.revision !== revision) changes.push({ revision, events: [] })
    const name = record.toString('utf8', at + eventHeadBytes, keyEnd)
    if (isWanted(name)) {
      const entry = entryEnd > keyEnd ? readEntryBody(name, record, keyEnd, entryEnd, takeOwn) : undefined
      const previous = end > entryEnd ? readEntryBody(name, record, entryEnd, end, takeOwn) : undefined
      changes.at(-1)!.events.push({
        type: entry === undefined ? 'delete' : 'put',
        key: name,
        revision,
        ...(entry && { entry }),
        ...(previous && { previous }),
      })
    }
    at = end
  }
  return changes
}
