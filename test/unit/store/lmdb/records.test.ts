import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isVertigoError } from '../../../../src/base/errors.ts'
import { makeEntry } from '../../../../src/store/backend.ts'
import {
  decodeChanges,
  decodeEntry,
  decodeExpiry,
  decodeLease,
  decodeLeaseKey,
  decodeState,
  encodeChanges,
  encodeEntry,
  encodeExpiry,
  encodeLease,
  encodeLeaseKey,
  decodeRevision,
  encodeRevision,
  encodeState,
} from '../../../../src/store/lmdb/records.ts'
import type { Entry, LeaseId, WatchEvent } from '../../../../src/store/store.ts'

const keys = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter((key) => key.isWellFormed())
const numbers = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const leases = fc.option(
  numbers.map((lease) => String(lease) as LeaseId),
  { nil: undefined },
)
const values = fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes))

function entries(key: fc.Arbitrary<string>): fc.Arbitrary<Entry> {
  return fc
    .tuple(key, values, numbers, numbers, numbers, leases)
    .map(([name, value, createRevision, modRevision, version, lease]) =>
      makeEntry(name, value, { createRevision, modRevision, version }, lease),
    )
}

test('an entry comes back as it was', () => {
  fc.assert(
    fc.property(entries(keys), (entry) => {
      const key = Buffer.from(entry.key)
      assert.deepEqual(decodeEntry(key, encodeEntry(key, entry), entry.key), entry)
    }),
  )
})

test('a change comes back as it was', () => {
  const events = keys.chain((key) =>
    fc
      .record({
        entry: fc.option(entries(fc.constant(key)), { nil: undefined }),
        previous: entries(fc.constant(key)),
        hasPrevious: fc.boolean(),
      })
      .map(({ entry, previous, hasPrevious }): WatchEvent => {
        const before = hasPrevious || entry === undefined ? { previous } : {}
        return entry === undefined
          ? { type: 'delete', key, revision: 7, ...before }
          : { type: 'put', key, revision: 7, entry, ...before }
      }),
  )
  fc.assert(
    fc.property(
      fc.array(fc.array(events, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 2, max: 2 ** 40 }),
      (lists, first) => {
        const changes = lists.map((list, index) => {
          const revision = first + index
          return { revision, events: list.map((event): WatchEvent => ({ ...event, revision })) }
        })
        const key = encodeRevision(first + lists.length - 1)
        assert.deepEqual(decodeChanges(key, encodeChanges(changes)), changes)
        assert.equal(decodeRevision(key), first + lists.length - 1)
      },
    ),
  )
})

test('any flipped bit, a cut, and another key are noticed', () => {
  const key = Buffer.from('some/key')
  const record = encodeEntry(
    key,
    makeEntry('some/key', Buffer.from('v'), { createRevision: 1, modRevision: 2, version: 3 }, undefined),
  )
  const refuses = (changed: Buffer, under = key): void => {
    assert.throws(
      () => decodeEntry(under, changed, 'some/key'),
      (error) => isVertigoError(error) && error.code === 'STORE_CORRUPT',
    )
  }
  for (let bit = 0; bit < record.length * 8; bit++) {
    const changed = Buffer.from(record)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    refuses(changed)
  }
  for (let bytes = 0; bytes < record.length; bytes++) refuses(record.subarray(0, bytes))
  refuses(record, Buffer.from('some/kez'))
})

test('the state and leases come back as they were', () => {
  const key = Buffer.from('state')
  const state = { revision: 2 ** 40, oldest: 3, historyBytes: 4, liveBytes: 5, lastLease: 6 }
  assert.deepEqual(decodeState(key, encodeState(key, state)), state)
  const lease = { ttlMs: 100, expiresAtMs: 123.456 }
  assert.deepEqual(decodeLease(key, encodeLease(key, lease)), lease)
  const id = '12' as LeaseId
  assert.equal(decodeLeaseKey(id, encodeLeaseKey(id, 'k\u0000ö')), 'k\u0000ö')
  assert.deepEqual(decodeExpiry(encodeExpiry(123.456, id)), { expiresAtMs: 123.456, lease: id })
})

test('revisions and ends of leases are ordered like their bytes', () => {
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      assert.equal(Math.sign(Buffer.compare(encodeRevision(a), encodeRevision(b))), Math.sign(a - b))
    }),
  )
  const times = fc.double({ min: 0, max: 1e15, noNaN: true }).map((time) => time + 0)
  fc.assert(
    fc.property(times, times, (a, b) => {
      const id = '1' as LeaseId
      assert.equal(Math.sign(Buffer.compare(encodeExpiry(a, id), encodeExpiry(b, id))), Math.sign(a - b))
    }),
  )
})

test('a value in a change keeps nothing else in memory, and changes that nobody wants have no events', () => {
  const at = { createRevision: 2, modRevision: 2, version: 1 }
  const put = (key: string, bytes: number): WatchEvent => {
    const entry = makeEntry(key, Buffer.alloc(bytes, 7), at, undefined)
    return { type: 'put', key, revision: 2, entry, previous: entry }
  }
  const changes = [{ revision: 2, events: [put('small', 100), put('large', 1_000_000)] }]
  const [change] = decodeChanges(encodeRevision(2), encodeChanges(changes), (key) => key === 'small')
  assert.deepEqual(
    change!.events.map(({ key }) => key),
    ['small'],
  )
  const { entry, previous } = change!.events[0]!
  assert.equal(entry!.value.buffer.byteLength, 100)
  assert.equal(previous!.value.buffer.byteLength, 100)
  assert.deepEqual(
    decodeChanges(encodeRevision(2), encodeChanges(changes), () => false),
    [{ revision: 2, events: [] }],
  )
})
