import { assert } from '../../base/assert.ts'
import { frameHeadBytes, recordBytes, writeFrameHead } from './record.ts'

/** Small enough that a quiet link costs little, large enough that one write carries ten parcels of small messages. */
const chunkBytes = 64 * 1024

interface Chunk {
  readonly bytes: Uint8Array
  used: number
  /** Numbers of the first and the last frame in it. */
  readonly first: number
  last: number
}

/**
 * What was sent and not yet confirmed, as records one after the other, ready to be written: a frame is copied once, and
 * what is written to a line is a view of what is kept. Bytes are never written over, since a line may still hold them.
 *
 * Frames are numbered from 1.
 */
export class SendLog {
  /** Number of the last frame appended, of the last one given to the present line, and of the last one confirmed. */
  last = 0
  written = 0
  confirmed = 0
  /** Bytes of the chunks that are kept. */
  heldBytes = 0
  private chunks: Chunk[] = []
  /** What is to be written next: a chunk's place in `chunks`, and a place in it. */
  private nextChunk = 0
  private nextByte = 0

  append(frame: Uint8Array, ack: number): void {
    const size = frameHeadBytes + frame.length
    let chunk = this.chunks.at(-1)
    if (chunk === undefined || chunk.bytes.length - chunk.used < size) chunk = this.addChunk(size)
    this.last++
    writeFrameHead(chunk.bytes, chunk.used, frame.length, this.last, ack)
    chunk.bytes.set(frame, chunk.used + frameHeadBytes)
    chunk.used += size
    chunk.last = this.last
  }

  get hasUnwritten(): boolean {
    return this.written < this.last
  }

  /** Everything that the present line has not got, in order. */
  takeUnwritten(): Uint8Array[] {
    const parts: Uint8Array[] = []
    for (; this.nextChunk < this.chunks.length; this.nextChunk++, this.nextByte = 0) {
      const { bytes, used } = this.chunks[this.nextChunk]!
      if (this.nextByte < used) parts.push(bytes.subarray(this.nextByte, used))
      if (this.nextChunk === this.chunks.length - 1) {
        this.nextByte = used
        break
      }
    }
    this.written = this.last
    return parts
  }

  /** The other end has all up to this frame. */
  confirm(number: number): void {
    assert(number <= this.last, 'only what was sent is confirmed')
    if (number <= this.confirmed) return
    this.confirmed = number
    let done = 0
    while (done < this.chunks.length && this.isDone(this.chunks[done]!, done, number)) {
      this.heldBytes -= this.chunks[done]!.bytes.length
      done++
    }
    if (done === 0) return
    this.chunks.splice(0, done)
    this.nextChunk -= done
    if (this.nextChunk < 0) this.startAt(0, 0)
  }

  /** For a new line, whose other end has all up to `number`: it gets what comes after. */
  rewind(number: number): void {
    assert(number >= this.confirmed, 'what was confirmed is not sent again')
    this.confirm(number)
    this.written = number
    this.startAt(0, 0)
    const chunk = this.chunks[0]
    if (chunk === undefined) return
    for (let each = chunk.first; each <= number; each++)
      this.nextByte += recordBytes(chunk.bytes, this.nextByte)
  }

  /** Nothing will be sent any more. */
  clear(): void {
    this.chunks = []
    this.heldBytes = 0
    this.written = this.last
    this.startAt(0, 0)
  }

  /** The last chunk is kept while there is room in it: messages that are answered one by one would need one each. */
  private isDone(chunk: Chunk, index: number, confirmed: number): boolean {
    if (chunk.last > confirmed) return false
    return index < this.chunks.length - 1 || chunk.bytes.length - chunk.used < frameHeadBytes
  }

  private startAt(chunk: number, byte: number): void {
    this.nextChunk = chunk
    this.nextByte = byte
  }

  private addChunk(size: number): Chunk {
    // Not from Node's pool: what is kept there would keep the pool of others.
    const bytes = Buffer.allocUnsafeSlow(Math.max(size, chunkBytes))
    const chunk = { bytes, used: 0, first: this.last + 1, last: this.last }
    this.chunks.push(chunk)
    this.heldBytes += bytes.length
    return chunk
  }
}
