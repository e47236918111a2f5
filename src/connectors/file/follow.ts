import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Cancel, Clock } from '../../base/clock.ts'
import { chunkBytes, PlainChunkReader } from './chunk-reader.ts'

/** What a following reader gives besides bytes: the file was truncated or replaced; a line cut there has ended. */
export const cut = Symbol('cut')

/**
 * Says when a file may have changed: at once where the operating system tells, and every `pollMs` otherwise (network
 * file systems tell nothing). Watches the folder, since a watch of the file itself would follow it when it is renamed.
 */
class ChangeWatch {
  #watcher: FSWatcher | undefined
  #cancelPoll: Cancel
  #changed = false
  #closed = false
  #wake: (() => void) | undefined

  constructor(path: string, clock: Clock, pollMs: number, watchFolder: typeof watch) {
    const name = basename(path)
    try {
      this.#watcher = watchFolder(dirname(path), { persistent: true }, (_event, changed) => {
        if (changed === null || changed === name) this.#notice()
      })
      this.#watcher.on('error', () => this.#stopWatching())
    } catch {
      // Where nothing can be watched (no inotify handles left, a file system without), the poll is enough.
    }
    this.#cancelPoll = clock.every(pollMs, () => this.#notice())
  }

  /** Settles when something may have changed since the last call, or after `close`. */
  wait(): Promise<void> {
    if (this.#changed || this.#closed) {
      this.#changed = false
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  close(): void {
    this.#closed = true
    this.#cancelPoll()
    this.#stopWatching()
    this.#notice()
  }

  #notice(): void {
    const wake = this.#wake
    this.#wake = undefined
    if (wake === undefined) this.#changed = true
    else wake()
  }

  #stopWatching(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }
}

/** Bytes before the position that are kept, to know the file again by. */
const tailBytes = 256

/**
 * Reads a file and then what is appended to it, as `tail -F` does.
 *
 * - Truncated (it is shorter than what was read): goes on at its start.
 * - Rotated (the path names another file): reads the old one to its end, then the new one. It changes over only once
 *   the new file has content: a writer goes on in the old file until it is told to open the new one.
 * - Gone: waits until the path names a file again.
 *
 * - Rewritten (it is longer, but the bytes before the position are others): goes on at its start.
 *
 * What cannot be noticed: a file that is rewritten between such a look and the read behind it, or in which the last 256
 * bytes read stand again at the same place.
 */
export class FollowingReader {
  readonly #path: string
  readonly #changes: ChangeWatch
  #file: PlainChunkReader
  #closed = false
  /** The last bytes that were read of the file. */
  #tail = Buffer.alloc(0)
  #wasAtEnd = false
  #busy: Promise<unknown> = Promise.resolve()

  private constructor(path: string, changes: ChangeWatch, file: PlainChunkReader) {
    this.#path = path
    this.#changes = changes
    this.#file = file
  }

  /** `watchFolder` stands in for a system that tells nothing of changes, in tests. */
  static async open(
    path: string,
    clock: Clock,
    pollMs: number,
    watchFolder: typeof watch = watch,
    position = 0,
  ): Promise<FollowingReader> {
    const file = await PlainChunkReader.open(path, position)
    return new FollowingReader(path, new ChangeWatch(path, clock, pollMs, watchFolder), file)
  }

  /** The next bytes, when there are some; `undefined` after `close` only. */
  next(): Promise<Uint8Array | typeof cut | undefined> {
    const result = this.#next()
    this.#busy = result.catch(() => undefined)
    return result
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#changes.close()
    await this.#busy
    await this.#file.close()
  }

  async #next(): Promise<Uint8Array | typeof cut | undefined> {
    while (!this.#closed) {
      if (this.#wasAtEnd && (await this.#isRewritten())) return this.#restart()
      const chunk = await this.#file.next()
      if (chunk !== undefined) return this.#read(chunk)
      const moved = await this.#look()
      if (moved === 'drain') {
        const rest = await this.#file.next()
        if (rest !== undefined) return this.#read(rest)
        if (await this.#changeOver()) return cut
      }
      if (moved === 'truncated') return this.#restart()
      if (!this.#closed) await this.#changes.wait()
    }
    return undefined
  }

  #read(chunk: Uint8Array): Uint8Array {
    // A whole chunk is followed by what was read ahead; after a shorter one some time may pass.
    this.#wasAtEnd = chunk.length < chunkBytes
    const last = chunk.subarray(-tailBytes)
    // Lines that come one by one would leave too little to know the file by.
    this.#tail = Buffer.concat([this.#tail, last]).subarray(-tailBytes)
    return chunk
  }

  #restart(): typeof cut {
    this.#file.restart()
    this.#tail = Buffer.alloc(0)
    this.#wasAtEnd = false
    return cut
  }

  /** Whether what stands before the position is no longer what was read there. */
  async #isRewritten(): Promise<boolean> {
    const tail = this.#tail
    const { handle, position } = this.#file
    if (tail.length === 0 || !(await handle.stat()).isFile()) return false
    const now = Buffer.alloc(tail.length)
    const { bytesRead } = await handle.read(now, 0, now.length, position - tail.length)
    // A shorter file has been truncated, which is seen at its end.
    return bytesRead === tail.length && !now.equals(tail)
  }

  /** Compares what is open with what the path names now. */
  async #look(): Promise<'same' | 'truncated' | 'drain'> {
    const open = await this.#file.handle.stat()
    const named = await stat(this.#path).catch(() => undefined)
    if (named !== undefined && (named.ino !== open.ino || named.dev !== open.dev) && named.size > 0)
      return 'drain'
    return open.isFile() && open.size < this.#file.position ? 'truncated' : 'same'
  }

  /** False where the new file has gone again meanwhile: then there is another to wait for. */
  async #changeOver(): Promise<boolean> {
    let next: PlainChunkReader
    try {
      next = await PlainChunkReader.open(this.#path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
    await this.#file.close()
    this.#file = next
    this.#tail = Buffer.alloc(0)
    this.#wasAtEnd = false
    return true
  }
}
