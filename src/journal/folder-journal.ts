import type { Buffer } from 'node:buffer'
import { readdir } from 'node:fs/promises'
import { assert } from '../base/assert.ts'
import { VertigoError } from '../base/errors.ts'
import { diskError, isFull, type OpenFile, writeFully } from './disk.ts'
import { frameHeadBytes, lengthBytes } from './frame.ts'
import { Group } from './group.ts'
import type { Journal, JournalBatch } from './journal.ts'
import { groupBytesMax, type JournalLimits } from './limits.ts'
import { segmentFile } from './names.ts'
import { type Owner, sealed } from './owner.ts'
import { type ReadableSegment, type ReadableState, readJournal } from './read.ts'
import { segmentHeadBytes } from './segment-head.ts'
import { type ActiveSegment, beginSegment, deleteFiles, noteNext, writeReleased } from './segments.ts'

export interface OpenedJournal {
  readonly folder: string
  readonly generation: number
  readonly journalId: bigint
  readonly owner: Owner
  readonly limits: JournalLimits
  readonly openFile: OpenFile
  readonly tag: string
  /** Ascending; the last one is the active one. */
  readonly segments: ReadableSegment[]
  readonly active: ActiveSegment
  readonly start: number
  readonly end: number
}

/** A buffer that is kept for the next group. */
const spareBytesMax = groupBytesMax * 2

/** A journal in a folder; the numbers JN-1 to JN-7 are those of `journal.ts`. Made by `openJournal`. */
export class FolderJournal implements Journal {
  readonly #opened: OpenedJournal
  readonly #segments: ReadableSegment[]
  #active: ActiveSegment
  #start: number
  #end: number
  /** Waiting for their turn; the last one still takes records. */
  readonly #groups: Group[] = []
  #waitingBytes = 0
  #segmentsBytes: number
  #spare: Buffer | undefined
  /** While groups are being written. */
  #committing: Promise<void> | undefined
  #releasing: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined
  #failure: VertigoError | undefined
  readonly #listeners = new Set<() => void>()

  constructor(opened: OpenedJournal) {
    this.#opened = opened
    this.#segments = opened.segments
    this.#active = opened.active
    this.#start = opened.start
    this.#end = opened.end
    this.#segmentsBytes = opened.segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get start(): number {
    return this.#start
  }

  get end(): number {
    return this.#end
  }

  get bytes(): number {
    return this.#segmentsBytes
  }

  append(record: Uint8Array): Promise<number> {
    const fault = this.#appendFault(record.length)
    if (fault !== undefined) return Promise.reject(fault)
    return new Promise((resolve, reject) => {
      const group = this.#groupFor(lengthBytes + record.length)
      group.add(record, resolve, reject)
      this.#waitingBytes += lengthBytes + record.length
      // Not at once: what is appended in the same turn of the event loop shares the sync.
      this.#committing ??= Promise.resolve().then(() => this.#commitAll())
    })
  }

  read(from: number, options: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<JournalBatch> {
    const { folder, openFile } = this.#opened
    return readJournal(
      { folder, openFile, state: () => this.#readable(), changed: (signal) => this.#changed(signal) },
      from,
      options.signal,
    )
  }

  release(upTo: number): Promise<void> {
    assert(upTo <= this.#end, `released to ${upTo}, behind the end of the journal`)
    const released = this.#releasing.then(() => this.#release(upTo))
    this.#releasing = released.catch(() => undefined)
    return released
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #appendFault(bytes: number): VertigoError | undefined {
    const { folder, limits } = this.#opened
    if (this.#failure !== undefined) return this.#failure
    if (this.#closing !== undefined)
      return new VertigoError('JOURNAL_CLOSED', `The journal in ${folder} was closed.`)
    if (bytes > limits.recordBytesMax)
      return new VertigoError(
        'JOURNAL_RECORD_TOO_LARGE',
        `A record of ${bytes} bytes is larger than recordBytesMax (${limits.recordBytesMax}) of the journal in ${folder}.`,
      )
    if (this.#waitingBytes + bytes > limits.pendingBytesMax)
      return new VertigoError(
        'JOURNAL_BUSY',
        `More than pendingBytesMax (${limits.pendingBytesMax} bytes) wait to be written to the journal in ${folder}.`,
      )
    if (this.#segmentsBytes + this.#waitingBytes + bytes > limits.bytesMax)
      return new VertigoError(
        'JOURNAL_FULL',
        `The journal in ${folder} holds bytesMax (${limits.bytesMax} bytes); snapshots need it from position ${this.#start} on.`,
      )
    return undefined
  }

  #groupFor(bytes: number): Group {
    const last = this.#groups.at(-1)
    if (last !== undefined && last.bytes + bytes <= groupBytesMax) return last
    const group = new Group(this.#spare)
    this.#spare = undefined
    this.#groups.push(group)
    return group
  }

  async #commitAll(): Promise<void> {
    // What is appended while a group is being written waits in the next one: the slower the disk, the larger the groups.
    for (let group = this.#groups.shift(); group !== undefined; group = this.#groups.shift()) {
      try {
        if (this.#failure !== undefined) throw this.#failure
        await this.#commit(group)
      } catch (error) {
        group.reject(diskError(this.#opened.folder, error))
      }
      this.#waitingBytes -= group.bytes - frameHeadBytes
      const buffer = group.takeBuffer()
      if (buffer.length <= spareBytesMax) this.#spare = buffer
    }
    this.#committing = undefined
  }

  async #commit(group: Group): Promise<void> {
    const { limits, owner, folder, generation } = this.#opened
    if (this.#active.hasFrames && this.#active.offset + group.bytes > limits.segmentBytesMax)
      await this.#beginNext()
    const active = this.#active
    const frame = group.seal(this.#end, active.salt)
    await this.#writeFrame(frame)
    try {
      await active.file.datasync()
      const offset = active.offset + frame.length
      const end = this.#end + group.count
      // The mark and the look at the owner's file both come after the sync, and before anybody hears of it.
      const [, isHeld] = await Promise.all([active.mark(end, offset), owner.isHeld()])
      if (!isHeld) throw sealed(folder, generation)
      active.offset = offset
      this.#segments.at(-1)!.bytes += frame.length
      this.#segmentsBytes += frame.length
      group.acknowledge(this.#end)
      this.#end = end
      this.#tell()
    } catch (error) {
      throw this.#fail(error)
    }
  }

  /** A full disk may have room later: what was written of the frame is taken back, and the journal goes on. */
  async #writeFrame(frame: Buffer): Promise<void> {
    const { file, offset } = this.#active
    try {
      await writeFully(file, frame, offset)
    } catch (error) {
      if (!isFull(error)) throw this.#fail(error)
      try {
        await file.truncate(offset)
      } catch (second) {
        throw this.#fail(second)
      }
      throw error
    }
  }

  async #beginNext(): Promise<void> {
    const { folder, journalId, generation, openFile, tag, owner } = this.#opened
    const { file, name: previous } = this.#active
    const head = { base: this.#end, epoch: owner.epoch, journalId, generation, previous }
    const next = await this.#begun(() => beginSegment(folder, head, openFile, tag), segmentFile(head))
    this.#active = next
    this.#segments.push({ ...next.name, salt: next.salt, bytes: segmentHeadBytes })
    this.#segmentsBytes += segmentHeadBytes
    try {
      await noteNext(file, next.name)
      await file.close()
    } catch (error) {
      throw this.#fail(error)
    }
  }

  /** A disk without room for a segment may have it later; but one that stands there already is the end of the one before. */
  async #begun(begin: () => Promise<ActiveSegment>, name: string): Promise<ActiveSegment> {
    try {
      return await begin()
    } catch (error) {
      const { folder } = this.#opened
      if (isFull(error) && !(await readdir(folder)).includes(name)) throw error
      throw this.#fail(error)
    }
  }

  async #release(upTo: number): Promise<void> {
    if (upTo <= this.#start || this.#failure !== undefined) return
    const { folder, generation, owner, tag } = this.#opened
    try {
      if (!(await owner.isHeld())) throw this.#fail(sealed(folder, generation))
      // First, so that what is deleted after it is not missed.
      await writeReleased(folder, owner.epoch, upTo, tag)
      this.#start = upTo
      const gone: ReadableSegment[] = []
      while (this.#segments.length > 1 && this.#segments[1]!.base <= upTo) gone.push(this.#segments.shift()!)
      await deleteFiles(folder, gone.map(segmentFile))
      for (const { bytes } of gone) this.#segmentsBytes -= bytes
    } catch (error) {
      throw diskError(folder, error)
    }
  }

  #fail(thrown: unknown): VertigoError {
    this.#failure ??= diskError(this.#opened.folder, thrown)
    this.#tell()
    return this.#failure
  }

  #readable(): ReadableState {
    return {
      start: this.#start,
      end: this.#end,
      endOffset: this.#active.offset,
      segments: this.#segments,
      failure: this.#failure,
      isClosed: this.#closing !== undefined && this.#committing === undefined,
    }
  }

  #tell(): void {
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    for (const listener of listeners) listener()
  }

  /** Resolves with the next change, or when the signal is aborted. */
  #changed(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#listeners.delete(done)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      this.#listeners.add(done)
      signal?.addEventListener('abort', done, { once: true })
    })
  }

  async #close(): Promise<void> {
    await this.#committing
    this.#tell()
    await this.#releasing
    const { file } = this.#active
    try {
      // The last mark: after this, even the end of the machine leaves it exact.
      if (this.#failure === undefined) await file.datasync()
    } catch (error) {
      throw this.#fail(error)
    } finally {
      await file.close()
      await this.#opened.owner.release()
    }
  }
}
