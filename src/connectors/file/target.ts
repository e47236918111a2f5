import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { makeFolder } from '../../base/make-folder.ts'
import { type FileUse, fileError, fileFault } from './errors.ts'
import { openPartial, writerOf } from './partial.ts'

/** Where a sink writes: a partial file that becomes the target at a clean end, or the target itself. */
export interface FileTarget {
  /** What is being written. */
  readonly writtenPath: string
  /** True for devices and pipes, which cannot be replaced by a renamed file. */
  readonly direct: boolean
  write(data: string | Uint8Array): Promise<void>
  /** Lets go of what was written, to begin anew. Only where it is not written directly. */
  clear(): Promise<void>
  /** A clean end: everything is on the disk and visible under the target's name. */
  complete(): Promise<void>
  /** Any other end. Without `keep`, the partial file is removed. Harmless after `complete`. */
  abandon(keep: boolean): Promise<void>
}

export interface TargetOptions {
  /** Begins with a copy of what the target holds. */
  readonly append?: boolean
  /** Refuses a target that is being written already, with TARGET_IN_USE. */
  readonly alone?: boolean
}

/** Opens a target; errors name what is wrong before anything is written. */
export async function openTarget(use: FileUse, options: TargetOptions = {}): Promise<FileTarget> {
  try {
    const there = await stat(use.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (there?.isDirectory() || /[/\\]$/.test(use.path)) {
      throw fileFault('FILE_IS_DIRECTORY', use, 'is a directory, not a file')
    }
    if (isStreamPath(use.path) || (there !== undefined && !there.isFile())) {
      return new OpenFile(use, await open(use.path, 'a'), use.path, undefined)
    }
    // A link keeps pointing to its file, which is the one to be replaced.
    const target = there === undefined ? resolve(use.path) : await realpath(use.path)
    const copy = options.append === true && there !== undefined
    const { handle, path } = await openPartial(target, there?.mode, copy)
    const opened = new OpenFile(use, handle, path, target)
    if (options.alone === true) await refuseSecond(use, opened, target)
    return opened
  } catch (error) {
    throw fileError(error, use)
  }
}

async function refuseSecond(use: FileUse, opened: OpenFile, target: string): Promise<void> {
  try {
    const writer = await writerOf(target, opened.writtenPath)
    if (writer === undefined) return
    const who = writer.pid === process.pid ? 'another run of this process' : `process ${writer.pid}`
    throw fileFault('TARGET_IN_USE', use, `is being written by ${who}, to ${writer.path}`)
  } catch (error) {
    await opened.abandon(false)
    throw error
  }
}

/**
 * What a target is to be known by: its real path, whatever links lead to it. Undefined for devices and pipes, which several
 * may write to.
 */
export async function targetId(path: string): Promise<string | undefined> {
  if (isStreamPath(path)) return undefined
  try {
    return (await stat(path)).isFile() ? await realpath(path) : undefined
  } catch {
    // It does not exist yet, as is usual; what is wrong with its folder is told when it is opened.
    const full = resolve(path)
    return realpath(dirname(full)).then(
      (folder) => join(folder, basename(full)),
      () => full,
    )
  }
}

/** `/dev/stdout` may be a regular file behind a shell's `>`, and is not to be replaced even then. */
function isStreamPath(path: string): boolean {
  return /^\/(dev|proc)\//.test(resolve(path))
}

class OpenFile implements FileTarget {
  readonly #use: FileUse
  readonly #handle: FileHandle
  /** Undefined for what is written directly. */
  readonly #target: string | undefined
  readonly writtenPath: string
  #state: 'open' | 'completed' | 'abandoned' = 'open'

  constructor(use: FileUse, handle: FileHandle, writtenPath: string, target: string | undefined) {
    this.#use = use
    this.#handle = handle
    this.writtenPath = writtenPath
    this.#target = target
  }

  get direct(): boolean {
    return this.#target === undefined
  }

  async write(data: string | Uint8Array): Promise<void> {
    try {
      await this.#handle.writeFile(data)
    } catch (error) {
      throw fileError(error, this.#use)
    }
  }

  async clear(): Promise<void> {
    try {
      await this.#handle.truncate(0)
    } catch (error) {
      throw fileError(error, this.#use)
    }
  }

  async complete(): Promise<void> {
    if (this.#state !== 'open') return
    try {
      if (this.#target !== undefined) {
        await this.#handle.sync()
        await this.#handle.close()
        await rename(this.writtenPath, this.#target)
        await syncDirectory(dirname(this.#target))
      } else {
        await this.#handle.close()
      }
      this.#state = 'completed'
    } catch (error) {
      throw fileError(error, this.#use)
    }
  }

  async abandon(keep: boolean): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = 'abandoned'
    await this.#handle.close().catch(() => undefined)
    if (this.#target !== undefined && !keep) await rm(this.writtenPath, { force: true })
  }
}

/** Makes the new name last through a power failure. File systems that cannot sync a directory have nothing to lose. */
async function syncDirectory(path: string): Promise<void> {
  try {
    const handle = await open(path, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch {
    // The file itself is on the disk; only the instant of its new name is not.
  }
}

/** Creates a folder with those above it; nothing happens where it is there. */
export async function makeDirectory(path: string, use: FileUse): Promise<void> {
  try {
    await makeFolder(path)
  } catch (error) {
    throw fileError(error, use)
  }
}
