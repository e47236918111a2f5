import type { ChunkReader } from './chunk-reader.ts'
import { cut } from './follow.ts'
import { headBytesMax, type LinePosition, startOfFile } from './line-position.ts'
import { LineSplitter, type LineSplitterOptions } from './line-splitter.ts'

/** A reader of chunks that may also say that the line before has ended without a line end. */
export interface LineSource {
  next(): Promise<Uint8Array | typeof cut | undefined>
  close(): Promise<void>
}

/**
 * The lines of one reader. Lines of a chunk that is there are taken synchronously; when there are none, it fetches the
 * next chunk by itself and calls `wake` once it has it, or the end, or an error (which the next `take` throws).
 */
export class LineStream {
  readonly #source: LineSource | ChunkReader
  readonly #splitter: LineSplitter
  readonly #wake: () => void
  readonly #explain: (error: unknown) => Error
  #fetching = false
  #cut = false
  #ended = false
  #done = false
  #closed = false
  #failed: Error | undefined
  /** The first bytes of the file. */
  #head: Uint8Array
  /** Bytes of it that have come. */
  #bytes: number

  constructor(options: {
    readonly source: LineSource | ChunkReader
    readonly splitter: Omit<LineSplitterOptions, 'start'>
    /** Of the first byte that `source` gives. Default: the beginning. */
    readonly start?: LinePosition
    readonly wake: () => void
    readonly explain: (error: unknown) => Error
  }) {
    this.#source = options.source
    const { start = startOfFile } = options
    this.#splitter = new LineSplitter({ ...options.splitter, start })
    this.#head = start.head
    this.#bytes = start.bytes
    this.#wake = options.wake
    this.#explain = options.explain
  }

  /** True after the last line was taken. */
  get done(): boolean {
    return this.#done
  }

  /** All lines before it were taken. */
  get position(): LinePosition {
    const bytes = this.#done ? this.#bytes : this.#splitter.offset
    const head = this.#head.slice(0, bytes)
    return { bytes, lines: this.#splitter.lines, head, done: this.#done }
  }

  /** Sends up to `max` lines, without waiting, and gives their number. */
  take(max: number, out: (line: string) => void): number {
    if (this.#failed !== undefined) throw this.#failed
    const splitter = this.#splitter
    const sent = splitter.take(max, out)
    if (sent > 0 || !splitter.exhausted || this.#fetching || this.#done || this.#closed) return sent
    if (this.#cut || this.#ended) {
      this.#done = this.#ended
      if (this.#cut) this.#beginAnew()
      const last = splitter.finish(out)
      if (last > 0 || this.#done) return last
    }
    this.#fetch()
    return 0
  }

  close(): Promise<void> {
    this.#closed = true
    return this.#source.close()
  }

  /** What comes now is of another file, or of the same one, which was emptied. */
  #beginAnew(): void {
    this.#cut = false
    this.#head = startOfFile.head
    this.#bytes = 0
  }

  #push(chunk: Uint8Array): void {
    this.#bytes += chunk.length
    const missing = headBytesMax - this.#head.length
    if (missing > 0) this.#head = Buffer.concat([this.#head, chunk.subarray(0, missing)])
    this.#splitter.push(chunk)
  }

  #fetch(): void {
    this.#fetching = true
    this.#source.next().then(
      (chunk) => {
        this.#fetching = false
        if (chunk === undefined) this.#ended = true
        else if (chunk === cut) this.#cut = true
        else this.#push(chunk)
        this.#wake()
      },
      (error: unknown) => {
        this.#fetching = false
        this.#failed = this.#explain(error)
        this.#wake()
      },
    )
  }
}

/** What a source hands out while it has nothing: one promise at a time, settled by `wake`. */
export class Waiting {
  #resolve: ((result: 'more') => void) | undefined

  /** Only when nothing is there and something will call `wake`. */
  wait(): Promise<'more'> {
    return new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  wake = (): void => {
    const resolve = this.#resolve
    this.#resolve = undefined
    resolve?.('more')
  }
}
