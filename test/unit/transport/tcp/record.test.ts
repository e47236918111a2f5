import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  ackRecord,
  frameHeadBytes,
  RecordReader,
  writeFrameHead,
} from '../../../../src/transport/tcp/record.ts'

type Seen = readonly ['frame', number, number, string] | readonly ['ack', number]

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const record = fc.oneof(
  fc.tuple(fc.constant('frame' as const), uint32, uint32, fc.uint8Array({ maxLength: 40 })),
  fc.tuple(fc.constant('ack' as const), uint32),
)

function reader(frameBytesMax = 1_000): { readonly reader: RecordReader; readonly seen: Seen[] } {
  const seen: Seen[] = []
  const sink = {
    frame: (number: number, ack: number, frame: Uint8Array): void => {
      seen.push(['frame', number, ack, Buffer.from(frame).toString('hex')])
    },
    ack: (ack: number): void => {
      seen.push(['ack', ack])
    },
  }
  return { reader: new RecordReader(sink, frameBytesMax), seen }
}

function frameRecord(number: number, ack: number, frame: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(frameHeadBytes + frame.length)
  writeFrameHead(bytes, 0, frame.length, number, ack)
  bytes.set(frame, frameHeadBytes)
  return bytes
}

test('records come out whole, however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 30 })),
      (records, cuts) => {
        const all = Buffer.concat(
          records.map((each) =>
            each[0] === 'ack' ? ackRecord(each[1]) : frameRecord(each[1], each[2], each[3]),
          ),
        )
        const { reader: read, seen } = reader()
        let at = 0
        for (let i = 0; at < all.length; i++) {
          const end = at + (cuts.length === 0 ? all.length : cuts[i % cuts.length]!)
          read.push(all.subarray(at, end))
          at = end
        }
        const expected = records.map((each) =>
          each[0] === 'ack' ? each : [each[0], each[1], each[2], Buffer.from(each[3]).toString('hex')],
        )
        assert.deepEqual(seen, expected)
      },
    ),
    { numRuns: 500 },
  )
})

test('a record that is too long, too short, or of another type is refused before room is made for it', () => {
  const head = (length: number, type: number): Buffer => {
    const bytes = Buffer.alloc(13)
    bytes.writeUInt32LE(length)
    bytes[4] = type
    return bytes
  }
  for (const bytes of [
    head(1_010, 1),
    head(0xffff_ffff, 1),
    head(4, 2),
    head(5, 3),
    head(6, 2),
    head(8, 1),
  ]) {
    const { reader: read, seen } = reader(1_000)
    assert.throws(
      () => read.push(bytes),
      { code: 'LINK_DATA_INVALID' },
      `length ${bytes.readUInt32LE()}, type ${bytes[4]}`,
    )
    assert.deepEqual(seen, [])
  }
})

test('rubbish is refused or waits for more, and never anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const { reader: read } = reader()
      try {
        read.push(bytes)
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'LINK_DATA_INVALID')
      }
    }),
    { numRuns: 500 },
  )
})

test('a reader that is stopped by what a frame does takes nothing more of the same bytes', () => {
  let frames = 0
  const read: RecordReader = new RecordReader(
    {
      frame: () => {
        frames++
        read.stop()
      },
      ack: () => assert.fail('an ack after the stop'),
    },
    1_000,
  )
  const frame = frameRecord(1, 0, new Uint8Array(3))
  read.push(Buffer.concat([frame, frame, ackRecord(1)]))
  read.push(frame)
  assert.equal(frames, 1)
})
