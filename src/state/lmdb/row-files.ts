import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import { asError, VertigoError } from '../../base/errors.ts'
import { DataRoom } from '../../base/lmdb-file.ts'
import { runWhole, type RunWhole } from '../../base/native-gate.ts'
import { Bytes } from './bytes.ts'

/**
 * The temporary database of one instance. What is in it is made anew from a snapshot after every failure, so nothing is synced, and its
 * files have no name: they are gone with the process, however that ends. They are in the folder for temporary files (`TMPDIR`).
 *
 * - RF-1 LMDB is called within `whole` only: the thread is not ended meanwhile (NG-1). Nothing is left open from one call to the next that
 *   LMDB cannot free by itself at the end of the thread: no transaction that writes, and no cursor.
 * - RF-2 Nothing is written beside the thread: such a write ends the process when its thread is ended before it.
 * - RF-3 LMDB is not opened where there is no room: it ends the process then. Its lock file is mapped before it has a place on the disk
 *   (SIGBUS), and what could not be opened is let go twice (SIGSEGV).
 * - RF-4 Nor does it write where there is no room, or to a disk that refuses it (`DataRoom`). How many pages a transaction takes is not known
 *   before, so each has few entries: what is large is written in several.
 */

export interface RowFiles {
  readonly rows: Bytes
  /** Which rows have changed: of now, and of the capture before. */
  readonly marks: readonly [Bytes, Bytes]
  /**
   * All of it in one transaction: at most `entriesMax` entries of rows and of one book, with values of `bytes` together. Errors: STATE_DISK_FAILED;
   * nothing has changed then.
   */
  write(bytes: number, action: () => void): void
  close(): void
}

/** Virtual memory: what the state of an instance may have on the disk. */
const mapBytes = 64 * 1024 ** 3
const databasesMax = 3
/** As LMDB tells errors of the system. */
const [eio, enospc, edquot] = [5, 28, 122]
/** Captures that are read while the state goes on, and what is read meanwhile. */
const readersMax = 16

/** Of one transaction, in each of the databases. */
export const entriesMax = 64
/**
 * Room for one: of each entry the page that it is in and one into which that is split, in rows and in one book of marks, and the pages above
 * them; a record of what has become free; twice of it, since this is an estimate.
 */
const writeBytes = 2 * 1024 ** 2
/** A value that is larger than a page takes whole pages. */
const copies = 2

/** Zeros, of which LMDB makes locks and a table for more than the readers above. */
const lockFileBytes = 8 * 1024
/** What opening and the first rows need; and where less is left, a write that was cut short was so for that. */
const roomBytesMin = 256 * 1024

/** `whole`: for a thread that may be ended. Default: nobody ends it. Errors: STATE_DISK_FAILED. */
export function openRowFiles(place: string, parent = tmpdir(), whole: RunWhole = runWhole): RowFiles {
  const failed = (error: unknown): VertigoError => {
    const why = isFull(parent, error) ? `there is no room left: ${asError(error).message}` : String(error)
    return new VertigoError(
      'STATE_DISK_FAILED',
      `The state of ${place} cannot be kept in ${parent}: ${why}`,
      {
        cause: error,
        place: { component: place },
      },
    )
  }
  try {
    return whole(() => openIn(parent, whole, failed))
  } catch (error) {
    throw failed(error)
  }
}

function openIn(parent: string, whole: RunWhole, failed: (error: unknown) => VertigoError): RowFiles {
  const folder = mkdtempSync(join(parent, 'vertigo-state-'))
  try {
    makeRoom(folder)
    const root = open<Buffer, Buffer>({
      path: folder,
      noSubdir: false,
      noSync: true,
      noMetaSync: true,
      overlappingSync: false,
      eventTurnBatching: false,
      cache: false,
      mapSize: mapBytes,
      maxDbs: databasesMax,
      maxReaders: readersMax,
      encoding: 'binary',
      keyEncoding: 'binary',
    })
    const data: DataFile = { fd: undefined }
    const close = closing(root, data, whole)
    try {
      data.fd = openSync(join(folder, 'data.mdb'), 'r+')
      const [rows, ...marks] = ['rows', 'marks-a', 'marks-b'].map(
        (name) =>
          new Bytes(root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' }), whole),
      )
      return { rows: rows!, marks: [marks[0]!, marks[1]!], write: writing(root, data, whole, failed), close }
    } catch (error) {
      close()
      throw error
    }
  } finally {
    // Where it is open, it needs its names no more.
    rmSync(folder, { recursive: true, force: true })
  }
}

/** RF-3 */
function makeRoom(folder: string): void {
  writeFileSync(join(folder, 'lock.mdb'), Buffer.alloc(lockFileBytes))
  const room = join(folder, 'room')
  writeFileSync(room, Buffer.alloc(roomBytesMin))
  rmSync(room)
}

/** A write that was cut short comes as EIO; that the disk is full can only be seen from the disk. */
function isFull(folder: string, thrown: unknown): boolean {
  const { code } = asError(thrown) as { readonly code?: unknown }
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === enospc || code === edquot) return true
  if (code !== eio) return false
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize < roomBytesMin
}

function writing(
  root: RootDatabase<Buffer, Buffer>,
  data: DataFile,
  whole: RunWhole,
  failed: (error: unknown) => VertigoError,
): RowFiles['write'] {
  const file = new DataRoom(data.fd!)
  return (bytes, action) => {
    try {
      // Its number may be that of another file by now.
      if (data.fd === undefined) throw new Error('it is closed')
      file.ensure(writeBytes + copies * bytes)
      whole(() => root.transactionSync(action))
    } catch (error) {
      throw failed(error)
    }
  }
}

/** The database's own, opened once more; undefined where it is closed. */
interface DataFile {
  fd: number | undefined
}

function closing(root: RootDatabase<Buffer, Buffer>, data: DataFile, whole: RunWhole): () => void {
  let isClosed = false
  return () => {
    if (isClosed) return
    isClosed = true
    if (data.fd !== undefined) closeSync(data.fd)
    data.fd = undefined
    // At once, since there are no writes to wait for (RF-2). Nothing of it is needed any more, whatever becomes of it.
    whole(() => root.close()).catch(() => undefined)
  }
}
