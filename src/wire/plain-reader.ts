import type { Buffer } from 'node:buffer'

/** Reads what `PlainWriter` writes, and as much as is plain of what `MessageCodec` does: a call of the decoder costs several times as much. */
export class PlainReader {
  at = 0
  /** False from the first value on that is not plain, or not there. */
  isPlain = true
  private bytes: Buffer
  private end = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  begin(bytes: Buffer, at: number, end: number): void {
    this.bytes = bytes
    this.at = at
    this.end = end
    this.isPlain = true
  }

  /** All has been read, and all of it was plain. */
  get isOver(): boolean {
    return this.isPlain && this.at === this.end
  }

  /** Of an array of less than 16 values; what is longer is not plain. */
  arrayLength(): number {
    const head = this.bytes[this.at++]!
    if (head >> 4 === 9) return head & 0x0f
    this.isPlain = false
    return 0
  }

  value(): unknown {
    if (this.at >= this.end) return this.notPlain()
    const head = this.bytes[this.at++]!
    if (head < 0x40) return head
    if (head >= 0xe0) return head - 0x100
    if (head >> 5 === 5) return this.text(head & 0x1f)
    switch (head) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xd4:
        return this.undefined()
      case 0xd9:
        return this.text(this.bytes[this.at++]!)
      case 0xda:
        return this.text(this.number(2, 'readUInt16BE'))
      case 0xdb:
        return this.text(this.number(4, 'readUInt32BE'))
      default:
        return this.numberOf(head)
    }
  }

  private numberOf(head: number): unknown {
    switch (head) {
      case 0xcb:
        return this.number(8, 'readDoubleBE')
      case 0xcc:
        return this.bytes[this.at++]
      case 0xcd:
        return this.number(2, 'readUInt16BE')
      case 0xce:
        return this.number(4, 'readUInt32BE')
      case 0xd0:
        return this.number(1, 'readInt8')
      case 0xd1:
        return this.number(2, 'readInt16BE')
      case 0xd2:
        return this.number(4, 'readInt32BE')
      default:
        return this.notPlain()
    }
  }

  private number(
    length: number,
    read: 'readDoubleBE' | 'readUInt16BE' | 'readUInt32BE' | 'readInt8' | 'readInt16BE' | 'readInt32BE',
  ): number {
    const { at } = this
    if (at + length > this.end) {
      this.notPlain()
      return 0
    }
    this.at = at + length
    return this.bytes[read](at)
  }

  private text(length: number): string {
    const from = this.at
    this.at = from + length
    if (this.at > this.end) {
      this.notPlain()
      return ''
    }
    return this.bytes.toString('utf8', from, this.at)
  }

  /** An extension of one byte: that of undefined has the type and the byte 0. */
  private undefined(): undefined {
    if (this.bytes[this.at] !== 0 || this.bytes[this.at + 1] !== 0) this.isPlain = false
    this.at += 2
    return undefined
  }

  private notPlain(): undefined {
    this.isPlain = false
    return undefined
  }
}
