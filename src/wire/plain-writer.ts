import { Buffer } from 'node:buffer'

/**
 * Writes plain values (strings, numbers, booleans, null, undefined) as `MessageCodec` would, one behind the other into memory that grows:
 * where millions of them are written, a call of the encoder and a buffer for each costs several times what the writing does.
 */

const firstBytes = 1024
/** A native function is called for longer texts; for shorter ones the call costs more than it saves. */
const shortTextMax = 48
/** In MessagePack with records, numbers from here to 0x7f are those of records. */
const recordsFrom = 0x40

export class PlainWriter {
  /** Replaced when it is too short. */
  bytes: Buffer = Buffer.allocUnsafeSlow(firstBytes)
  /** Behind the last byte. */
  end = 0
  private view = viewOf(this.bytes)
  /** What was written since the last `take` begins here. */
  private start = 0
  private readonly bytesMin: number

  /** `bytesMin`: what memory is asked for at a time, once the first kilobyte does not suffice. */
  constructor(bytesMin: number) {
    this.bytesMin = bytesMin
  }

  /** Bytes since the last `take`. */
  get length(): number {
    return this.end - this.start
  }

  /** Sees that so many bytes may be written behind the end. */
  room(count: number): void {
    if (this.end + count > this.bytes.length) this.grow(count)
  }

  /** What was written since the last time. It stays as it is. */
  take(): Uint8Array {
    const { start, end } = this
    this.start = end
    return this.bytes.subarray(start, end)
  }

  /** Cuts off what was written behind so many bytes since the last `take`. */
  cut(length: number): void {
    this.end = this.start + length
  }

  /** Little-endian, within what was written: `at` counts from the last `take`. */
  setUint32(at: number, value: number): void {
    this.view.setUint32(this.start + at, value, true)
  }

  uint8(value: number): void {
    this.room(1)
    this.bytes[this.end++] = value
  }

  /** Its UTF-8, without a length. */
  text(text: string): void {
    const { length } = text
    this.room(3 * length)
    if (length > shortTextMax || !this.ascii(text)) this.end += this.bytes.write(text, this.end)
  }

  /** A whole number from 0 to 2^32 - 1, in decimal digits. */
  digits(value: number): void {
    this.room(10)
    const { bytes, end } = this
    let count = 1
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) count++
    this.end = end + count
    for (let at = this.end - 1, rest = value; at >= end; at--) {
      const next = Math.floor(rest / 10)
      bytes[at] = 0x30 + rest - 10 * next
      rest = next
    }
  }

  arrayHead(length: number): void {
    this.room(3)
    const { bytes } = this
    if (length < 0x10) bytes[this.end++] = 0x90 | length
    else {
      bytes[this.end++] = 0xdc
      bytes[this.end++] = length >> 8
      bytes[this.end++] = length & 0xff
    }
  }

  /** False where the value is not plain; what was written before of a larger one is for the caller to cut off. */
  plain(value: unknown): boolean {
    switch (typeof value) {
      case 'number':
        this.number(value)
        return true
      case 'string':
        this.string(value)
        return true
      case 'boolean':
        this.uint8(value ? 0xc3 : 0xc2)
        return true
      case 'undefined':
        this.room(3)
        this.bytes[this.end++] = 0xd4
        this.bytes[this.end++] = 0
        this.bytes[this.end++] = 0
        return true
      default:
        if (value !== null) return false
        this.uint8(0xc0)
        return true
    }
  }

  private grow(count: number): void {
    const { bytes, start, end } = this
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytesMin, 2 * (end - start + count)))
    grown.set(bytes.subarray(start, end))
    this.bytes = grown
    this.view = viewOf(grown)
    this.start = 0
    this.end = end - start
  }

  private number(value: number): void {
    this.room(9)
    const { bytes, view } = this
    if (value >>> 0 === value) {
      if (value < recordsFrom) bytes[this.end++] = value
      else if (value < 0x100) {
        bytes[this.end++] = 0xcc
        bytes[this.end++] = value
      } else {
        bytes[this.end] = 0xce
        view.setUint32(this.end + 1, value)
        this.end += 5
      }
    } else if (value >> 0 === value) {
      bytes[this.end] = 0xd2
      view.setInt32(this.end + 1, value)
      this.end += 5
    } else {
      bytes[this.end] = 0xcb
      view.setFloat64(this.end + 1, value)
      this.end += 9
    }
  }

  private string(text: string): void {
    this.room(5 + 3 * text.length)
    // No memory is asked for from here on.
    const at = this.end
    if (text.length <= shortTextMax) {
      // Its length is not known before: most are ASCII, and one byte is enough for all.
      this.end = at + 2
      this.text(text)
      this.bytes[at] = 0xd9
      this.bytes[at + 1] = this.end - at - 2
    } else {
      this.end = at + 5
      this.text(text)
      this.bytes[at] = 0xdb
      this.view.setUint32(at + 1, this.end - at - 5)
    }
  }

  private ascii(text: string): boolean {
    const { bytes, end } = this
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index)
      if (unit >= 0x80) return false
      bytes[end + index] = unit
    }
    this.end = end + text.length
    return true
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
