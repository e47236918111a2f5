import type { SourcePosition } from '../../component/index.ts'
import type { ChunkReader, PlainChunkReader } from './chunk-reader.ts'
import type { cut } from './follow.ts'
import { type FileUse, fileFault } from './errors.ts'

/** How far a file has been read, and by what it is known again. Of the content, where the file is compressed. */
export interface LinePosition {
  /** Where the next line begins. */
  readonly bytes: number
  /** Before it. */
  readonly lines: number
  /** The first bytes of the file; as many as have been read, up to `headBytesMax`. */
  readonly head: Uint8Array
  readonly done: boolean
}

export const headBytesMax = 256
const version = 1

export const startOfFile: LinePosition = { bytes: 0, lines: 0, head: new Uint8Array(0), done: false }

export function asSourcePosition(position: LinePosition): SourcePosition {
  return { version, position }
}

/** Errors: SOURCE_POSITION_LOST where it is of another form. */
export function asLinePosition(given: SourcePosition, use: FileUse): LinePosition {
  const position = given.position as Partial<LinePosition> | null
  if (
    given.version !== version ||
    typeof position?.bytes !== 'number' ||
    !(position.head instanceof Uint8Array)
  )
    throw fileFault('SOURCE_POSITION_LOST', use, 'was read by another version of this source')
  return position as LinePosition
}

/** Compares the beginning of what the file holds now with what was read. Errors: SOURCE_POSITION_LOST */
export async function checkHead(reader: ChunkReader, { head }: LinePosition, use: FileUse): Promise<void> {
  let found = Buffer.alloc(0)
  while (found.length < head.length) {
    const chunk = await reader.next()
    if (chunk === undefined) break
    found = Buffer.concat([found, chunk.subarray(0, head.length - found.length)])
  }
  if (!found.equals(head))
    throw fileFault('SOURCE_POSITION_LOST', use, 'does not begin as it did: it is another file')
}

/** Errors: SOURCE_POSITION_LOST */
export async function checkLength(
  file: PlainChunkReader,
  { bytes }: LinePosition,
  use: FileUse,
): Promise<void> {
  const { size } = await file.handle.stat()
  if (size < bytes) throw shorter(use)
}

function shorter(use: FileUse): Error {
  return fileFault('SOURCE_POSITION_LOST', use, 'is shorter than what was read of it')
}

type Next = Uint8Array | typeof cut | undefined

/** Leaves out the first bytes of what another one reads. Errors: SOURCE_POSITION_LOST where there are not as many. */
export class SkippingReader {
  readonly #reader: { next(): Promise<Next>; close(): Promise<void> }
  readonly #use: FileUse
  #left: number

  constructor(reader: { next(): Promise<Next>; close(): Promise<void> }, bytes: number, use: FileUse) {
    this.#reader = reader
    this.#left = bytes
    this.#use = use
  }

  async next(): Promise<Next> {
    for (;;) {
      const chunk = await this.#reader.next()
      if (this.#left === 0 || typeof chunk === 'symbol') return chunk
      if (chunk === undefined) throw shorter(this.#use)
      const skipped = Math.min(this.#left, chunk.length)
      this.#left -= skipped
      if (skipped < chunk.length) return chunk.subarray(skipped)
    }
  }

  close(): Promise<void> {
    return this.#reader.close()
  }
}
