import { Buffer } from 'node:buffer'
import { PlainReader } from '../wire/plain-reader.ts'
import { PlainWriter } from '../wire/plain-writer.ts'
import type { Entry } from './entries.ts'

/**
 * Entries of a state file, one behind the other, as bytes. They are written where they will stand: an object and a few small buffers for
 * each of a million rows would cost several times what writing them does.
 *
 * | part | bytes |
 * | --- | --- |
 * | head | kind (1 byte), length of the key, number of parts (4 bytes each, little-endian) |
 * | key | as `encodeKey` gives it, in UTF-8 |
 * | part | length (4 bytes, little-endian), bytes |
 */

export type EntryKind = 'put' | 'append' | 'delete'

export interface StateEntry {
  readonly kind: EntryKind
  readonly key: Uint8Array
  /** Empty for `delete`. */
  readonly parts: readonly Uint8Array[]
}

export const entryHeadBytes = 9
/** Their numbers. */
export const entryKinds: readonly EntryKind[] = ['put', 'append', 'delete']
const put = 0
const append = 1
const deletion = 2

/** What memory is asked for at a time. */
const defaultBytesMin = 64 * 1024

export class EntryBlock {
  /** Entries since the last `take`. */
  count = 0
  private readonly out: PlainWriter

  constructor(bytesMin = defaultBytesMin) {
    this.out = new PlainWriter(bytesMin)
  }

  /** Bytes since the last `take`. */
  get length(): number {
    return this.out.length
  }

  /** Entries, as another block has them. */
  addEncoded(bytes: Uint8Array, count: number): void {
    this.raw(bytes)
    this.count += count
  }

  addEntry({ kind, key, parts }: StateEntry): void {
    const { out } = this
    const at = this.begin(entryKinds.indexOf(kind))
    this.raw(key)
    this.endKey(at, parts.length)
    for (const part of parts) {
      const partAt = out.length
      out.room(4)
      out.end += 4
      out.setUint32(partAt, part.length)
      this.raw(part)
    }
  }

  delete(key: string): void {
    const at = this.begin(deletion)
    this.out.text(key)
    this.endKey(at, 0)
  }

  /** `isWhole`: it says all there is of its key; else it is added to what is there. */
  add(key: string, isWhole: boolean, part: Uint8Array): void {
    const { out } = this
    const at = this.begin(isWhole ? put : append)
    out.text(key)
    this.endKey(at, 1)
    const partAt = out.length
    out.room(4 + part.length)
    out.bytes.set(part, out.end + 4)
    out.end += 4 + part.length
    out.setUint32(partAt, part.length)
  }

  /**
   * As `add`, of a whole row whose key is a string or a number, and whose values are plain. False where they are not: then nothing was
   * written.
   */
  addPlain(key: unknown, changed: readonly number[] | undefined, values: readonly unknown[]): boolean {
    if (typeof key !== 'number' && (typeof key !== 'string' || key.charCodeAt(0) === 0)) return false
    const { out } = this
    const at = this.begin(put)
    if (typeof key === 'number') this.keyNumber(key)
    else out.text(key)
    this.endKey(at, 1)
    const partAt = out.length
    out.room(4)
    out.end += 4
    if (this.row(key, changed, values)) {
      out.setUint32(partAt, out.length - partAt - 4)
      return true
    }
    out.cut(at)
    this.count--
    return false
  }

  /** What was added since the last time. It stays as it is. */
  take(): Uint8Array {
    this.count = 0
    return this.out.take()
  }

  /** As `encodeKey` gives it; there is one zero. */
  private keyNumber(key: number): void {
    const { out } = this
    out.uint8(0)
    if (key >>> 0 === key) out.digits(key)
    else out.text(String(key))
  }

  private raw(bytes: Uint8Array): void {
    const { out } = this
    out.room(bytes.length)
    out.bytes.set(bytes, out.end)
    out.end += bytes.length
  }

  /** Gives where the entry is. */
  private begin(kind: number): number {
    const { out } = this
    const at = out.length
    out.room(entryHeadBytes)
    out.bytes[out.end] = kind
    out.end += entryHeadBytes
    this.count++
    return at
  }

  private endKey(at: number, parts: number): void {
    const { out } = this
    out.setUint32(at + 1, out.length - at - entryHeadBytes)
    out.setUint32(at + 5, parts)
  }

  private row(key: unknown, changed: readonly number[] | undefined, values: readonly unknown[]): boolean {
    const { out } = this
    out.arrayHead(2 + values.length)
    out.plain(key)
    if (changed === undefined) out.plain(null)
    else {
      out.arrayHead(changed.length)
      for (let index = 0; index < changed.length; index++) out.plain(changed[index])
    }
    for (let index = 0; index < values.length; index++) if (!out.plain(values[index])) return false
    return true
  }
}

/** Goes through the entries of a block without an object for each. */
export class EntryReader {
  /** Where the entry begins and ends in the block, and its key. */
  start = 0
  keyStart = 0
  keyEnd = 0
  end = 0
  private kindNumber = 0
  private partCount = 0
  private readonly content: Buffer
  private readonly view: DataView
  private readonly plain: PlainReader

  constructor({ buffer, byteOffset, byteLength }: Uint8Array) {
    this.content = Buffer.from(buffer, byteOffset, byteLength)
    this.view = new DataView(buffer, byteOffset, byteLength)
    this.plain = new PlainReader(this.content)
  }

  /** Goes to the next entry; false where there is none. `damaged` makes the error where the bytes are not entries. */
  next(damaged: (what: string) => Error): boolean {
    const { content, view } = this
    const start = this.end
    if (start === content.length) return false
    let at = start + entryHeadBytes
    if (at > content.length) throw tooLong(damaged)
    this.kindNumber = content[start]!
    if (this.kindNumber >= entryKinds.length) throw damaged('an entry is of no known kind')
    this.partCount = view.getUint32(start + 5, true)
    this.start = start
    this.keyStart = at
    at += view.getUint32(start + 1, true)
    this.keyEnd = at
    for (let left = this.partCount; left > 0; left--) {
      if (at + 4 > content.length) throw tooLong(damaged)
      at += 4 + view.getUint32(at, true)
    }
    if (at > content.length) throw tooLong(damaged)
    this.end = at
    return true
  }

  /** Its key as the name of a property: one for each sequence of bytes. */
  get name(): string {
    return this.content.toString('latin1', this.keyStart, this.keyEnd)
  }

  /** The same for equal keys. */
  get keyHash(): number {
    return hashOfKey(this.content, this.keyStart, this.keyEnd)
  }

  hasKey(key: Uint8Array): boolean {
    const { content, keyStart } = this
    if (key.length !== this.keyEnd - keyStart) return false
    for (let at = 0; at < key.length; at++) if (key[at] !== content[keyStart + at]) return false
    return true
  }

  /** To the entry that begins there; it has been come to before. */
  goTo(start: number): void {
    this.end = start
    this.next(neverDamaged)
  }

  /** Entries from the beginning of one to the end of another. */
  between(start: number, end: number): Uint8Array {
    return this.content.subarray(start, end)
  }

  get entry(): StateEntry {
    const { content, view } = this
    const parts: Uint8Array[] = []
    let at = this.keyEnd
    for (let left = this.partCount; left > 0; left--) {
      const end = at + 4 + view.getUint32(at, true)
      parts.push(content.subarray(at + 4, end))
      at = end
    }
    const key = content.subarray(this.keyStart, this.keyEnd)
    return { kind: entryKinds[this.kindNumber]!, key, parts }
  }

  /** The row of an entry that `addPlain` may have written; undefined where it is another. */
  get plainRow(): Entry | undefined {
    const { keyEnd, end, plain } = this
    if (this.kindNumber !== put || this.partCount !== 1) return undefined
    plain.begin(this.content, keyEnd + 4, end)
    const count = plain.arrayLength()
    if (count < 2) return undefined
    const key = plain.value()
    // Times, where there are any, are an array, and so not plain.
    const changed = plain.value() as null
    const slots: unknown[] = []
    for (let left = count - 2; left > 0; left--) slots.push(plain.value())
    return plain.isOver ? { key, changed, slots } : undefined
  }
}

/** As `EntryReader.keyHash`. */
export function hashOfKey(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  return hash ^ (hash >>> 15)
}

/** Of bytes that were looked at before. */
export function neverDamaged(what: string): Error {
  return new Error(what)
}

function tooLong(damaged: (what: string) => Error): Error {
  return damaged('an entry is longer than its chunk')
}

/** `damaged` makes the error where the bytes are not entries. */
export function readEntries(block: Uint8Array, damaged: (what: string) => Error): StateEntry[] {
  const reader = new EntryReader(block)
  const entries: StateEntry[] = []
  while (reader.next(damaged)) entries.push(reader.entry)
  return entries
}
