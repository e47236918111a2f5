import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../../../src/base/clock.ts'
import type { Sink } from '../../../../src/component/index.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { InstanceSink } from '../../../../src/worker/snapshots/instance-sink.ts'
import { decodeSaved, encodeSaved, nothingSaved } from '../../../../src/worker/snapshots/saved.ts'
import type { SliceWork } from '../../../../src/worker/snapshots/slice-work.ts'
import { decodeStaged, StagedEncoder } from '../../../../src/worker/snapshots/staged.ts'
import { MessageCodec } from '../../../../src/wire/message-codec.ts'
import { rejectsWith } from '../../testkit/errors.ts'

const snapshot = { incarnation: 3, id: 7 }
/** More than what a chunk should have, less than what is felt: a text of three bytes for each character. */
const chunkBytesMax = 200 * 1024

function chunksOf(staged: unknown): readonly Uint8Array[] {
  const encoder = new StagedEncoder({ snapshot, staged }, 'it[0]')
  encoder.step(systemClock, Infinity)
  return encoder.chunks!
}

test('what a sink has prepared comes back as it was, whatever it is long in', () => {
  const plain = { noNullPrototype: true }
  const text = fc.string({ unit: 'grapheme', maxLength: 20 })
  const long = fc.tuple(text, fc.nat(30_000)).map(([some, times]) => some.repeat(times))
  const row = fc.oneof(
    text,
    fc.nat(),
    fc.record({ text, at: fc.date({ noInvalidDate: true }) }, plain),
    fc.constant(null),
  )
  const rows = fc.oneof(
    fc.array(row),
    fc.tuple(row, fc.nat(2_000)).map(([one, times]) => Array.from({ length: times }, () => one)),
  )
  // Deeper in, nothing is divided: what is long there is one chunk, however long that is.
  const few = fc.array(row, { maxLength: 5 })
  const staged = fc.oneof(
    row,
    rows,
    long,
    fc.record({ rows, long, row, more: fc.record({ rows: few }, plain) }, plain),
  )
  fc.assert(
    fc.property(staged, (value) => {
      const chunks = chunksOf(value)
      assert.deepEqual(decodeStaged(chunks), { snapshot, staged: value })
      for (const { byteLength } of chunks) assert.ok(byteLength <= chunkBytesMax, `a chunk of ${byteLength}`)
    }),
    { numRuns: 60 },
  )
})

test('what sinks prepare is made of chunks that are small, and fields keep their order', () => {
  const value = new Uint8Array(1_000)
  const staged = {
    keys: undefined,
    values: Array.from({ length: 5_000 }, () => value),
    text: '\u{1F600}'.repeat(100_000),
    last: 1,
  }
  const chunks = chunksOf(staged)
  assert.ok(chunks.length > 50)
  for (const { byteLength } of chunks) assert.ok(byteLength <= chunkBytesMax, `a chunk of ${byteLength}`)
  const read = decodeStaged(chunks).staged as typeof staged
  assert.deepEqual(Object.keys(read), ['keys', 'values', 'text', 'last'])
  assert.deepEqual(read, staged)
})

test('pieces of several snapshots are put into the file chunk by chunk, and read again', () => {
  const pieces = [chunksOf(Array.from({ length: 1_000 }, (_, n) => ({ n }))), chunksOf(['last'])]
  const entries = encodeSaved(
    {
      ...nothingSaved,
      sink: { isOver: false, published: snapshot, since: { incarnation: 3, id: 2 }, pieces },
    },
    'it[0]',
  )
  for (const { parts } of entries)
    assert.ok(parts.reduce((sum, { byteLength }) => sum + byteLength, 0) <= chunkBytesMax)
  const { sink } = decodeSaved(entries)
  assert.deepEqual([sink!.published, sink!.since], [snapshot, { incarnation: 3, id: 2 }])
  assert.deepEqual(sink!.pieces.map(decodeStaged), pieces.map(decodeStaged))
})

test('pieces that stand whole in the entry of the sink, as format 1 has them, are read', () => {
  const codec = new MessageCodec()
  const encoded = (value: unknown): Uint8Array => new Uint8Array(codec.encode(value, 0))
  const parts = [
    [false, 3, 7],
    [3, 8, ['a', 'b']],
    [3, 9, { rows: ['c'] }],
  ].map(encoded)
  const { sink } = decodeSaved([{ kind: 'put', key: Buffer.from('sink'), parts }])
  assert.deepEqual([sink!.isOver, sink!.published, sink!.since], [false, snapshot, undefined])
  assert.deepEqual(sink!.pieces.map(decodeStaged), [
    { snapshot: { incarnation: 3, id: 8 }, staged: ['a', 'b'] },
    { snapshot: { incarnation: 3, id: 9 }, staged: { rows: ['c'] } },
  ])
})

test('what cannot be written is named by where it is', async () => {
  const rows = Array.from({ length: 500 }, (): unknown => 1)
  rows[300] = { f: () => 1 }
  for (const [staged, where] of [
    [rows, /: \[300\]\.f /],
    [{ rows }, /: \.rows\[300\]\.f /],
    [{ one: Symbol('s') }, /: \.one /],
  ] as const) {
    const encoder = new StagedEncoder({ snapshot, staged }, 'it[0]')
    encoder.step(systemClock, Infinity)
    assert.ok(!encoder.isWaiting)
    await rejectsWith(encoder.done, 'STATE_NOT_ENCODABLE', where)
  }
})

/** Each look at it takes a millisecond. */
class SlowClock extends TestClock {
  override monotonic(): number {
    this.advance(1)
    return super.monotonic()
  }
}

test('IS-7: at the cut a sink takes a slice, and the part has what was prepared when the rest is encoded', async () => {
  const clock = new SlowClock()
  const rows = Array.from({ length: 10_000 }, (_, n) => ({ n }))
  const works: SliceWork[] = []
  const sink: Sink = { prepare: () => rows, commit: () => undefined, recover: () => undefined }
  const instance = new InstanceSink(sink, 'writer', {
    place: 'it[0]',
    clock,
    fail: (error) => assert.fail(error as Error),
    warn: () => undefined,
    received: 0,
    mayAct: () => true,
    wake: () => undefined,
    inSlices: (work) => works.push(work),
  })
  const begin = { type: 'begin', generation: 1, incarnation: 3, snapshot: 7, predecessor: null } as const
  const prepared = instance.prepare({ ...begin, isAligned: true, alignMsMax: null }, false)
  const [work] = works
  assert.ok(prepared instanceof Promise && work !== undefined, 'it is not ready at the cut')
  let slices = 0
  for (; work.isWaiting; slices++) work.step(clock, 1)
  assert.ok(slices > rows.length / 128 - 2, `each is ended by the clock: ${slices}`)
  const { pieces } = await prepared
  assert.deepEqual(pieces.map(decodeStaged), [{ snapshot, staged: rows }])
  assert.ok(!instance.isEmpty)
  instance.stop()
})
