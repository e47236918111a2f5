import { type Buffer as Bytes, isAscii } from 'node:buffer'

export type LineEncoding = 'utf8' | 'latin1'

export interface LineSplitterOptions {
  readonly encoding: LineEncoding
  readonly skipEmpty: boolean
  readonly maxLineBytes: number
  /** Where the first chunk stands in its file. Default: at the beginning. */
  readonly start?: { readonly bytes: number; readonly lines: number }
  /** Makes the error for a line above the limit; gets its 1-based number. */
  readonly tooLong: (line: number) => Error
}

const newline = 10
const carriageReturn = 13
const noBytes: Bytes = Buffer.alloc(0)

/**
 * Splits a stream of byte chunks into lines: at `\n`, without a `\r` before it. Works on bytes, so that characters cut
 * at a chunk's border need no care (no byte of a longer UTF-8 character is a `\n`). A byte order mark at the start of
 * UTF-8 is left out.
 *
 * Each line is decoded on its own. Decoding a whole chunk and cutting the string is three times as fast, but then a
 * component that keeps one short line keeps the whole chunk in memory, since the line is a view of it.
 */
export class LineSplitter {
  readonly #options: LineSplitterOptions
  readonly #encoding: LineEncoding
  #chunk = noBytes
  /** Of the chunk: one without other characters than ASCII is decoded as latin1, which is twice as fast. */
  #chunkEncoding: LineEncoding = 'latin1'
  #at = 0
  /** Bytes of the file before the chunk. */
  #before: number
  /** Copies of the pieces of a line that has not ended, since the reader uses its chunks again. */
  #pieces: Bytes[] = []
  #piecesBytes = 0
  #lines: number
  #fresh: boolean

  constructor(options: LineSplitterOptions) {
    this.#options = options
    this.#encoding = options.encoding
    const { start = { bytes: 0, lines: 0 } } = options
    this.#before = start.bytes
    this.#lines = start.lines
    this.#fresh = start.bytes === 0
  }

  /** Where the line begins that is taken next, in bytes from the beginning of the file. */
  get offset(): number {
    return this.#before + this.#at - this.#piecesBytes
  }

  /** Lines taken so far. */
  get lines(): number {
    return this.#lines
  }

  /** Gives the next chunk, once the one before is `exhausted`. The splitter reads it until it is exhausted again. */
  push(chunk: Uint8Array): void {
    this.#before += this.#chunk.length
    this.#chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    this.#chunkEncoding = isAscii(chunk) ? 'latin1' : this.#encoding
    this.#at = 0
  }

  /** True when everything of the chunk was taken. */
  get exhausted(): boolean {
    return this.#at >= this.#chunk.length
  }

  /** Sends up to `max` lines of the chunk to `out`, and gives their number. */
  take(max: number, out: (line: string) => void): number {
    const chunk = this.#chunk
    const encoding = this.#chunkEncoding
    const { skipEmpty, maxLineBytes } = this.#options
    let at = this.#at
    let sent = 0
    if (at < chunk.length && (this.#piecesBytes > 0 || this.#fresh)) {
      const end = chunk.indexOf(newline, at)
      if (end === -1) {
        this.#keep(chunk, at)
        return 0
      }
      at = end + 1
      sent += this.#sendWhole(chunk.subarray(this.#at, end), out)
    }
    while (sent < max && at < chunk.length) {
      const end = chunk.indexOf(newline, at)
      if (end === -1) {
        this.#keep(chunk, at)
        return sent
      }
      this.#lines++
      const stop = end > at && chunk[end - 1] === carriageReturn ? end - 1 : end
      if (end - at > maxLineBytes) {
        this.#at = at
        throw this.#options.tooLong(this.#lines)
      }
      if (stop > at) {
        out(chunk.toString(encoding, at, stop))
        sent++
      } else if (!skipEmpty) {
        out('')
        sent++
      }
      at = end + 1
    }
    this.#at = at
    return sent
  }

  /** Sends what stands behind the last line end, if anything does. The next chunk then begins a new file. */
  finish(out: (line: string) => void): number {
    const sent = this.#piecesBytes === 0 ? 0 : this.#sendWhole(noBytes, out, true)
    this.#fresh = true
    this.#lines = 0
    this.#before = 0
    this.#chunk = noBytes
    this.#at = 0
    return sent
  }

  #keep(chunk: Bytes, from: number): void {
    this.#at = chunk.length
    this.#piecesBytes += chunk.length - from
    if (this.#piecesBytes > this.#options.maxLineBytes) throw this.#options.tooLong(this.#lines + 1)
    this.#pieces.push(Buffer.from(chunk.subarray(from)))
  }

  /** A line of which pieces may be kept, or that may begin the file: the slow way, once per chunk. */
  #sendWhole(last: Bytes, out: (line: string) => void, unended = false): number {
    let line = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last])
    this.#pieces = []
    this.#piecesBytes = 0
    this.#lines++
    if (line.length > this.#options.maxLineBytes) throw this.#options.tooLong(this.#lines)
    if (this.#fresh) {
      this.#fresh = false
      if (this.#encoding === 'utf8' && line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf) {
        line = line.subarray(3)
        if (line.length === 0 && unended) return 0
      }
    }
    if (!unended && line[line.length - 1] === carriageReturn) line = line.subarray(0, -1)
    if (line.length === 0 && this.#options.skipEmpty) return 0
    out(line.toString(this.#encoding))
    return 1
  }
}
