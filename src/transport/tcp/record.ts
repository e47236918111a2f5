import { VertigoError } from '../../base/errors.ts'
import { joined, readUint32, writeUint32 } from './bytes.ts'

/**
 * Records: what a line carries after the handshake. Little-endian.
 *
 * | bytes | frame record | ack record |
 * | --- | --- | --- |
 * | 0-3 | length of what follows | 5 |
 * | 4 | type 1 | type 2 |
 * | 5-8 | number of the frame, its low 32 bits | number of the last frame received, its low 32 bits |
 * | 9-12 | number of the last frame received by the sender, its low 32 bits | |
 * | 13- | the frame | |
 *
 * Every frame record confirms what its sender has received, so that two ends that answer each other send nothing else. An
 * ack record serves where there is nothing to send, and as the sign of life of an idle line.
 */

export const frameHeadBytes = 13
const lengthBytes = 4
const typeFrame = 1
const typeAck = 2
const ackBodyBytes = 5

export interface RecordSink {
  frame(number: number, ack: number, frame: Uint8Array): void
  ack(ack: number): void
}

export function writeFrameHead(
  bytes: Uint8Array,
  at: number,
  frame: number,
  number: number,
  ack: number,
): void {
  writeUint32(bytes, at, frameHeadBytes - lengthBytes + frame)
  bytes[at + 4] = typeFrame
  writeUint32(bytes, at + 5, number)
  writeUint32(bytes, at + 9, ack)
}

/** Length of the frame record at a place, its head included. */
export function recordBytes(bytes: Uint8Array, at: number): number {
  return lengthBytes + readUint32(bytes, at)
}

export function ackRecord(ack: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes + ackBodyBytes)
  writeUint32(bytes, 0, ackBodyBytes)
  bytes[4] = typeAck
  writeUint32(bytes, 5, ack)
  return bytes
}

/** Takes records out of the bytes of one line. Frames are views of what arrived; those that came in pieces are joined, once. */
export class RecordReader {
  private readonly sink: RecordSink
  private readonly bodyBytesMax: number
  /** The length of a record that began at the end of a piece, as far as it has come. */
  private readonly head = new Uint8Array(lengthBytes)
  private headBytes = 0
  /** Pieces of one record, without its length; nothing is allocated for what has not come. */
  private pieces: Uint8Array[] = []
  private missing = 0
  private isStopped = false

  constructor(sink: RecordSink, frameBytesMax: number) {
    this.sink = sink
    this.bodyBytesMax = frameBytesMax + frameHeadBytes - lengthBytes
  }

  /** From now on nothing is taken: the line was replaced, or its end closed, by what a frame did. */
  stop(): void {
    this.isStopped = true
    this.pieces = []
  }

  /** Errors: LINK_DATA_INVALID. */
  push(bytes: Uint8Array): void {
    let at = this.missing > 0 || this.headBytes > 0 ? this.goOn(bytes) : 0
    while (!this.isStopped && bytes.length - at >= lengthBytes) {
      const length = this.checkedLength(bytes, at)
      at += lengthBytes
      if (bytes.length - at < length) {
        this.missing = length
        at += this.keep(bytes, at)
      } else {
        this.record(bytes, at, length)
        at += length
      }
    }
    if (at < bytes.length && !this.isStopped) this.keepHead(bytes, at)
  }

  /** Completes what began in earlier bytes. Gives how many bytes of these belong to it. */
  private goOn(bytes: Uint8Array): number {
    let at = 0
    if (this.headBytes > 0) {
      at = this.keepHead(bytes, 0)
      if (this.headBytes < lengthBytes) return at
      this.missing = this.checkedLength(this.head, 0)
      this.headBytes = 0
    }
    return at + this.keep(bytes, at)
  }

  private keepHead(bytes: Uint8Array, from: number): number {
    const taken = Math.min(lengthBytes - this.headBytes, bytes.length - from)
    this.head.set(bytes.subarray(from, from + taken), this.headBytes)
    this.headBytes += taken
    return taken
  }

  private keep(bytes: Uint8Array, from: number): number {
    const taken = Math.min(this.missing, bytes.length - from)
    if (taken === 0) return 0
    this.pieces.push(bytes.subarray(from, from + taken))
    this.missing -= taken
    if (this.missing > 0) return taken
    const { pieces } = this
    this.pieces = []
    let length = 0
    for (const piece of pieces) length += piece.length
    this.record(pieces.length === 1 ? pieces[0]! : joined(pieces, length), 0, length)
    return taken
  }

  private checkedLength(bytes: Uint8Array, at: number): number {
    const length = readUint32(bytes, at)
    if (length < ackBodyBytes || length > this.bodyBytesMax) {
      throw invalid(`a record of ${length} bytes; at most ${this.bodyBytesMax} are accepted`)
    }
    return length
  }

  private record(bytes: Uint8Array, at: number, length: number): void {
    const type = bytes[at]!
    if (type === typeFrame && length >= frameHeadBytes - lengthBytes) {
      const frame = bytes.subarray(at + frameHeadBytes - lengthBytes, at + length)
      this.sink.frame(readUint32(bytes, at + 1), readUint32(bytes, at + 5), frame)
    } else if (type === typeAck && length === ackBodyBytes) {
      this.sink.ack(readUint32(bytes, at + 1))
    } else {
      throw invalid(`a record of ${length} bytes with the unknown type ${type}`)
    }
  }
}

function invalid(what: string): VertigoError {
  return new VertigoError('LINK_DATA_INVALID', `a line carries ${what}`)
}
