import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'

/**
 * Keys in the database, in the order of key groups:
 *
 *   group (1 byte), 0, the encoded key in UTF-16, little-endian (other encodings do not keep every string)
 *   group (1 byte), 1, the SHA-256 of that, where it is longer than the database takes
 */

const plainBytesMax = 512
const headBytes = 2

export function rowKey(group: number, encoded: string): Buffer {
  const isLong = encoded.length * 2 > plainBytesMax
  const text = Buffer.from(encoded, 'utf16le')
  const rest = isLong ? createHash('sha256').update(text).digest() : text
  const key = Buffer.allocUnsafe(headBytes + rest.length)
  key[0] = group
  key[1] = isLong ? 1 : 0
  rest.copy(key, headBytes)
  return key
}

export function groupOf(key: Buffer): number {
  return key[0]!
}

/** Undefined where it was too long to stand there. */
export function encodedOf(key: Buffer): string | undefined {
  return key[1] === 0 ? key.toString('utf16le', headBytes) : undefined
}

/** The first key behind another one. */
export function behind(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.alloc(1)])
}
