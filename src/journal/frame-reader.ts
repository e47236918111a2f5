import { Buffer } from 'node:buffer'
import type { JournalFile } from './disk.ts'
import { readFully } from './disk.ts'
import { type FrameHead, frameHeadBytes, readFrameHead, readRecords } from './frame.ts'
import { frameBytesMax } from './limits.ts'

/** Read ahead, since frames may be small. */
const windowBytes = 1024 * 1024

export type FrameStep =
  | { readonly kind: 'frame'; readonly position: number; readonly records: readonly Uint8Array[] }
  | { readonly kind: 'end' }
  | { readonly kind: 'damaged'; readonly what: string }

/** Reads one frame after the other of a segment, and checks each. */
export class FrameReader {
  readonly #file: JournalFile
  readonly #salt: number
  #offset: number
  #window: Buffer = Buffer.alloc(0)
  #windowOffset = 0

  constructor(file: JournalFile, salt: number, offset: number) {
    this.#file = file
    this.#salt = salt
    this.#offset = offset
  }

  /** Where the next frame begins. */
  get offset(): number {
    return this.#offset
  }

  /** The next frame in front of `limit`, an offset. Positions in front of `from` are passed over, unread. */
  async next(limit: number, from = 0): Promise<FrameStep> {
    for (;;) {
      if (this.#offset >= limit) return { kind: 'end' }
      const head = readFrameHead(await this.#bytes(frameHeadBytes, limit), 0, this.#salt)
      if (head === undefined) return this.#damaged('the head of a frame')
      const frameBytes = frameHeadBytes + head.payloadBytes
      if (frameBytes > frameBytesMax || this.#offset + frameBytes > limit)
        return this.#damaged('the length of a frame')
      if (head.position + head.count > from) return this.#read(head, frameBytes, limit)
      this.#offset += frameBytes
    }
  }

  async #read(head: FrameHead, frameBytes: number, limit: number): Promise<FrameStep> {
    const bytes = await this.#bytes(frameBytes, limit)
    const records = readRecords(bytes.subarray(frameHeadBytes), head)
    if (records === undefined) return this.#damaged('the records of a frame')
    this.#offset += frameBytes
    return { kind: 'frame', position: head.position, records }
  }

  #damaged(what: string): FrameStep {
    return { kind: 'damaged', what: `${what} at byte ${this.#offset} is not as it was written` }
  }

  /** Fewer where the file ends in front of `limit`. Windows are never written again: records are views of them. */
  async #bytes(count: number, limit: number): Promise<Buffer> {
    let at = this.#offset - this.#windowOffset
    if (at < 0 || at + count > this.#window.length) {
      const length = Math.min(Math.max(count, windowBytes), limit - this.#offset)
      this.#window = await readFully(this.#file, this.#offset, length)
      this.#windowOffset = this.#offset
      at = 0
    }
    return this.#window.subarray(at, at + count)
  }
}
