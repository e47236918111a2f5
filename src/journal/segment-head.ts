import { Buffer } from 'node:buffer'
import { crc32 } from 'node:zlib'

/**
 * The head of a segment, a page in front of its frames. Little-endian.
 *
 * | bytes | what |
 * | --- | --- |
 * | 0 | magic, format (4 bytes each) |
 * | 8 | id of the journal (8 bytes) |
 * | 16 | base: position of the first record; epoch; generation; base and epoch of the segment before, or -1 (doubles) |
 * | 56 | checksum, which is also the salt of the frames |
 * | 512, 1024 | two marks: acknowledged position, and the offset it ends at (doubles); checksum |
 * | 1536 | the segment behind: base, epoch (doubles); checksum |
 *
 * A mark is written before a record is acknowledged, without a sync of its own. So after the end of a process it is exact, and
 * what it covers cannot be taken for a write that was cut short. After the end of a machine it may lack the last write: the next
 * sync writes it too. Two places take turns, each in a sector of its own.
 */

export const segmentHeadBytes = 4096
export const formatVersion = 1
const magic = 0x4c4e_4a56
const checksumAt = 56
export const markOffsets = [512, 1024] as const
export const markBytes = 20
export const nextOffset = 1536
const pairBytes = 16

/** Names a segment: no two have the same. */
export interface SegmentName {
  /** Position of its first record. */
  readonly base: number
  /** Number of its owner, higher with each opening. */
  readonly epoch: number
}

export interface SegmentHead extends SegmentName {
  readonly journalId: bigint
  readonly generation: number
  readonly previous: SegmentName | undefined
}

export interface Mark {
  readonly position: number
  readonly offset: number
}

export function writeSegmentHead(head: SegmentHead): Buffer {
  const page = Buffer.alloc(segmentHeadBytes)
  page.writeUInt32LE(magic, 0)
  page.writeUInt32LE(formatVersion, 4)
  page.writeBigUInt64LE(head.journalId, 8)
  page.writeDoubleLE(head.base, 16)
  page.writeDoubleLE(head.epoch, 24)
  page.writeDoubleLE(head.generation, 32)
  page.writeDoubleLE(head.previous?.base ?? -1, 40)
  page.writeDoubleLE(head.previous?.epoch ?? -1, 48)
  page.writeUInt32LE(crc32(page.subarray(0, checksumAt)), checksumAt)
  return page
}

export type HeadRead =
  | { readonly kind: 'sound'; readonly head: SegmentHead; readonly salt: number }
  | { readonly kind: 'newer'; readonly format: number }
  | { readonly kind: 'damaged' }

export function readSegmentHead(page: Buffer): HeadRead {
  if (page.length < segmentHeadBytes || page.readUInt32LE(0) !== magic) return { kind: 'damaged' }
  const salt = page.readUInt32LE(checksumAt)
  if (crc32(page.subarray(0, checksumAt)) !== salt) return { kind: 'damaged' }
  const format = page.readUInt32LE(4)
  if (format > formatVersion) return { kind: 'newer', format }
  const base = page.readDoubleLE(40)
  return {
    kind: 'sound',
    salt,
    head: {
      journalId: page.readBigUInt64LE(8),
      base: page.readDoubleLE(16),
      epoch: page.readDoubleLE(24),
      generation: page.readDoubleLE(32),
      previous: base < 0 ? undefined : { base, epoch: page.readDoubleLE(48) },
    },
  }
}

/** Two numbers with their checksum, as marks and the segment behind are written. */
export function writePair(first: number, second: number): Buffer {
  const bytes = Buffer.alloc(markBytes)
  bytes.writeDoubleLE(first, 0)
  bytes.writeDoubleLE(second, 8)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, pairBytes)), pairBytes)
  return bytes
}

type Pair = readonly [number, number]

/** undefined where none was written, `damaged` where it is not what was. */
function readPair(page: Buffer, offset: number): Pair | undefined | 'damaged' {
  const bytes = page.subarray(offset, offset + markBytes)
  if (bytes.every((byte) => byte === 0)) return undefined
  if (bytes.readUInt32LE(pairBytes) !== crc32(bytes.subarray(0, pairBytes))) return 'damaged'
  return [bytes.readDoubleLE(0), bytes.readDoubleLE(8)]
}

/** The later of the marks. */
export function readMark(page: Buffer): Mark | undefined | 'damaged' {
  let last: Mark | undefined
  for (const offset of markOffsets) {
    const pair = readPair(page, offset)
    if (pair === 'damaged') return 'damaged'
    if (pair !== undefined && (last === undefined || pair[0] > last.position))
      last = { position: pair[0], offset: pair[1] }
  }
  return last
}

export function readNext(page: Buffer): SegmentName | undefined | 'damaged' {
  const pair = readPair(page, nextOffset)
  return Array.isArray(pair)
    ? { base: pair[0] as number, epoch: pair[1] as number }
    : (pair as undefined | 'damaged')
}
