import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MessageCodec } from '../../../src/wire/message-codec.ts'
import { PlainReader } from '../../../src/wire/plain-reader.ts'

const codec = new MessageCodec()

function bytesOf(value: unknown): Buffer {
  return Buffer.from(codec.encode(value, 0))
}

function readAll(bytes: Buffer): { readonly values: readonly unknown[]; readonly isOver: boolean } {
  const reader = new PlainReader(bytes)
  reader.begin(bytes, 0, bytes.length)
  const values: unknown[] = []
  for (let left = reader.arrayLength(); left > 0; left--) values.push(reader.value())
  return { values, isOver: reader.isOver }
}

test('what the codec writes of plain values is read as the codec reads it', () => {
  const plain = fc.oneof(
    fc.integer(),
    fc.integer({ min: -300, max: 70_000 }),
    fc.integer({ min: 0, max: 2 ** 33 }),
    fc.double(),
    fc.boolean(),
    fc.constantFrom(null, undefined, 'x'.repeat(300), 'y'.repeat(70_000)),
    fc.string({ unit: 'binary', maxLength: 60 }),
  )
  fc.assert(
    fc.property(fc.array(plain, { maxLength: 15 }), (values) => {
      const bytes = bytesOf(values)
      const read = readAll(bytes)
      assert.ok(read.isOver)
      assert.deepEqual(read.values, codec.decode(bytes))
    }),
    { numRuns: 1_000 },
  )
})

test('what is not plain, is cut off or longer is said to be no plain value', () => {
  for (const value of [{ a: 1 }, [1], 1n, new Map([[1, 2]]), new Date(0), new Error('e'), new Uint8Array(3)])
    assert.ok(!readAll(bytesOf([1, value])).isOver, value.constructor.name)
  assert.ok(!readAll(bytesOf(Array.from({ length: 16 }, () => 1))).isOver)
  assert.ok(!readAll(bytesOf('text')).isOver)
  const whole = bytesOf([1, 'text', 300, -1_000_000, 1.5, 'x'.repeat(40), undefined])
  for (let length = 1; length < whole.length; length++)
    assert.ok(!readAll(whole.subarray(0, length)).isOver, String(length))
  assert.ok(!readAll(Buffer.concat([whole, Buffer.from([1])])).isOver)
})
