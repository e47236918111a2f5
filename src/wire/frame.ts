import { VertigoError } from '../base/errors.ts'
import { MessageCodec } from './message-codec.ts'

/**
 * Frames: what crosses a link, between threads and between nodes alike. Little-endian.
 *
 * | bytes | parcel frame | credit frame |
 * | --- | --- | --- |
 * | 0 | type 1, or 2 where a control follows the items | type 3 |
 * | 1-4 | channel | number of entries |
 * | 5-8 | group, 0 for none | entries of 12 bytes: channel, messages, bytes |
 * | 9- | items, or [items, control], by the message codec | |
 */

const typeItems = 1
const typeItemsAndControl = 2
const typeCredit = 3
const headBytes = 9
const creditEntryBytes = 12

/** Longest frame that is accepted. A longer one is refused at the sender, with the port's name. */
export const frameBytesMax = 256 * 1024 * 1024

export interface ParcelFrame {
  readonly type: 'parcel'
  readonly channel: number
  readonly group: number
  readonly items: unknown[]
  readonly control: unknown
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

/** A view of the encoder's own buffer: copy or send it before the next call. */
export function encodeParcel(
  channel: number,
  group: number,
  items: readonly unknown[],
  control: unknown,
): Uint8Array {
  const withControl = control !== null
  const frame = codec.encode(withControl ? [items, control] : items, headBytes)
  frame[0] = withControl ? typeItemsAndControl : typeItems
  writeUint32(frame, 1, channel)
  writeUint32(frame, 5, group)
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
  const type = frame[0]
  if (type === typeCredit) return decodeCredit(frame)
  if ((type !== typeItems && type !== typeItemsAndControl) || frame.length < headBytes) {
    throw new VertigoError(
      'FRAME_INVALID',
      `a frame of ${frame.length} bytes has the unknown type ${String(type)}`,
    )
  }
  const payload = decodePayload(frame.subarray(headBytes))
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
  const entries = new Uint32Array(count * 3)
  for (let i = 0; i < entries.length; i++) entries[i] = readUint32(frame, 5 + i * 4)
  return { type: 'credit', entries }
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
