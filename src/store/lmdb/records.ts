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

/** `body` holds room for the checksum at its start. */
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
  const record = Buffer.alloc(crcBytes + 40)
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
  const record = Buffer.alloc(crcBytes + 16)
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
  const key = Buffer.alloc(8 + lease.length)
  key.writeDoubleBE(expiresAtMs)
  key.write(lease, 8, 'latin1')
  return key
}

export function decodeExpiry(key: Uint8Array): { readonly expiresAtMs: number; readonly lease: LeaseId } {
  const bytes = Buffer.from(key)
  if (bytes.length < 9) throw corrupt('expiries', key)
  return { expiresAtMs: bytes.readDoubleBE(), lease: bytes.toString('latin1', 8) as LeaseId }
}

/** The keys of a lease follow each other. */
export function encodeLeaseKey(lease: LeaseId, key: string): Buffer {
  return Buffer.from(`${lease}\0${key}`)
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

function readEntryBody(key: string, body: Buffer): Entry {
  const leaseEnd = entryHeadBytes + body.readUInt8(24)
  const lease = body.toString('latin1', entryHeadBytes, leaseEnd) as LeaseId
  return makeEntry(
    key,
    body.subarray(leaseEnd),
    {
      createRevision: body.readDoubleLE(0),
      modRevision: body.readDoubleLE(8),
      version: body.readDoubleLE(16),
    },
    lease === '' ? undefined : lease,
  )
}

export function encodeEntry(key: Uint8Array, entry: Entry): Buffer {
  const record = Buffer.allocUnsafe(crcBytes + entryBodyBytes(entry))
  writeEntryBody(record, crcBytes, entry)
  return seal('keys', key, record)
}

export function decodeEntry(key: Uint8Array, stored: Buffer, name: string): Entry {
  return readEntryBody(name, checked('keys', key, stored, entryHeadBytes).subarray(crcBytes))
}

/** Revision less the first one, length of the key, lengths of the entries after and before; 0 where there is none. */
const eventHeadBytes = 4 * 4
/** The first revision. */
const chunkHeadBytes = 8

/** The changes of several revisions in a row, as they were committed together; their key is the last revision. */
export function encodeChanges(changes: readonly Change[]): Buffer {
  const first = changes[0]!.revision
  const parts = changes.flatMap(({ revision, events }) =>
    events.map(({ key, entry, previous }) => ({
      offset: revision - first,
      key: Buffer.from(key),
      entry,
      previous,
      entryBytes: entry === undefined ? 0 : entryBodyBytes(entry),
      previousBytes: previous === undefined ? 0 : entryBodyBytes(previous),
    })),
  )
  let bytes = crcBytes + chunkHeadBytes
  for (const part of parts) bytes += eventHeadBytes + part.key.length + part.entryBytes + part.previousBytes
  const record = Buffer.allocUnsafe(bytes)
  record.writeDoubleLE(first, crcBytes)
  let at = crcBytes + chunkHeadBytes
  for (const { offset, key, entry, previous, entryBytes, previousBytes } of parts) {
    record.writeUInt32LE(offset, at)
    record.writeUInt32LE(key.length, at + 4)
    record.writeUInt32LE(entryBytes, at + 8)
    record.writeUInt32LE(previousBytes, at + 12)
    record.set(key, at + eventHeadBytes)
    at += eventHeadBytes + key.length
    if (entry !== undefined) at = writeEntryBody(record, at, entry)
    if (previous !== undefined) at = writeEntryBody(record, at, previous)
  }
  return seal('history', encodeRevision(changes.at(-1)!.revision), record)
}

export function decodeChanges(key: Uint8Array, stored: Buffer): Change[] {
  const record = checked('history', key, stored, chunkHeadBytes)
  const first = record.readDoubleLE(crcBytes)
  const changes: { readonly revision: Revision; readonly events: WatchEvent[] }[] = []
  for (let at = crcBytes + chunkHeadBytes; at < record.length;) {
    const revision = first + record.readUInt32LE(at)
    const keyEnd = at + eventHeadBytes + record.readUInt32LE(at + 4)
    const entryEnd = keyEnd + record.readUInt32LE(at + 8)
    const end = entryEnd + record.readUInt32LE(at + 12)
    const name = record.toString('utf8', at + eventHeadBytes, keyEnd)
    const entry = entryEnd > keyEnd ? readEntryBody(name, record.subarray(keyEnd, entryEnd)) : undefined
    const previous = end > entryEnd ? readEntryBody(name, record.subarray(entryEnd, end)) : undefined
    if (changes.at(-1)?.revision !== revision) changes.push({ revision, events: [] })
    changes.at(-1)!.events.push({
      type: entry === undefined ? 'delete' : 'put',
      key: name,
      revision,
      ...(entry && { entry }),
      ...(previous && { previous }),
    })
    at = end
  }
  return changes
}
