import { Buffer } from 'node:buffer'
import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { syncFolder, writeDurably } from '../base/durable-files.ts'
import { corrupt, type JournalFile, type OpenFile, writeFully } from './disk.ts'
import { releasedFile, segmentFile, temporaryFile } from './names.ts'
import {
  markOffsets,
  nextOffset,
  readSegmentHead,
  type SegmentHead,
  segmentHeadBytes,
  type SegmentName,
  writePair,
  writeSegmentHead,
} from './segment-head.ts'

/** The files of the segments: making, marking and deleting them. */

/** The segment that is being written. */
export class ActiveSegment {
  readonly name: SegmentName
  readonly salt: number
  readonly file: JournalFile
  /** Where the next frame begins. */
  offset = segmentHeadBytes
  #marks = 0

  constructor(name: SegmentName, salt: number, file: JournalFile) {
    this.name = name
    this.salt = salt
    this.file = file
  }

  get hasFrames(): boolean {
    return this.offset > segmentHeadBytes
  }

  /** Notes what is about to be acknowledged (see `segment-head.ts`). */
  async mark(position: number, endOffset: number): Promise<void> {
    const place = markOffsets[this.#marks++ % markOffsets.length]!
    await writeFully(this.file, writePair(position, endOffset), place)
  }
}

/** Makes a segment, whole and durable, and opens it. */
export async function beginSegment(
  folder: string,
  head: SegmentHead,
  open: OpenFile,
  tag: string,
): Promise<ActiveSegment> {
  const name = segmentFile(head)
  const path = join(folder, name)
  const page = writeSegmentHead(head)
  await writeDurably(path, join(folder, temporaryFile(name, tag)), page)
  const read = readSegmentHead(page)
  if (read.kind !== 'sound') throw corrupt(folder, `the head of ${name}, just made`)
  return new ActiveSegment({ base: head.base, epoch: head.epoch }, read.salt, await open(path, 'r+'))
}

/** Notes in a segment's head which one follows, so that the loss of that one is noticed. */
export async function noteNext(file: JournalFile, next: SegmentName): Promise<void> {
  await writeFully(file, writePair(next.base, next.epoch), nextOffset)
  await file.datasync()
}

const releasedBytes = 12

export async function writeReleased(folder: string, epoch: number, upTo: number, tag: string): Promise<void> {
  const content = Buffer.alloc(releasedBytes)
  content.writeDoubleLE(upTo, 0)
  content.writeUInt32LE(crc32(content.subarray(0, 8)), 8)
  const name = releasedFile(epoch)
  await writeDurably(join(folder, name), join(folder, temporaryFile(name, tag)), content)
}

/** What any owner released: each notes it in a file of its own. */
export async function readReleased(folder: string, epochs: readonly number[]): Promise<number> {
  let released = 0
  for (const epoch of epochs) {
    const content = await readFile(join(folder, releasedFile(epoch)))
    if (content.length !== releasedBytes || crc32(content.subarray(0, 8)) !== content.readUInt32LE(8))
      throw corrupt(folder, `${releasedFile(epoch)} is not as it was written`)
    released = Math.max(released, content.readDoubleLE(0))
  }
  return released
}

/** 0 where a writer that was taken over has just deleted it, as it was released. */
export async function sizeOf(folder: string, name: SegmentName): Promise<number> {
  try {
    return (await stat(join(folder, segmentFile(name)))).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}

export async function deleteFiles(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) await rm(join(folder, name), { force: true })
  if (names.length > 0) await syncFolder(folder)
}
