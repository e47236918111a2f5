import { join } from 'node:path'
import type { KnownSegment } from './chain.ts'
import { corrupt, diskError, type JournalFile, type OpenFile, readFully } from './disk.ts'
import { holdsLaterFrame } from './frame.ts'
import { FrameReader } from './frame-reader.ts'
import { frameBytesMax } from './limits.ts'
import { segmentFile } from './names.ts'
import {
  type Mark,
  readMark,
  readNext,
  readSegmentHead,
  segmentHeadBytes,
  type SegmentName,
} from './segment-head.ts'
import { VertigoError } from '../base/errors.ts'

/** A writer that is being taken over may be writing a mark at this moment. */
const looksMax = 5

/** Reads the head of a segment; undefined where it was deleted meanwhile. Throws JOURNAL_CORRUPT, JOURNAL_FORMAT_NEWER. */
export async function readKnown(
  folder: string,
  name: SegmentName,
  open: OpenFile,
): Promise<KnownSegment | undefined> {
  const file = await openIfThere(join(folder, segmentFile(name)), open)
  if (file === undefined) return undefined
  try {
    for (let look = 1; ; look++) {
      const page = await readFully(file, 0, segmentHeadBytes)
      const read = readSegmentHead(page)
      if (read.kind === 'newer')
        throw new VertigoError(
          'JOURNAL_FORMAT_NEWER',
          `The journal in ${folder} has format ${read.format}, which this version does not know.`,
        )
      const next = readNext(page)
      const isSound = read.kind === 'sound' && next !== 'damaged' && readMark(page) !== 'damaged'
      if (isSound && isSame(read.head, name)) return { ...read.head, salt: read.salt, next }
      if (look === looksMax)
        throw corrupt(folder, `the head of ${segmentFile(name)} is not as it was written`)
    }
  } finally {
    await file.close()
  }
}

async function openIfThere(path: string, open: OpenFile): Promise<JournalFile | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function isSame(a: SegmentName, b: SegmentName): boolean {
  return a.base === b.base && a.epoch === b.epoch
}

/**
 * The position behind the last record of the last segment. What follows may be one write that was cut short; it is
 * JOURNAL_CORRUPT where it was acknowledged, or where a later write follows (JN-4).
 */
export async function findEnd(folder: string, segment: KnownSegment, open: OpenFile): Promise<number> {
  const name = segmentFile(segment)
  const file = await open(join(folder, name), 'r')
  try {
    // The mark first: what it covers is in the file by then.
    const mark = readMark(await readFully(file, 0, segmentHeadBytes)) as Mark | undefined
    const { size } = await file.stat()
    const frames = new FrameReader(file, segment.salt, segmentHeadBytes)
    let end = segment.base
    for (;;) {
      const step = await frames.next(size)
      if (step.kind === 'frame') {
        if (step.position !== end) throw corrupt(folder, `position ${end} of ${name} is missing`)
        end += step.records.length
        continue
      }
      if (mark !== undefined && mark.position > end)
        throw corrupt(folder, `${name} ends at position ${end}, and was acknowledged to ${mark.position}`)
      if (step.kind === 'end') return end
      const rest = size - frames.offset
      if (
        rest > frameBytesMax ||
        holdsLaterFrame(await readFully(file, frames.offset, rest), end, segment.salt)
      )
        throw corrupt(folder, `in ${name}, ${step.what}`)
      return end
    }
  } catch (error) {
    throw diskError(folder, error)
  } finally {
    await file.close()
  }
}
