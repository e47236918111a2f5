import { unreachable } from '../base/assert.ts'
import { VertigoError } from '../base/errors.ts'
import { MessageCodec } from './message-codec.ts'
import { readUint32, writeUint32 } from './numbers.ts'
import { decodeTrackFrame, type TrackFrame, typeTrackReports, typeTreeNews } from './track-frames.ts'

/**
 * Frames: what crosses a link, between threads and between nodes alike. Little-endian.
 *
 * | bytes | parcel frame | credit frame |
 * | --- | --- | --- |
 * | 0 | type 1, or 2 where a control follows the items; plus 4 where credit goes with it | type 3 |
 * | 1- | channel (8 bytes) | number of entries (4 bytes) |
 * | 9- or 5- | group, 0 for none (4 bytes) | entries of 16 bytes: channel (8), messages (4), bytes (4) |
 * | 13- | with credit: number of entries (1 byte), entries; then items, or [items, control], by the message codec | |
 *
 * A parcel with tracked messages has type 16 (plus 4 likewise), and holds [items, control or null, tracks]: an
 * entry of numbers of 32 bits for each. What is said back about them: `track-frames.ts`.
 *
 * A channel's number is made of three others (`cluster/protocol/channels.ts`): a whole number that a double holds exactly,
 * below 2^53. It travels as its low and its high 32 bits.
 *
 * After a worker has switched to the channels of another plan, it says so with a frame of type 4: byte 0, then the plan's
 * generation (8 bytes). What it had to say on channels of earlier plans only came before it.
 *
 * A worker that wants to know whether what it has sent has arrived sends a frame of type 8 with a number of its own choosing
 * behind it; the other one answers with a frame of type 9 and the same number. Both: byte 0, then the number (8 bytes).
 *
 * Who watches over a cycle asks the other workers with a part in it (type 10), they answer (type 11), and are told to end it
 * (type 12): byte 0, then whole numbers of 8 bytes each, in the order of the fields of `CycleFrame`.
 *
 * Credit goes with a parcel where one is sent anyway: an answer and the credit for what was asked would otherwise be two
 * messages, and each wakes the other thread.
 */

const typeItems = 1
const typeItemsAndControl = 2
const typeCredit = 3
const typeSwitched = 4
const typeMark = 8
const typeMarkSeen = 9
const typeCycleProbe = 10
const typeCycleProbed = 11
const typeCycleEnd = 12
const withCredit = 4
const typeTracked = 16
const headBytes = 13
const creditHeadBytes = 5
const creditEntryBytes = 16
const wholeBytes = 8
/** Numbers for each entry of credit: channel, messages, bytes. */
const creditEntryNumbers = 3
/** What the codec leaves free in front of a parcel, 255 bytes, holds no more than that. */
export const parcelCreditEntriesMax = 15

/**
 * For each tracked message, and for the control if that is: its index among the items (for the control, their number), the
 * worker of its source, the tree there (two numbers), its part of the token (two). By ascending index.
 */
export const trackEntryNumbers = 6

const uint32Range = 0x1_0000_0000
/** Of a number below 2^53. */
const highMax = 0x1f_ffff

/** Longest frame that is accepted. A longer one is refused at the sender, with the port's name. */
export const frameBytesMax = 256 * 1024 * 1024

export interface ParcelFrame {
  readonly type: 'parcel'
  readonly channel: number
  readonly group: number
  readonly items: unknown[]
  readonly control: unknown
  /** Entries for tracked messages; null where there are none. */
  readonly tracks: Int32Array | null
  /** Triples of channel, messages, bytes; undefined where there are none. */
  readonly credit: Float64Array | undefined
}

export interface CreditFrame {
  readonly type: 'credit'
  /** Triples of channel, messages, bytes. */
  readonly entries: Float64Array
}

/** Everything that its sender had to say on channels of plans before this one has been said. */
export interface SwitchedFrame {
  readonly type: 'switched'
  readonly generation: number
}

/** `mark`: tell me when you have come to this. `mark-seen`: everything that was sent before the mark has arrived. */
export type MarkFrame =
  { readonly type: 'mark'; readonly mark: number } | { readonly type: 'mark-seen'; readonly mark: number }

/** What is said about a cycle, in one generation of the plan; see `worker/cycles.ts`. */
export type CycleFrame =
  | {
      readonly type: 'cycle-probe'
      readonly generation: number
      readonly cycle: number
      readonly round: number
    }
  | {
      readonly type: 'cycle-probed'
      readonly generation: number
      readonly cycle: number
      readonly round: number
      /** 0: something outside of it may still send; 1: it works; 2: it is at rest. */
      readonly state: number
      readonly ends: number
      readonly sent: number
      readonly received: number
    }
  | { readonly type: 'cycle-end'; readonly generation: number; readonly cycle: number }

const codec = new MessageCodec()

/** What of a list of messages cannot be encoded. */
export function messagesFault(items: readonly unknown[]): ReturnType<MessageCodec['fault']> {
  return codec.fault(items)
}

/**
 * A view of the encoder's own buffer: copy or send it before the next call. `credit` holds triples of channel, messages,
 * bytes, at most `parcelCreditEntriesMax` of them.
 */
export function encodeParcel(
  channel: number,
  group: number,
  items: readonly unknown[],
  control: unknown,
  credit: readonly number[] = [],
  tracks: Int32Array | null = null,
): Uint8Array {
  const hasControl = control !== null
  const creditEntries = credit.length / creditEntryNumbers
  const creditBytes = creditEntries === 0 ? 0 : 1 + creditEntries * creditEntryBytes
  const untracked = hasControl ? [items, control] : items
  const payload = tracks === null ? untracked : [items, control, tracks]
  const frame = codec.encode(payload, headBytes + creditBytes)
  const type = tracks === null ? (hasControl ? typeItemsAndControl : typeItems) : typeTracked
  frame[0] = type + (creditBytes === 0 ? 0 : withCredit)
  writeWhole(frame, 1, channel)
  writeUint32(frame, 9, group)
  if (creditBytes > 0) {
    frame[headBytes] = creditEntries
    writeEntries(frame, headBytes + 1, credit)
  }
  return frame
}

export function encodeCredit(entries: readonly number[]): Uint8Array {
  const count = entries.length / creditEntryNumbers
  const frame = new Uint8Array(creditHeadBytes + count * creditEntryBytes)
  frame[0] = typeCredit
  writeUint32(frame, 1, count)
  writeEntries(frame, creditHeadBytes, entries)
  return frame
}

export function encodeSwitched(generation: number): Uint8Array {
  return encodeNumber(typeSwitched, generation)
}

export function encodeMark({ type, mark }: MarkFrame): Uint8Array {
  return encodeNumber(type === 'mark' ? typeMark : typeMarkSeen, mark)
}

export function encodeCycle(frame: CycleFrame): Uint8Array {
  const { generation, cycle } = frame
  switch (frame.type) {
    case 'cycle-probe':
      return encodeNumbers(typeCycleProbe, [generation, cycle, frame.round])
    case 'cycle-probed': {
      const { round, state, ends, sent, received } = frame
      return encodeNumbers(typeCycleProbed, [generation, cycle, round, state, ends, sent, received])
    }
    case 'cycle-end':
      return encodeNumbers(typeCycleEnd, [generation, cycle])
    default:
      return unreachable(frame)
  }
}

function encodeNumber(type: number, number: number): Uint8Array {
  return encodeNumbers(type, [number])
}

function encodeNumbers(type: number, numbers: readonly number[]): Uint8Array {
  const frame = new Uint8Array(1 + numbers.length * wholeBytes)
  frame[0] = type
  for (const [i, number] of numbers.entries()) writeWhole(frame, 1 + i * wholeBytes, number)
  return frame
}

/** Errors: FRAME_INVALID for anything that no `encode` of this version has made. */
export function decodeFrame(
  frame: Uint8Array,
): ParcelFrame | CreditFrame | SwitchedFrame | MarkFrame | CycleFrame | TrackFrame {
  const first = frame[0] ?? 0
  if (first === typeCredit) return decodeCredit(frame)
  if (first === typeSwitched) return { type: 'switched', generation: decodeNumber(frame) }
  if (first === typeMark) return { type: 'mark', mark: decodeNumber(frame) }
  if (first === typeMarkSeen) return { type: 'mark-seen', mark: decodeNumber(frame) }
  if (first >= typeCycleProbe && first <= typeCycleEnd) return decodeCycle(first, frame)
  if (first === typeTrackReports || first === typeTreeNews) return decodeTrackFrame(frame)
  const hasCredit = (first & withCredit) !== 0
  const type = hasCredit ? first - withCredit : first
  const isParcel = type === typeItems || type === typeItemsAndControl || type === typeTracked
  if (!isParcel || frame.length < headBytes) {
    throw new VertigoError('FRAME_INVALID', `a frame of ${frame.length} bytes has the unknown type ${first}`)
  }
  const credit = hasCredit ? decodeParcelCredit(frame) : undefined
  const creditBytes = credit === undefined ? 0 : 1 + (credit.length / creditEntryNumbers) * creditEntryBytes
  const payload = decodePayload(frame.subarray(headBytes + creditBytes))
  const parts = type === typeItems ? [payload, null] : payload
  const isTracked = type === typeTracked
  if (!Array.isArray(parts) || parts.length !== (isTracked ? 3 : 2) || !Array.isArray(parts[0])) {
    throw new VertigoError('FRAME_INVALID', 'a frame does not hold a list of messages')
  }
  const control: unknown = parts[1]
  if (type === typeItemsAndControl || (isTracked && control !== null)) checkTagged(control)
  const tracks = isTracked ? checkedTracks(parts[2], parts[0].length + (control === null ? 0 : 1)) : null
  return {
    type: 'parcel',
    channel: readWhole(frame, 1),
    group: readUint32(frame, 9),
    items: parts[0],
    control,
    tracks,
    credit,
  }
}

/** Entries by ascending index, each of something that is there. */
function checkedTracks(tracks: unknown, indices: number): Int32Array {
  if (!(tracks instanceof Int32Array) || tracks.length === 0 || tracks.length % trackEntryNumbers !== 0)
    throw new VertigoError('FRAME_INVALID', 'a frame holds no tracks where it says so')
  let last = -1
  for (let at = 0; at < tracks.length; at += trackEntryNumbers) {
    const index = tracks[at]!
    if (index <= last || index >= indices)
      throw new VertigoError('FRAME_INVALID', `a frame tracks message ${index} of ${indices}`)
    last = index
  }
  return tracks
}

function checkTagged(control: unknown): void {
  if (!isTagged(control))
    throw new VertigoError('FRAME_INVALID', 'a frame does not hold a control where it says so')
}

/** What kinds of controls there are is the receiver's to know. */
function isTagged(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

function decodePayload(bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes)
  } catch (error) {
    throw new VertigoError('FRAME_INVALID', 'a frame cannot be decoded', { cause: error })
  }
}

function decodeCredit(frame: Uint8Array): CreditFrame {
  const count = frame.length >= creditHeadBytes ? readUint32(frame, 1) : -1
  if (frame.length !== creditHeadBytes + count * creditEntryBytes) {
    throw new VertigoError('FRAME_INVALID', `a credit frame of ${frame.length} bytes says ${count} entries`)
  }
  return { type: 'credit', entries: readEntries(frame, creditHeadBytes, count) }
}

function decodeNumber(frame: Uint8Array): number {
  return decodeNumbers(frame, 1)[0]!
}

function decodeNumbers(frame: Uint8Array, count: number): readonly number[] {
  if (frame.length !== 1 + count * wholeBytes) {
    const what = count === 1 ? 'a number' : `${count} numbers`
    throw new VertigoError('FRAME_INVALID', `a frame of ${frame.length} bytes does not hold ${what}`)
  }
  return Array.from({ length: count }, (_, i) => readWhole(frame, 1 + i * wholeBytes))
}

function decodeCycle(type: number, frame: Uint8Array): CycleFrame {
  if (type === typeCycleProbe) {
    const [generation, cycle, round] = decodeNumbers(frame, 3) as [number, number, number]
    return { type: 'cycle-probe', generation, cycle, round }
  }
  if (type === typeCycleEnd) {
    const [generation, cycle] = decodeNumbers(frame, 2) as [number, number]
    return { type: 'cycle-end', generation, cycle }
  }
  const [generation, cycle, round, state, ends, sent, received] = decodeNumbers(frame, 7) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return { type: 'cycle-probed', generation, cycle, round, state, ends, sent, received }
}

function decodeParcelCredit(frame: Uint8Array): Float64Array {
  const count = frame[headBytes] ?? 0
  if (count === 0 || frame.length < headBytes + 1 + count * creditEntryBytes) {
    throw new VertigoError(
      'FRAME_INVALID',
      `a frame of ${frame.length} bytes says ${count} entries of credit`,
    )
  }
  return readEntries(frame, headBytes + 1, count)
}

function writeEntries(frame: Uint8Array, from: number, credit: readonly number[]): void {
  let at = from
  for (let i = 0; i < credit.length; i += creditEntryNumbers) {
    writeWhole(frame, at, credit[i]!)
    writeUint32(frame, at + 8, credit[i + 1]!)
    writeUint32(frame, at + 12, credit[i + 2]!)
    at += creditEntryBytes
  }
}

function readEntries(frame: Uint8Array, from: number, count: number): Float64Array {
  const entries = new Float64Array(count * creditEntryNumbers)
  let at = from
  for (let i = 0; i < entries.length; i += creditEntryNumbers) {
    entries[i] = readWhole(frame, at)
    entries[i + 1] = readUint32(frame, at + 8)
    entries[i + 2] = readUint32(frame, at + 12)
    at += creditEntryBytes
  }
  return entries
}

/** A whole number below 2^53. */
function writeWhole(bytes: Uint8Array, at: number, value: number): void {
  writeUint32(bytes, at, value % uint32Range)
  writeUint32(bytes, at + 4, Math.floor(value / uint32Range))
}

function readWhole(bytes: Uint8Array, at: number): number {
  const high = readUint32(bytes, at + 4)
  if (high > highMax) throw new VertigoError('FRAME_INVALID', 'a frame holds a number that is too large')
  return high * uint32Range + readUint32(bytes, at)
}
