import { Buffer } from 'node:buffer'
import { assert } from '../base/assert.ts'
import { VertigoError } from '../base/errors.ts'
import { isRecord } from '../base/values.ts'
import {
  entryHeadBytes,
  entryKinds,
  EntryReader,
  readEntries,
  type StateEntry,
} from '../state/entry-block.ts'

export type { EntryKind, StateEntry } from '../state/entry-block.ts'

/**
 * The state of an instance as the content of a file. What keeps it whole is the storage (`storage/object-format.ts`); here is what it
 * means. Little-endian.
 *
 * | part | bytes |
 * | --- | --- |
 * | head | magic, format, length (4 bytes each), JSON |
 * | chunk | section, zero (2 bytes each), length (4 bytes), entries |
 * | entry | see `state/entry-block.ts` |
 * | end | 65535, zero (2 bytes each), 8 (4 bytes), number of entries (a double) |
 *
 * - SF-1 Sections come in ascending order, in chunks, so that files are merged section by section (`merge.ts`).
 * - SF-2 Sections 0 to 255 are key groups: an increment has only what has changed, and a later entry of a key goes before an earlier
 *   one. Higher sections (`instanceSection` and on) are small and whole in each file: those of the last file count, and a section that
 *   it lacks is empty.
 * - SF-3 `append` adds parts to what the key had: so lists are written as they grow.
 */

/**
 * Raised where an older version would take a file for one of its own and lose something, so that it refuses the file by name. All
 * formats up to this one are read. From 2 on, what a sink has prepared is in entries of its own (`worker/snapshots/saved.ts`): whoever knows
 * format 1 would skip them. From 3 on, outcomes of requests are many in a part.
 */
export const stateFormat = 3
const magic = 0x5453_5356
const headBytes = 12
const chunkHeadBytes = 8
const endSection = 0xffff
/** A chunk is ended when it has come to this; a larger entry makes a larger one. */
export const chunkBytesMin = 64 * 1024
/** A piece of a content is given on when it has come to this. */
const pieceBytesMin = 256 * 1024
/** What the head may have; more is not one of ours. */
const headTextBytesMax = 1024 * 1024

export const keyGroupSections = 256
/** What is not keyed: instance state, positions of a source, channel state, timers: whole in each file. */
export const instanceSection = 256
export const sectionMax = 1024

/** What a file is of; read back, so that no file is taken for another. */
export interface StateHead {
  readonly network: string
  readonly incarnation: number
  readonly generation: number
  readonly component: string
  readonly instance: number
  readonly kind: 'full' | 'increment'
}

/** Some entries of a section; a section may come in several of them, one behind the other. */
export interface StateChunk {
  readonly section: number
  readonly entries: Iterable<StateEntry>
}

/** The same, as an `EntryBlock` has written it. */
export interface EncodedChunk {
  readonly section: number
  readonly count: number
  readonly bytes: Uint8Array
}

/** The content of a file. Chunks are taken as fast as the content is. */
export async function* encodeState(
  head: StateHead,
  chunks: Iterable<StateChunk | EncodedChunk> | AsyncIterable<StateChunk | EncodedChunk>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const pieces = new Pieces()
  pieces.add(encodeHead(head))
  let section = 0
  let count = 0
  for await (const chunk of chunks) {
    assert(
      chunk.section >= section && chunk.section <= sectionMax,
      `section ${chunk.section} comes behind ${section}`,
    )
    section = chunk.section
    if ('bytes' in chunk) {
      pieces.addEncoded(section, chunk.bytes)
      count += chunk.count
      if (pieces.isFull) yield pieces.take()
      continue
    }
    for (const entry of chunk.entries) {
      assert(head.kind === 'increment' || entry.kind === 'put', `a full file holds no ${entry.kind}`)
      pieces.addEntry(section, entry)
      count++
      if (pieces.isFull) yield pieces.take()
    }
    pieces.endChunk()
  }
  const end = Buffer.alloc(chunkHeadBytes + 8)
  end.writeUInt16LE(endSection, 0)
  end.writeUInt32LE(8, 4)
  end.writeDoubleLE(count, chunkHeadBytes)
  pieces.add(end)
  yield pieces.take()
}

/**
 * Puts chunks one behind the other into pieces of some size, since each piece costs whoever writes it a call and a turn of the event loop,
 * and most chunks are small: there are as many as key groups.
 */
class Pieces {
  /** Grows: there may be many files at a time, and most have little. */
  #bytes = Buffer.allocUnsafeSlow(4 * 1024)
  #length = 0
  /** Where the chunk begins that is being written. */
  #chunkAt: number | undefined

  get isFull(): boolean {
    return this.#length >= pieceBytesMin
  }

  add(bytes: Uint8Array): void {
    const at = this.#room(bytes.length)
    this.#bytes.set(bytes, at)
  }

  addEntry(section: number, { kind, key, parts }: StateEntry): void {
    this.#chunkAt ??= this.#beginChunk(section)
    let length = entryHeadBytes + key.length
    for (const part of parts) length += 4 + part.length
    let at = this.#room(length)
    const bytes = this.#bytes
    bytes[at] = entryKinds.indexOf(kind)
    bytes.writeUInt32LE(key.length, at + 1)
    bytes.writeUInt32LE(parts.length, at + 5)
    bytes.set(key, at + entryHeadBytes)
    at += entryHeadBytes + key.length
    for (const part of parts) {
      bytes.writeUInt32LE(part.length, at)
      bytes.set(part, at + 4)
      at += 4 + part.length
    }
    if (this.#length - this.#chunkAt >= chunkBytesMin) this.endChunk()
  }

  /** A chunk of its own. */
  addEncoded(section: number, bytes: Uint8Array): void {
    this.#chunkAt = this.#beginChunk(section)
    this.add(bytes)
    this.endChunk()
  }

  endChunk(): void {
    if (this.#chunkAt === undefined) return
    this.#bytes.writeUInt32LE(this.#length - this.#chunkAt - chunkHeadBytes, this.#chunkAt + 4)
    this.#chunkAt = undefined
  }

  /** Ends the chunk; what is added then is of another piece. */
  take(): Uint8Array {
    this.endChunk()
    const piece = this.#bytes.subarray(0, this.#length)
    this.#bytes = Buffer.allocUnsafeSlow(this.#bytes.length)
    this.#length = 0
    return piece
  }

  /** The length is put in at its end. */
  #beginChunk(section: number): number {
    const at = this.#room(chunkHeadBytes)
    this.#bytes.writeUInt32LE(section, at)
    return at
  }

  /** Where so many bytes may be written. */
  #room(length: number): number {
    const at = this.#length
    this.#length += length
    if (this.#length > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(2 * this.#length)
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
    }
    return at
  }
}

function encodeHead(head: StateHead): Buffer {
  const text = Buffer.from(JSON.stringify(head))
  const bytes = Buffer.alloc(headBytes)
  bytes.writeUInt32LE(magic, 0)
  bytes.writeUInt32LE(stateFormat, 4)
  bytes.writeUInt32LE(text.length, 8)
  return Buffer.concat([bytes, text])
}

/** Entries of a section, as they stand in the file: they have been looked at, and are entries. */
export interface StateBlock {
  readonly section: number
  readonly bytes: Uint8Array
}

/** A file that is being read. */
export interface StateFile {
  readonly head: StateHead
  /** To be read once, to the end; rejects where the file is not whole. */
  readonly blocks: AsyncGenerator<StateBlock, void, undefined>
  /** The same, in place of it, as objects. */
  readonly chunks: AsyncGenerator<
    { readonly section: number; readonly entries: readonly StateEntry[] },
    void,
    undefined
  >
  /** Where it is not read to its end. One that nobody has begun to read cannot be ended by its generators. Idempotent. */
  close(): Promise<void>
}

/** Reads the head; rejects with SNAPSHOT_FILE_DAMAGED, SNAPSHOT_FORMAT_NEWER. `name`: for people. */
export async function decodeState(name: string, content: AsyncIterable<Uint8Array>): Promise<StateFile> {
  const input = new Input(name, content)
  try {
    const head = await input.take(headBytes)
    if (head.readUInt32LE(0) !== magic) throw input.damaged('it is no state file')
    const format = head.readUInt32LE(4)
    if (format > stateFormat)
      throw new VertigoError(
        'SNAPSHOT_FORMAT_NEWER',
        `The state file ${name} has format ${format}; this version knows up to ${stateFormat}.`,
      )
    const length = head.readUInt32LE(8)
    if (length > headTextBytesMax) throw input.damaged('its head is too long')
    const blocks = readBlocks(input)
    const read = parseHead(await input.take(length), input)
    return { head: read, blocks, chunks: chunksOf(blocks, input), close: () => input.close() }
  } catch (error) {
    await input.close()
    throw error
  }
}

function parseHead(text: Buffer, input: Input): StateHead {
  let read: unknown
  try {
    read = JSON.parse(text.toString())
  } catch {
    throw input.damaged('its head cannot be read')
  }
  const isHead =
    isRecord(read) &&
    ['network', 'component', 'kind'].every((field) => typeof read[field] === 'string') &&
    ['incarnation', 'generation', 'instance'].every((field) => typeof read[field] === 'number')
  if (!isHead) throw input.damaged('its head lacks something')
  return read as StateHead
}

async function* readBlocks(input: Input): AsyncGenerator<StateBlock, void, undefined> {
  const damaged = (what: string): VertigoError => input.damaged(what)
  try {
    let last = 0
    let count = 0
    for (;;) {
      const head = await input.take(chunkHeadBytes)
      const section = head.readUInt16LE(0)
      const bytes = await input.take(head.readUInt32LE(4))
      if (section === endSection) {
        if (bytes.length !== 8 || bytes.readDoubleLE() !== count) throw damaged('entries are missing')
        await input.expectEnd()
        return
      }
      if (section < last || section > sectionMax) throw damaged(`section ${section} comes behind ${last}`)
      last = section
      const reader = new EntryReader(bytes)
      while (reader.next(damaged)) count++
      yield { section, bytes }
    }
  } finally {
    await input.close()
  }
}

async function* chunksOf(
  blocks: AsyncIterable<StateBlock>,
  input: Input,
): AsyncGenerator<{ readonly section: number; readonly entries: readonly StateEntry[] }, void, undefined> {
  for await (const { section, bytes } of blocks)
    yield { section, entries: readEntries(bytes, (what) => input.damaged(what)) }
}

/** Takes bytes off a stream in the lengths that are asked for. */
class Input {
  readonly #name: string
  readonly #pieces: AsyncIterator<Uint8Array>
  #rest: Buffer = Buffer.alloc(0)

  constructor(name: string, stream: AsyncIterable<Uint8Array>) {
    this.#name = name
    this.#pieces = stream[Symbol.asyncIterator]()
  }

  damaged(what: string): VertigoError {
    return new VertigoError('SNAPSHOT_FILE_DAMAGED', `The state file ${this.#name} is damaged: ${what}.`)
  }

  async take(count: number): Promise<Buffer> {
    const gathered = [this.#rest]
    let bytes = this.#rest.length
    while (bytes < count) {
      const next = await this.#pieces.next()
      if (next.done === true) throw this.damaged('it ends too early')
      const { buffer, byteOffset, byteLength } = next.value
      gathered.push(Buffer.from(buffer, byteOffset, byteLength))
      bytes += byteLength
    }
    const all = gathered.length === 1 ? this.#rest : Buffer.concat(gathered, bytes)
    this.#rest = all.subarray(count)
    return all.subarray(0, count)
  }

  /** Reads on, so that what verifies the whole of the file has its say. */
  async expectEnd(): Promise<void> {
    const isOver = this.#rest.length === 0 && (await this.#pieces.next()).done === true
    if (!isOver) throw this.damaged('something follows its end')
  }

  async close(): Promise<void> {
    await this.#pieces.return?.()
  }
}
