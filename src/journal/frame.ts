import { Buffer } from 'node:buffer'
import { crc32 } from 'node:zlib'

/**
 * One write of the journal: the records that share a sync. Little-endian.
 *
 * | bytes | what |
 * | --- | --- |
 * | 0 | magic |
 * | 4 | bytes of the records, with their lengths |
 * | 8 | number of records |
 * | 12 | zero |
 * | 16 | position of the first record (8 bytes, a double) |
 * | 24 | checksum of the records (CRC-32) |
 * | 28 | checksum of the 28 bytes before it, begun with the salt of the segment |
 * | 32 | records: length (4 bytes), bytes |
 *
 * The salt tells a frame of this segment from one that a record carries as its content.
 */

export const frameHeadBytes = 32
/** In front of each record. */
export const lengthBytes = 4
export const frameMagic = 0x464a_5456

export interface FrameHead {
  readonly payloadBytes: number
  readonly count: number
  readonly position: number
  readonly payloadChecksum: number
}

/** Completes a frame whose records stand behind the place of the head. */
export function sealFrame(frame: Buffer, count: number, position: number, salt: number): void {
  frame.writeUInt32LE(frameMagic, 0)
  frame.writeUInt32LE(frame.length - frameHeadBytes, 4)
  frame.writeUInt32LE(count, 8)
  frame.writeUInt32LE(0, 12)
  frame.writeDoubleLE(position, 16)
  frame.writeUInt32LE(crc32(frame.subarray(frameHeadBytes)), 24)
  frame.writeUInt32LE(crc32(frame.subarray(0, 28), salt), 28)
}

/** The head at `offset`; undefined where there is none, or one that is damaged. */
export function readFrameHead(bytes: Buffer, offset: number, salt: number): FrameHead | undefined {
  if (offset + frameHeadBytes > bytes.length || bytes.readUInt32LE(offset) !== frameMagic) return undefined
  const head = bytes.subarray(offset, offset + frameHeadBytes)
  if (head.readUInt32LE(28) !== crc32(head.subarray(0, 28), salt)) return undefined
  return {
    payloadBytes: head.readUInt32LE(4),
    count: head.readUInt32LE(8),
    position: head.readDoubleLE(16),
    payloadChecksum: head.readUInt32LE(24),
  }
}

/** The records of a frame; undefined where they are not those that were written. Views of `payload`. */
export function readRecords(payload: Buffer, head: FrameHead): Uint8Array[] | undefined {
  if (crc32(payload) !== head.payloadChecksum) return undefined
  const records: Uint8Array[] = []
  let at = 0
  while (at < payload.length) {
    if (at + lengthBytes > payload.length) return undefined
    const end = at + lengthBytes + payload.readUInt32LE(at)
    if (end > payload.length) return undefined
    records.push(payload.subarray(at + lengthBytes, end))
    at = end
  }
  return records.length === head.count ? records : undefined
}

/** Whether a whole head of a later frame stands anywhere in what could not be read: then a later write was begun. */
export function holdsLaterFrame(bytes: Buffer, position: number, salt: number): boolean {
  const magic = Buffer.alloc(4)
  magic.writeUInt32LE(frameMagic)
  for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) {
    const head = readFrameHead(bytes, at, salt)
    if (head !== undefined && head.position > position) return true
  }
  return false
}
