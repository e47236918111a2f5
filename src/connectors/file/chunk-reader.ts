import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

/** Reads bytes piece by piece. A piece is valid until the call after the next one. */
export interface ChunkReader {
  /** `undefined` at the end. Not to be called again before the promise has settled. */
  next(): Promise<Uint8Array | undefined>
  close(): Promise<void>
}

/**
 * Large enough that the cost of a read in libuv's threads (about 20 us) is small beside that of splitting, small
 * enough for the processor's cache.
 */
export const chunkBytes = 256 * 1024

/** Reads a file as it is, with one read ahead: while a chunk is split, the next one is being read. */
export class PlainChunkReader implements ChunkReader {
  readonly handle: FileHandle
  /** Pipes and devices have no positions. */
  readonly #positioned: boolean
  #buffers = [Buffer.allocUnsafeSlow(chunkBytes), Buffer.allocUnsafeSlow(chunkBytes)] as const
  #ahead: Promise<Uint8Array | Error> | undefined
  #position: number
  #closed = false

  private constructor(handle: FileHandle, positioned: boolean, position: number) {
    this.handle = handle
    this.#positioned = positioned
    this.#position = position
  }

  /** `position`: of the first byte that is read. */
  static async open(path: string, position = 0): Promise<PlainChunkReader> {
    const handle = await open(path, 'r')
    return new PlainChunkReader(handle, (await handle.stat()).isFile(), position)
  }

  /** Of the byte behind the last that `next` has given. */
  get position(): number {
    return this.#position
  }

  /** May be called again after the end: a file that grows then goes on. */
  async next(): Promise<Uint8Array | undefined> {
    const chunk = await (this.#ahead ?? this.#read(this.#position))
    this.#ahead = undefined
    if (chunk instanceof Error) throw chunk
    if (chunk.length === 0) return undefined
    this.#position += chunk.length
    // A short read is most often the end, where reading ahead would miss what is appended before the next call.
    if (chunk.length === chunkBytes && !this.#closed) this.#ahead = this.#read(this.#position)
    return chunk
  }

  /** Goes on at the start of the file, which was truncated. */
  restart(): void {
    this.#ahead = undefined
    this.#position = 0
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#ahead
    await this.handle.close()
  }

  /** Errors are results here, since nobody may be waiting for what is read ahead. */
  async #read(position: number): Promise<Uint8Array | Error> {
    const [buffer, other] = this.#buffers
    this.#buffers = [other, buffer]
    try {
      const { bytesRead } = await this.handle.read(buffer, 0, chunkBytes, this.#positioned ? position : null)
      return buffer.subarray(0, bytesRead)
    } catch (error) {
      return error as Error
    }
  }
}

/** Reads from a stream of bytes, without ending the stream when it is closed. */
export class StreamChunkReader implements ChunkReader {
  readonly #stream: Readable
  #failed: Error | undefined
  #ended = false
  #wake: (() => void) | undefined

  constructor(stream: Readable) {
    this.#stream = stream
    stream.on('readable', this.#onReadable)
    stream.on('end', this.#onEnd)
    stream.on('close', this.#onEnd)
    stream.on('error', this.#onError)
  }

  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.#failed !== undefined) throw this.#failed
      const chunk = this.#stream.read() as Uint8Array | string | null
      if (typeof chunk === 'string') return Buffer.from(chunk)
      if (chunk !== null) return chunk
      if (this.#ended) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** The listener for errors stays: an error of a stream nobody reads any more must not end the process. */
  close(): Promise<void> {
    this.#ended = true
    this.#stream.off('readable', this.#onReadable)
    this.#wakeUp()
    return Promise.resolve()
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  #onReadable = (): void => this.#wakeUp()
  #onEnd = (): void => {
    this.#ended = true
    this.#wakeUp()
  }
  #onError = (error: Error): void => {
    this.#failed = error
    this.#wakeUp()
  }
}

/** Reads the content of a gzip file; several members one after another are one content, as `gzip` has it. */
export class GzipChunkReader implements ChunkReader {
  readonly #file: Readable
  readonly #content: ReturnType<typeof createGunzip>
  readonly #chunks: StreamChunkReader

  constructor(path: string) {
    this.#file = createReadStream(path, { highWaterMark: chunkBytes })
    this.#content = createGunzip({ chunkSize: chunkBytes })
    this.#file.on('error', (error) => this.#content.destroy(error))
    this.#file.pipe(this.#content)
    this.#chunks = new StreamChunkReader(this.#content)
  }

  next(): Promise<Uint8Array | undefined> {
    return this.#chunks.next()
  }

  async close(): Promise<void> {
    await this.#chunks.close()
    this.#file.destroy()
    this.#content.destroy()
  }
}
