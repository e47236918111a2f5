import { join } from 'node:path'
import { VertigoError } from '../base/errors.ts'
import { corrupt, diskError, type JournalFile, type OpenFile } from './disk.ts'
import { FrameReader, type FrameStep } from './frame-reader.ts'
import type { JournalBatch } from './journal.ts'
import { segmentFile } from './names.ts'
import { segmentHeadBytes, type SegmentName } from './segment-head.ts'

/** A segment that can be read. */
export interface ReadableSegment extends SegmentName {
  readonly salt: number
  /** Counted while it is being written. */
  bytes: number
}

/** What of a journal can be read at a moment. */
export interface ReadableState {
  readonly start: number
  /** Behind the last acknowledged record. */
  readonly end: number
  /** Of that record, in the last segment. */
  readonly endOffset: number
  readonly segments: readonly ReadableSegment[]
  readonly failure: VertigoError | undefined
  readonly isClosed: boolean
}

export interface ReadableJournal {
  readonly folder: string
  readonly openFile: OpenFile
  state(): ReadableState
  /** Resolves with the next change of the state, or when the signal is aborted. */
  changed(signal: AbortSignal | undefined): Promise<void>
}

/** Reads acknowledged records only (JN-2), and waits for more until the journal is closed. */
export async function* readJournal(
  journal: ReadableJournal,
  from: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<JournalBatch, void, undefined> {
  const reader = new SegmentReader(journal)
  let position = from
  try {
    for (;;) {
      signal?.throwIfAborted()
      const state = journal.state()
      if (state.failure !== undefined) throw state.failure
      if (position < state.start || position > state.end) throw gone(journal.folder, position, state)
      if (position < state.end) {
        const batch = await reader.read(position, state)
        position += batch.records.length
        yield batch
      } else if (state.isClosed) return
      else await journal.changed(signal)
    }
  } finally {
    await reader.close()
  }
}

function gone(folder: string, position: number, { start, end }: ReadableState): VertigoError {
  return new VertigoError(
    'JOURNAL_POSITION_GONE',
    `The journal in ${folder} holds positions ${start} to ${end}, not ${position}.`,
  )
}

/** Has one segment open: that of the position it was asked for last. */
class SegmentReader {
  readonly #journal: ReadableJournal
  #open:
    { readonly segment: SegmentName; readonly file: JournalFile; readonly frames: FrameReader } | undefined

  constructor(journal: ReadableJournal) {
    this.#journal = journal
  }

  async read(position: number, state: ReadableState): Promise<JournalBatch> {
    const index = state.segments.findLastIndex(({ base }) => base <= position)
    const segment = state.segments[index]!
    const next = state.segments[index + 1]
    const endOfSegment = next?.base ?? state.end
    // The list is that of the journal, and changes while this waits.
    const { endOffset } = state
    const { file, frames } = await this.#opened(segment)
    const limit = next === undefined ? endOffset : (await file.stat()).size
    const step = await frames.next(limit, position)
    return this.#batch(step, segment, position, endOfSegment)
  }

  async close(): Promise<void> {
    await this.#open?.file.close()
    this.#open = undefined
  }

  #batch(step: FrameStep, segment: SegmentName, position: number, endOfSegment: number): JournalBatch {
    const { folder } = this.#journal
    const name = segmentFile(segment)
    if (step.kind === 'damaged') throw corrupt(folder, `in ${name}, ${step.what}`)
    if (step.kind === 'end' || step.position > position)
      throw corrupt(folder, `position ${position} of ${name} is missing`)
    // What stands behind the base of the next segment was never acknowledged (JN-5).
    const records = step.records.slice(position - step.position, endOfSegment - step.position)
    return { position, records }
  }

  async #opened(
    segment: ReadableSegment,
  ): Promise<{ readonly file: JournalFile; readonly frames: FrameReader }> {
    if (this.#open?.segment === segment) return this.#open
    await this.close()
    const { folder, openFile } = this.#journal
    try {
      const file = await openFile(join(folder, segmentFile(segment)), 'r')
      this.#open = { segment, file, frames: new FrameReader(file, segment.salt, segmentHeadBytes) }
      return this.#open
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw diskError(folder, error)
      const state = this.#journal.state()
      throw state.start > segment.base
        ? gone(folder, segment.base, state)
        : corrupt(folder, `the segment ${segmentFile(segment)} is missing`)
    }
  }
}
