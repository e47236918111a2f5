import { Buffer } from 'node:buffer'
import { closeSync, existsSync, openSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DataRoom } from '../../base/lmdb-file.ts'
import { placeError, removeFile } from './place.ts'

/**
 * Room on the disk that the data file has already, behind the last page that LMDB has ever used. LMDB does not survive a disk that
 * refuses what it writes: its binding writes the message behind the memory that it has for it, and lets go twice of what could not be opened;
 * and it maps a lock file that has no place on the disk yet. Each of them ends the process (SIGABRT, SIGSEGV, SIGBUS).
 *
 * - SR-1 Before LMDB writes, the file has room for it, and a byte of that room was written: a disk that is full, or read-only, is noticed by
 *   a call that may fail. The byte is written again right before the commit: a disk that becomes read-only within it is one that LMDB meets.
 * - SR-2 Only who holds the lock of writers writes to it, and only behind the last page of the last commit, where nobody reads.
 * - SR-3 What only renews and deletes may use the last of it: nodes live on, and there can be room again. Small records may use more of it than
 *   others, so that it can be told why those are refused.
 * - SR-4 What is replaced or deleted is kept in the history where there is room for it beside all that.
 */

/** For what renews and deletes: some paths of pages. */
const restBytes = 64 * 1024
/** For small records, beside that; and what is kept of it for both from everything else. */
const [smallBytesMax, smallKeptBytes, keptBytes] = [1024, 96 * 1024, 192 * 1024]
/** A value is in its record and in the history, beside the page that it shares with others. */
const copies = 3
/** Times its bytes: what a value of a page and a byte takes. */
const wholePages = 2
/** What a new database and its first pages take. */
const newBytes = 256 * 1024
/** LMDB's head and a place for each of its readers (`readersMax`), as whole pages. */
const lockFileBytes = 68 * 1024

export class SpareRoom {
  private readonly folder: string
  private readonly fd: number
  private readonly file: DataRoom
  /** Of the file: what is used, and what was asked for beside that. */
  private taken = 0
  private size = 0

  /** Of a database that is open. */
  constructor(folder: string) {
    this.folder = folder
    this.fd = openSync(join(folder, 'data.mdb'), 'r+')
    this.file = new DataRoom(this.fd)
  }

  /** `bytes`: what is put. Errors: STORE_FULL, STORE_PLACE_UNFIT; nothing has changed then. Called with the lock of writers (SR-2). */
  ensure(bytes: number): void {
    const need = neededFor(bytes)
    try {
      const { used, size } = this.file.ensure(need)
      this.taken = used + need
      this.size = size
    } catch (error) {
      throw placeError(this.folder, error)
    }
  }

  /** SR-4: whether so many bytes of values from before can be kept, beside what `ensure` was asked for. Under the same lock. */
  keeps(bytes: number): boolean {
    const wanted = this.taken + wholePages * bytes
    try {
      if (this.size < wanted) this.size = this.file.grow(wanted)
    } catch (error) {
      throw placeError(this.folder, error)
    }
    return this.size >= wanted
  }

  /** SR-1, right before the commit. Errors: as `ensure`. Under the same lock as `ensure`. */
  check(): void {
    try {
      this.file.probe(this.size)
    } catch (error) {
      throw placeError(this.folder, error)
    }
  }

  close(): void {
    closeSync(this.fd)
  }
}

function neededFor(bytes: number): number {
  if (bytes === 0) return restBytes
  return (bytes <= smallBytesMax ? smallKeptBytes : keptBytes) + copies * bytes
}

/** SR-1, for the opening. With the turn to open. Errors: those of the file system. */
export function makeRoomToOpen(folder: string): void {
  const lockFile = join(folder, 'lock.mdb')
  if (!existsSync(lockFile)) makeLockFile(lockFile)
  if ((statSync(join(folder, 'data.mdb'), { throwIfNoEntry: false })?.size ?? 0) > 0) return
  const room = join(folder, 'room')
  writeFileSync(room, Buffer.alloc(newBytes))
  removeFile(room)
}

/** Whole, or not at all: one without a place on the disk would be taken for one that has it. */
function makeLockFile(path: string): void {
  try {
    writeFileSync(path, Buffer.alloc(lockFileBytes))
  } catch (error) {
    removeFile(path)
    throw error
  }
}
