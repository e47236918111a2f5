import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readRow } from '../../../src/state/capture.ts'
import { EntryBlock, readEntries, type StateEntry } from '../../../src/state/entry-block.ts'
import { encodeKey } from '../../../src/state/keys.ts'
import { MessageCodec } from '../../../src/wire/message-codec.ts'

const plainNumber = fc.oneof(
  fc.integer(),
  fc.integer({ min: -40, max: 300 }),
  fc.integer({ min: 0, max: 2 ** 33 }),
  fc.double(),
  fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -(2 ** 31), -(2 ** 31) - 1, 1e21, NaN, Infinity),
)
/** Lone surrogates come back as U+FFFD, as from the codec. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.string({ unit: 'binary-ascii', maxLength: 100 }),
  fc.constantFrom('', '\u0000', '\u00e4'.repeat(48), '\u20ac'.repeat(49), 'x'.repeat(48), 'y'.repeat(70_000)),
)
const plain = fc.oneof(plainNumber, text, fc.boolean(), fc.constant(null), fc.constant(undefined))
const key = fc.oneof(plainNumber, text)

function entriesOf(bytes: Uint8Array): StateEntry[] {
  return readEntries(bytes, (what) => new Error(what))
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}

test('a row of plain values is written so that the codec reads it as it was', () => {
  const codec = new MessageCodec()
  const row = fc.tuple(
    key,
    fc.option(fc.array(fc.double({ min: 0, noNaN: true }), { maxLength: 20 }), { nil: undefined }),
    fc.array(plain, { maxLength: 20 }),
  )
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), (rows) => {
      const block = new EntryBlock(64)
      const taken: Uint8Array[] = []
      const added: typeof rows = []
      for (const [at, one] of rows.entries()) {
        if (block.addPlain(...one)) added.push(one)
        else assert.ok(typeof one[0] === 'string' && one[0].startsWith('\u0000'), 'it is plain')
        if (at % 3 === 0) taken.push(block.take())
      }
      taken.push(block.take())
      // Looked at in the end: what was taken stays as it was.
      const entries = taken.flatMap(entriesOf)
      assert.equal(entries.length, added.length)
      for (const [at, [rowKey, changed, values]] of added.entries()) {
        const { kind, key: written, parts } = entries[at]!
        assert.equal(kind, 'put')
        assert.equal(textOf(written), encodeKey(rowKey))
        const asEncoded = codec.decode(new Uint8Array(codec.encode([rowKey, changed ?? null, ...values], 0)))
        const { key: readKey, changed: times, slots } = readRow(parts[0]!)
        assert.deepEqual([readKey, times, ...slots], asEncoded)
      }
    }),
    { numRuns: 1_000 },
  )
})

test('what is not plain is not written, and leaves nothing behind', () => {
  const block = new EntryBlock()
  assert.ok(block.addPlain('before', undefined, [1]))
  for (const value of [{}, [], new Map(), 1n, new Date(0), (): number => 1, Symbol('s')])
    assert.ok(!block.addPlain('k', undefined, ['x'.repeat(100), value]), typeof value)
  for (const other of [1n, null, undefined, true, ['a'], { a: 1 }, '\u0000n'])
    assert.ok(!block.addPlain(other, undefined, [1]), typeof other)
  block.delete('gone')
  block.add('more', false, new Uint8Array([1, 2, 3]))
  assert.equal(block.count, 3)
  const entries = entriesOf(block.take())
  assert.deepEqual(
    entries.map(({ kind, key: written, parts }) => [kind, textOf(written), parts.length]),
    [
      ['put', 'before', 1],
      ['delete', 'gone', 0],
      ['append', 'more', 1],
    ],
  )
  assert.deepEqual([...entries[2]!.parts[0]!], [1, 2, 3])
  assert.equal(block.count, 0)
})

test('bytes that are no entries are an error', () => {
  const block = new EntryBlock()
  block.add('key', true, new Uint8Array(10))
  const bytes = Buffer.from(block.take())
  for (let length = 1; length < bytes.length; length++)
    assert.throws(() => entriesOf(bytes.subarray(0, length)), /longer than its chunk/, String(length))
  bytes[0] = 7
  assert.throws(() => entriesOf(bytes), /no known kind/)
})
