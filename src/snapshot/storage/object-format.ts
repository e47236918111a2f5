import { Buffer } from 'node:buffer'
import { crc32 } from 'node:zlib'
import { VertigoError } from '../../base/errors.ts'
import type { Content, StoredObject } from './storage.ts'

/**
 * An object as it is stored (SS-2). Little-endian, checksums CRC-32.
 *
 * | part | bytes |
 * | --- | --- |
 * | head | magic, format, checksum of the name, checksum of these twelve bytes (4 each) |
 * | piece | length from 1 (4 bytes), checksum (4 bytes), content |
 * | end | zero (4 bytes), checksum (4 bytes), length of the content (8 bytes, a double), checksum of the content (4 bytes) |
 *
 * The checksum of a piece begins with that of the name, its number and its length, so that pieces cannot change places; so does
 * that of the end. Nothing follows the end.
 */

const magic = 0x424f_5356
export const objectFormat = 1
const headBytes = 16
const pieceHeadBytes = 8
const endBytes = 20
/** Content is written in pieces of this length; none that is read may be longer. */
export const pieceBytesMax = 256 * 1024

/** A backend gets so many bytes at a time, since each time costs it a call and a turn of the event loop; a small object comes whole. */
const givenBytesMin = 1024 * 1024

/** The object that holds `content`; `tell` hears what it was once all has been taken. */
export async function* encodeObject(
  name: string,
  content: Content,
  tell: (stored: StoredObject) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const nameChecksum = crc32(name)
  let gathered: Uint8Array[] = [encodeHead(nameChecksum)]
  let gatheredBytes = 0
  let bytes = 0
  let checksum = 0
  let number = 0
  for await (const piece of inPieces(content)) {
    bytes += piece.length
    checksum = crc32(piece, checksum)
    gathered.push(encodePieceHead(piece, begunChecksum(nameChecksum, number++, piece.length)), piece)
    gatheredBytes += piece.length
    if (gatheredBytes < givenBytesMin) continue
    yield Buffer.concat(gathered)
    gathered = []
    gatheredBytes = 0
  }
  gathered.push(encodeEnd(nameChecksum, number, bytes, checksum))
  yield Buffer.concat(gathered)
  tell({ bytes, checksum })
}

function encodePieceHead(piece: Uint8Array, begun: number): Buffer {
  const head = Buffer.alloc(pieceHeadBytes)
  head.writeUInt32LE(piece.length, 0)
  head.writeUInt32LE(crc32(piece, begun), 4)
  return head
}

function encodeHead(nameChecksum: number): Buffer {
  const head = Buffer.alloc(headBytes)
  head.writeUInt32LE(magic, 0)
  head.writeUInt32LE(objectFormat, 4)
  head.writeUInt32LE(nameChecksum, 8)
  head.writeUInt32LE(crc32(head.subarray(0, 12)), 12)
  return head
}

function encodeEnd(nameChecksum: number, number: number, bytes: number, checksum: number): Buffer {
  const end = Buffer.alloc(endBytes)
  end.writeDoubleLE(bytes, 8)
  end.writeUInt32LE(checksum, 16)
  end.writeUInt32LE(crc32(end.subarray(8), begunChecksum(nameChecksum, number, 0)), 4)
  return end
}

function begunChecksum(nameChecksum: number, number: number, length: number): number {
  const begin = Buffer.alloc(12)
  begin.writeUInt32LE(nameChecksum, 0)
  begin.writeUInt32LE(number, 4)
  begin.writeUInt32LE(length, 8)
  return crc32(begin)
}

/** Gathers small pieces and divides large ones; each is a copy, or a view of what was given. */
async function* inPieces(content: Content): AsyncGenerator<Uint8Array, void, undefined> {
  let gathered: Uint8Array[] = []
  let bytes = 0
  for await (const given of content instanceof Uint8Array ? [content] : content) {
    for (let at = 0; at < given.length;) {
      const part = given.subarray(at, at + pieceBytesMax - bytes)
      gathered.push(part)
      bytes += part.length
      at += part.length
      if (bytes < pieceBytesMax) continue
      yield gathered.length === 1 ? part : Buffer.concat(gathered)
      gathered = []
      bytes = 0
    }
  }
  if (bytes > 0) yield Buffer.concat(gathered)
}

/**
 * The content of an object; rejects with SNAPSHOT_FILE_DAMAGED, SNAPSHOT_FORMAT_NEWER. `where`: for people. `expected`: what it has to be,
 * where that is known.
 */
export async function* decodeObject(
  name: string,
  where: string,
  stored: AsyncIterable<Uint8Array>,
  expected?: StoredObject,
): AsyncGenerator<Uint8Array, void, undefined> {
  const damaged = (what: string): VertigoError =>
    new VertigoError('SNAPSHOT_FILE_DAMAGED', `The file ${name} in ${where} is damaged: ${what}.`)
  const nameChecksum = crc32(name)
  const input = new ByteReader(stored)
  const take = async (count: number): Promise<Buffer> => {
    const taken = await input.take(count)
    if (taken === undefined) throw damaged('it ends too early')
    return taken
  }
  try {
    checkHead(await take(headBytes), nameChecksum, damaged, name, where)
    let bytes = 0
    let checksum = 0
    for (let number = 0; ; number++) {
      const head = await take(pieceHeadBytes)
      const length = head.readUInt32LE(0)
      const begun = begunChecksum(nameChecksum, number, length)
      if (length === 0) {
        const end = await take(endBytes - pieceHeadBytes)
        if (head.readUInt32LE(4) !== crc32(end, begun)) throw damaged('its end is not as it was written')
        if (end.readDoubleLE(0) !== bytes || end.readUInt32LE(8) !== checksum)
          throw damaged('its content is not what it was')
        if (expected !== undefined && (expected.bytes !== bytes || expected.checksum !== checksum))
          throw damaged('it is whole, but not the one that was noted')
        if ((await input.take(1)) !== undefined) throw damaged('something follows its end')
        return
      }
      if (length > pieceBytesMax) throw damaged(`piece ${number} is not as it was written`)
      const piece = await take(length)
      if (head.readUInt32LE(4) !== crc32(piece, begun))
        throw damaged(`piece ${number} is not as it was written`)
      bytes += length
      checksum = crc32(piece, checksum)
      yield piece
    }
  } finally {
    await input.close()
  }
}

function checkHead(
  head: Buffer,
  nameChecksum: number,
  damaged: (what: string) => VertigoError,
  name: string,
  where: string,
): void {
  if (head.readUInt32LE(0) !== magic || head.readUInt32LE(12) !== crc32(head.subarray(0, 12)))
    throw damaged('its head is not as it was written')
  const format = head.readUInt32LE(4)
  if (format > objectFormat)
    throw new VertigoError(
      'SNAPSHOT_FORMAT_NEWER',
      `The file ${name} in ${where} has format ${format}; this version knows up to ${objectFormat}.`,
    )
  if (head.readUInt32LE(8) !== nameChecksum) throw damaged('it was written under another name')
}

/** Takes bytes off a stream in the lengths that are asked for. */
class ByteReader {
  readonly #pieces: AsyncIterator<Uint8Array>
  #rest: Buffer = Buffer.alloc(0)

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#pieces = stream[Symbol.asyncIterator]()
  }

  /** undefined where the stream has ended before. */
  async take(count: number): Promise<Buffer | undefined> {
    const gathered: Buffer[] = [this.#rest]
    let bytes = this.#rest.length
    while (bytes < count) {
      const next = await this.#pieces.next()
      if (next.done === true) return undefined
      const { buffer, byteOffset, byteLength } = next.value
      gathered.push(Buffer.from(buffer, byteOffset, byteLength))
      bytes += byteLength
    }
    const all = gathered.length === 1 ? this.#rest : Buffer.concat(gathered)
    this.#rest = all.subarray(count)
    return all.subarray(0, count)
  }

  async close(): Promise<void> {
    await this.#pieces.return?.()
  }
}
