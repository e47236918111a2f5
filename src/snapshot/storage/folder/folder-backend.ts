import { type FileHandle, link, open, rename, rmdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { removeFile, syncFolder } from '../../../base/durable-files.ts'
import { asError, isVertigoError, VertigoError } from '../../../base/errors.ts'
import { makeFolder } from '../../../base/make-folder.ts'
import type { Random } from '../../../base/random.ts'
import { exists, missing } from '../storage-errors.ts'
import type { Page, StorageBackend, WriteOptions } from '../storage.ts'
import { cleanIncoming, incomingFile, incomingName } from './incoming.ts'
import { walk } from './walk.ts'

export interface FolderStorageOptions {
  /** Made where it is missing. */
  readonly folder: string
  /** Whether the folder is seen by all machines (NFS and the like). Default false. */
  readonly isShared?: boolean
  readonly clock: Clock
  readonly random: Random
}

/** What a file is read into at a time; most are small, and memory that is asked for lets the collector come sooner, used or not. */
const firstReadBytes = 16 * 1024
const readBytes = 256 * 1024
/** Somebody may delete the last file of a folder, and so the folder, while another one is put there. */
const attemptsMax = 20
/** Folders that are known to be on the disk; each snapshot has a new one. */
const durableMax = 256

/** Objects as files of a folder; any number of processes may use it at the same time. */
export class FolderStorageBackend implements StorageBackend {
  readonly about: string
  readonly place: 'local' | 'shared'
  readonly isNear = true
  readonly #folder: string
  readonly #random: Random
  /** Folders whose names are on the disk. */
  readonly #durable = new Set<string>()

  private constructor(options: FolderStorageOptions) {
    this.#folder = resolve(options.folder)
    this.about = this.#folder
    this.place = options.isShared === true ? 'shared' : 'local'
    this.#random = options.random
  }

  /** Sees that files can be made, and deletes what dead processes have left. */
  static async open(options: FolderStorageOptions): Promise<FolderStorageBackend> {
    const backend = new FolderStorageBackend(options)
    const folder = backend.#folder
    try {
      await makeFolders(join(folder, incomingName))
      await cleanIncoming(folder, options.clock)
      const probe = incomingFile(folder, options.random)
      await (await open(probe, 'wx')).close()
      await removeFile(probe)
      return backend
    } catch (error) {
      throw folderError(folder, error)
    }
  }

  async write(
    name: string,
    content: AsyncIterable<Uint8Array>,
    { ifAbsent, signal }: WriteOptions,
  ): Promise<void> {
    const temporary = incomingFile(this.#folder, this.#random)
    const path = join(this.#folder, name)
    try {
      // Calls in a row, and waits for the disk, are most of what a small snapshot takes: what can be done at once is.
      const making = this.#makeFolders(dirname(path))
      // Whichever fails, the other one has ended as well then.
      await Promise.allSettled([making, this.#writeIncoming(temporary, content, signal)]).then(throwFirst)
      const made = await making
      signal.throwIfAborted()
      const again = await this.#place(temporary, path, ifAbsent)
      const unsynced = new Set([...made, ...again])
      const holding = [dirname(path), ...[...unsynced].map((folder) => dirname(folder))]
      await Promise.all([...holding.map(syncFolder), ifAbsent && removeFile(temporary)])
      this.#noteDurable(unsynced)
    } catch (error) {
      // Where this fails as well, whoever opens the folder when this process is no more deletes it: the first error says what is wrong.
      await removeFile(temporary).catch(() => undefined)
      if ((error as NodeJS.ErrnoException).code === 'EEXIST' && ifAbsent)
        throw exists(this.about, name, error)
      throw folderError(this.#folder, error)
    }
  }

  /** Whoever deletes the folder of a running network deletes that of incoming files as well. */
  async #writeIncoming(
    temporary: string,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    let file: FileHandle
    try {
      file = await open(temporary, 'wx')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      await makeFolders(dirname(temporary))
      file = await open(temporary, 'wx')
    }
    await writeSynced(file, content, signal)
  }

  async *read(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    let file: FileHandle | undefined
    try {
      file = await open(join(this.#folder, name), 'r')
      let bytes = Buffer.allocUnsafeSlow(firstReadBytes)
      for (let used = 0; ;) {
        signal.throwIfAborted()
        const { bytesRead } = await file.read(bytes, used, bytes.length - used, null)
        if (bytesRead === 0) return
        yield bytes.subarray(used, used + bytesRead)
        used += bytesRead
        if (used < bytes.length) continue
        bytes = Buffer.allocUnsafeSlow(readBytes)
        used = 0
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR') throw missing(this.about, name, error)
      throw folderError(this.#folder, error)
    } finally {
      await file?.close()
    }
  }

  async page(prefix: string, after: string, countMax: number, signal: AbortSignal): Promise<Page> {
    const names: string[] = []
    try {
      for await (const name of walk(this.#folder, prefix, after)) {
        signal.throwIfAborted()
        if (names.length === countMax) return { names, more: true }
        names.push(name)
      }
      return { names, more: false }
    } catch (error) {
      throw folderError(this.#folder, error)
    }
  }

  async delete(name: string): Promise<void> {
    try {
      await removeFile(join(this.#folder, name))
      await this.#removeEmpty(dirname(join(this.#folder, name)))
    } catch (error) {
      throw folderError(this.#folder, error)
    }
  }

  async close(): Promise<void> {}

  /**
   * Makes a folder, and gives those on the way to it whose names may not be on the disk: this one has not synced them. Who made them may
   * have ended before he did.
   */
  async #makeFolders(folder: string): Promise<readonly string[]> {
    if (this.#durable.has(folder)) return []
    const unsynced: string[] = []
    const uppermost = await makeFolder(folder).catch((error: NodeJS.ErrnoException) => {
      if (!isGone(error)) throw error
      // Somebody deletes what is empty: who gives the file its name makes it again.
      return undefined
    })
    // The folder of all was gone.
    if (uppermost !== undefined && !uppermost.startsWith(join(this.#folder, '/')))
      for (let at = this.#folder; at !== dirname(uppermost); at = dirname(at)) unsynced.push(at)
    for (let at = folder; at !== this.#folder && !this.#durable.has(at); at = dirname(at)) unsynced.push(at)
    return unsynced
  }

  #noteDurable(folders: Iterable<string>): void {
    if (this.#durable.size > durableMax) this.#durable.clear()
    for (const folder of folders) this.#durable.add(folder)
  }

  /**
   * Gives a file its name, in a folder that is made where it is missing; gives those that it made, whose names are not on the disk yet.
   */
  async #place(temporary: string, path: string, ifAbsent: boolean): Promise<readonly string[]> {
    let made: readonly string[] = []
    for (let attempt = 1; ; attempt++) {
      try {
        if (attempt > 1) {
          this.#durable.clear()
          made = await this.#makeFolders(dirname(path))
        }
        // A link fails where the name is taken; the file's other name is removed afterwards.
        if (ifAbsent) await link(temporary, path)
        else await rename(temporary, path)
        return made
      } catch (error) {
        if (!isGone(error as NodeJS.ErrnoException) || attempt === attemptsMax) throw error
      }
    }
  }

  async #removeEmpty(folder: string): Promise<void> {
    for (let path = folder; path !== this.#folder; path = dirname(path)) {
      try {
        await rmdir(path)
        this.#durable.delete(path)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR') return
        if (code !== 'ENOENT') throw error
      }
    }
  }
}

async function writeSynced(
  file: FileHandle,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const piece of content) {
      signal.throwIfAborted()
      for (let done = 0; done < piece.length;) {
        const { bytesWritten } = await file.write(piece, done, piece.length - done)
        done += bytesWritten
      }
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

async function makeFolders(folder: string): Promise<void> {
  const made = await makeFolder(folder)
  if (made === undefined) return
  for (let path = folder; path !== dirname(made); path = dirname(path)) await syncFolder(dirname(path))
}

/** Node tells of a folder that went while it made the ones below it as of one that is no folder. */
function isGone({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function throwFirst(settled: readonly PromiseSettledResult<unknown>[]): void {
  for (const one of settled) if (one.status === 'rejected') throw one.reason
}

const fullCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

function folderError(folder: string, thrown: unknown): Error {
  const cause = asError(thrown)
  const code = (cause as NodeJS.ErrnoException).code
  // What the caller's content threw, and the reason of its signal, are the caller's.
  if (isVertigoError(cause) || (cause as NodeJS.ErrnoException).syscall === undefined || code === undefined)
    return cause
  if (fullCodes.has(code))
    return new VertigoError(
      'SNAPSHOT_STORAGE_FULL',
      `There is no room for snapshots in ${folder}: ${cause.message}.`,
      {
        cause,
      },
    )
  return new VertigoError(
    'SNAPSHOT_STORAGE_UNWRITABLE',
    `Snapshots cannot be kept in ${folder}: ${cause.message}.`,
    {
      cause,
    },
  )
}
