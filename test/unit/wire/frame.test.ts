import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isVertigoError } from '../../../src/base/errors.ts'
import {
  decodeFrame,
  encodeCredit,
  encodeCycle,
  encodeMark,
  encodeParcel,
  encodeSwitched,
  parcelCreditEntriesMax,
} from '../../../src/wire/frame.ts'
import { message } from './arbitraries.ts'

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
/** Numbers of channels: whole, and exact as a double. */
const whole = fc.oneof(uint32, fc.maxSafeInteger().map(Math.abs))

/** Decodes; FRAME_INVALID is the only error that there may be. */
function decodeOrRefuse(bytes: Uint8Array): ReturnType<typeof decodeFrame> | 'refused' {
  try {
    return decodeFrame(bytes)
  } catch (error) {
    if (isVertigoError(error) && error.code === 'FRAME_INVALID') return 'refused'
    throw error
  }
}

const valid = (): Uint8Array =>
  new Uint8Array(
    encodeParcel(
      7,
      3,
      [
        { a: 1, b: [1, 'x', null] },
        { a: 2, b: [] },
      ],
      { type: 'end' },
    ),
  )

test('a parcel comes back with channel, group, items and control', () => {
  fc.assert(
    fc.property(
      whole,
      uint32,
      fc.array(message, { maxLength: 5 }),
      fc.option(message),
      fc.array(fc.tuple(whole, uint32, uint32), { maxLength: parcelCreditEntriesMax }),
      (channel, group, items, args, credit) => {
        const control = args === null ? null : { type: 'batch-end', args }
        const frame = new Uint8Array(encodeParcel(channel, group, items, control, credit.flat()))
        const parcel = decodeFrame(frame)
        assert.equal(parcel.type, 'parcel')
        if (parcel.type !== 'parcel') return
        assert.equal(parcel.channel, channel)
        assert.equal(parcel.group, group)
        assert.equal(parcel.items.length, items.length)
        assert.equal(parcel.control === null, control === null)
        assert.deepEqual([...(parcel.credit ?? [])], credit.flat())
      },
    ),
    { numRuns: 300 },
  )
})

test('credit comes back entry by entry', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(whole, uint32, uint32), { maxLength: 20 }), (entries) => {
      const frame = decodeFrame(encodeCredit(entries.flat()))
      assert.deepEqual(frame, { type: 'credit', entries: Float64Array.from(entries.flat()) })
    }),
  )
})

test('the generation of a switch comes back', () => {
  fc.assert(
    fc.property(whole, (generation) => {
      assert.deepEqual(decodeFrame(encodeSwitched(generation)), { type: 'switched', generation })
    }),
  )
  const frame = encodeSwitched(2 ** 52)
  for (let length = 0; length < frame.length; length++) {
    assert.equal(decodeOrRefuse(frame.subarray(0, length)), 'refused', `cut to ${length}`)
  }
  assert.equal(decodeOrRefuse(new Uint8Array([...frame, 0])), 'refused')
})

test('marks come back', () => {
  fc.assert(
    fc.property(whole, fc.constantFrom('mark', 'mark-seen'), (mark, type) => {
      assert.deepEqual(decodeFrame(encodeMark({ type, mark })), { type, mark })
    }),
  )
  assert.equal(decodeOrRefuse(encodeMark({ type: 'mark', mark: 1 }).subarray(1)), 'refused')
  assert.equal(decodeOrRefuse(encodeMark({ type: 'mark', mark: 1 }).subarray(0, 8)), 'refused')
})

test('what is said about a cycle comes back', () => {
  const round = { generation: whole, cycle: whole, round: whole }
  const frames = fc.oneof(
    fc.record({ type: fc.constant('cycle-probe' as const), ...round }),
    fc.record({
      type: fc.constant('cycle-probed' as const),
      ...round,
      state: whole,
      ends: whole,
      sent: whole,
      received: whole,
    }),
    fc.record({ type: fc.constant('cycle-end' as const), generation: whole, cycle: whole }),
  )
  fc.assert(
    fc.property(frames, (frame) => {
      const bytes = encodeCycle(frame)
      assert.deepEqual(decodeFrame(bytes), { ...frame })
      assert.equal(decodeOrRefuse(bytes.subarray(0, -1)), 'refused')
      assert.equal(decodeOrRefuse(new Uint8Array([...bytes, 0])), 'refused')
    }),
  )
})

test('the number of a channel that no double holds exactly is refused', () => {
  const frame = valid()
  frame[7] = 0x20
  assert.equal(decodeOrRefuse(frame), 'refused')
})

test('a frame that is cut, or longer than it says, is refused', () => {
  const credit = encodeCredit([1, 2, 3, 4, 5, 6])
  for (let length = 0; length < credit.length; length++) {
    assert.equal(decodeOrRefuse(credit.subarray(0, length)), 'refused', `credit cut to ${length}`)
  }
  assert.equal(decodeOrRefuse(new Uint8Array([...credit, 0])), 'refused')
  const parcel = valid()
  for (let length = 0; length < parcel.length; length++) {
    assert.equal(decodeOrRefuse(parcel.slice(0, length)), 'refused', `parcel cut to ${length}`)
  }
  assert.equal(decodeOrRefuse(new Uint8Array([...parcel, 1, 2, 3])), 'refused')
})

test('random bytes are refused or decoded, and never anything else', () => {
  const head = fc.tuple(
    fc.constantFrom(1, 2, 3, 4, 5, 6, 0, 255),
    fc.uint8Array({ minLength: 0, maxLength: 200 }),
  )
  fc.assert(
    fc.property(head, ([type, rest]) => {
      decodeOrRefuse(new Uint8Array([type, ...rest]))
    }),
    { numRuns: 2000 },
  )
  assert.notEqual(decodeOrRefuse(valid()), 'refused')
})

test('flipped bits of a frame are refused or decoded, and do not disturb the next frame', () => {
  const whole = valid()
  const expected = decodeFrame(whole)
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })), {
        minLength: 1,
        maxLength: 4,
      }),
      (flips) => {
        const broken = whole.slice()
        for (const [at, bits] of flips) broken[at]! ^= bits
        const frame = decodeOrRefuse(broken)
        if (frame !== 'refused' && frame.type === 'parcel') {
          assert.ok(Array.isArray(frame.items))
          const { control } = frame
          assert.ok(control === null || typeof (control as { type: unknown }).type === 'string')
        }
        assert.deepEqual(decodeFrame(whole), expected)
      },
    ),
    { numRuns: 2000 },
  )
})

test('a claim of a huge list costs no memory', () => {
  const before = process.memoryUsage().heapUsed
  for (const head of [0xdd, 0xdf, 0xc6, 0xdb, 0xc9]) {
    const frame = new Uint8Array([1, ...new Uint8Array(12), head, 0x7f, 0xff, 0xff, 0xff, 1])
    assert.equal(decodeOrRefuse(frame), 'refused', `0x${head.toString(16)}`)
  }
  assert.ok(process.memoryUsage().heapUsed - before < 64 * 1024 * 1024)
})
