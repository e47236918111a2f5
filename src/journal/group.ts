import { Buffer } from 'node:buffer'
import { frameHeadBytes, lengthBytes, sealFrame } from './frame.ts'

const firstBytes = 16 * 1024

interface Waiting {
  readonly resolve: (position: number) => void
  readonly reject: (error: Error) => void
}

/** Records that will share a write and a sync, and who waits for them. */
export class Group {
  #bytes: Buffer
  #used = frameHeadBytes
  readonly #waiting: Waiting[] = []

  /** `spare`: a buffer that nobody uses any more. */
  constructor(spare?: Buffer) {
    this.#bytes = spare ?? Buffer.allocUnsafeSlow(firstBytes)
  }

  get count(): number {
    return this.#waiting.length
  }

  /** Of the whole frame. */
  get bytes(): number {
    return this.#used
  }

  add(record: Uint8Array, resolve: Waiting['resolve'], reject: Waiting['reject']): void {
    const end = this.#used + lengthBytes + record.length
    if (end > this.#bytes.length) this.#grow(end)
    this.#bytes.writeUInt32LE(record.length, this.#used)
    this.#bytes.set(record, this.#used + lengthBytes)
    this.#used = end
    this.#waiting.push({ resolve, reject })
  }

  /** The frame to be written. */
  seal(position: number, salt: number): Buffer {
    const frame = this.#bytes.subarray(0, this.#used)
    sealFrame(frame, this.count, position, salt)
    return frame
  }

  acknowledge(position: number): void {
    for (const { resolve } of this.#waiting) resolve(position++)
  }

  reject(error: Error): void {
    for (const { reject } of this.#waiting) reject(error)
  }

  /** The buffer, once it has been written. */
  takeBuffer(): Buffer {
    return this.#bytes
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#used)
    this.#bytes = larger
  }
}
