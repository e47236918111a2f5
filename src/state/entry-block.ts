import { Buffer } from 'node:buffer'
import { PlainWriter } from '../wire/plain-writer.ts'

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

/** `damaged` makes the error where the bytes are not entries. */
export function readEntries(block: Uint8Array, damaged: (what: string) => Error): StateEntry[] {
  const content = Buffer.from(block.buffer, block.byteOffset, block.byteLength)
  const entries: StateEntry[] = []
  let at = 0
  const take = (length: number): Buffer => {
    if (at + length > content.length) throw damaged('an entry is longer than its chunk')
    at += length
    return content.subarray(at - length, at)
  }
  while (at < content.length) {
    const head = take(entryHeadBytes)
    const kind = entryKinds[head.readUInt8(0)]
    if (kind === undefined) throw damaged('an entry is of no known kind')
    const key = take(head.readUInt32LE(1))
    const parts: Uint8Array[] = []
    for (let left = head.readUInt32LE(5); left > 0; left--) parts.push(take(take(4).readUInt32LE()))
    entries.push({ kind, key, parts })
  }
  return entries
}
