import { VertigoError } from '../base/errors.ts'
import { MessageCodec } from './message-codec.ts'

/**
 * Frames: what crosses a link, between threads and between nodes alike. Little-endian.
 *
 * | bytes | parcel frame | credit frame |
 * | --- | --- | --- |
 * | 0 | type 1, or 2 where a control follows the items; plus 4 where credit goes with it | type 3 |
 * | 1-4 | channel | number of entries |
 * | 5-8 | group, 0 for none | entries of 12 bytes: channel, messages, bytes |
 * | 9- | with credit: number of entries (1 byte), entries; then items, or [items, control], by the message codec | |
 *
 * Credit goes with a parcel where one is sent anyway: an answer and the credit for what was asked would otherwise be two
 * messages, and each wakes the other thread.
 */

const typeItems = 1
const typeItemsAndControl = 2
const typeCredit = 3
const withCredit = 4
const headBytes = 9
const creditEntryBytes = 12
/** What the codec leaves free in front of a parcel holds no more than that. */
export const parcelCreditEntriesMax = 20

/** Longest frame that is accepted. A longer one is refused at the sender, with the port's name. */
export const frameBytesMax = 256 * 1024 * 1024

export interface ParcelFrame {
  readonly type: 'parcel'
  readonly channel: number
  readonly group: number
  readonly items: unknown[]
  readonly control: unknown
  /** Triples of channel, messages, bytes; undefined where there are none. */
  readonly credit: Uint32Array | undefined
}

export interface CreditFrame {
  readonly type: 'credit'
  /** Triples of channel, messages, bytes. */
  readonly entries: Uint32Array
}

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
): Uint8Array {
  const hasControl = control !== null
  const creditBytes = credit.length === 0 ? 0 : 1 + credit.length * 4
  const frame = codec.encode(hasControl ? [items, control] : items, headBytes + creditBytes)
  frame[0] = (hasControl ? typeItemsAndControl : typeItems) + (creditBytes === 0 ? 0 : withCredit)
  writeUint32(frame, 1, channel)
  writeUint32(frame, 5, group)
  if (creditBytes > 0) {
    frame[headBytes] = credit.length / 3
    for (let i = 0; i < credit.length; i++) writeUint32(frame, headBytes + 1 + i * 4, credit[i]!)
  }
  return frame
}

export function encodeCredit(entries: readonly number[]): Uint8Array {
  const frame = new Uint8Array(headBytes - 4 + entries.length * 4)
  frame[0] = typeCredit
  writeUint32(frame, 1, entries.length / 3)
  for (let i = 0; i < entries.length; i++) writeUint32(frame, 5 + i * 4, entries[i]!)
  return frame
}

/** Errors: FRAME_INVALID for anything that no `encode` of this version has made. */
export function decodeFrame(frame: Uint8Array): ParcelFrame | CreditFrame {
  const first = frame[0] ?? 0
  if (first === typeCredit) return decodeCredit(frame)
  const hasCredit = first > withCredit
  const type = hasCredit ? first - withCredit : first
  if ((type !== typeItems && type !== typeItemsAndControl) || frame.length < headBytes) {
    throw new VertigoError('FRAME_INVALID', `a frame of ${frame.length} bytes has the unknown type ${first}`)
  }
  const credit = hasCredit ? decodeParcelCredit(frame) : undefined
  const payload = decodePayload(
    frame.subarray(credit === undefined ? headBytes : headBytes + 1 + credit.byteLength),
  )
  const parts = type === typeItems ? [payload, null] : payload
  if (!Array.isArray(parts) || parts.length !== 2 || !Array.isArray(parts[0])) {
    throw new VertigoError('FRAME_INVALID', 'a frame does not hold a list of messages')
  }
  const control: unknown = parts[1]
  if (type === typeItemsAndControl && !isTagged(control)) {
    throw new VertigoError('FRAME_INVALID', 'a frame does not hold a control where it says so')
  }
  return {
    type: 'parcel',
    channel: readUint32(frame, 1),
    group: readUint32(frame, 5),
    items: parts[0],
    control,
    credit,
  }
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
  const count = frame.length >= 5 ? readUint32(frame, 1) : -1
  if (frame.length !== 5 + count * creditEntryBytes) {
    throw new VertigoError('FRAME_INVALID', `a credit frame of ${frame.length} bytes says ${count} entries`)
  }
  return { type: 'credit', entries: readEntries(frame, 5, count) }
}

function decodeParcelCredit(frame: Uint8Array): Uint32Array {
  const count = frame[headBytes] ?? 0
  if (count === 0 || frame.length < headBytes + 1 + count * creditEntryBytes) {
    throw new VertigoError(
      'FRAME_INVALID',
      `a frame of ${frame.length} bytes says ${count} entries of credit`,
    )
  }
  return readEntries(frame, headBytes + 1, count)
}

function readEntries(frame: Uint8Array, from: number, count: number): Uint32Array {
  const entries = new Uint32Array(count * 3)
  for (let i = 0; i < entries.length; i++) entries[i] = readUint32(frame, from + i * 4)
  return entries
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value & 0xff
  bytes[at + 1] = (value >>> 8) & 0xff
  bytes[at + 2] = (value >>> 16) & 0xff
  bytes[at + 3] = (value >>> 24) & 0xff
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}
