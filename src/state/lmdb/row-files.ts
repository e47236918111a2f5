import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { VertigoError } from '../../base/errors.ts'

/**
 * The temporary database of one instance. What is in it is made anew from a snapshot after every failure, so nothing is synced, and its
 * files have no name: they are gone with the process, however that ends. They are in the folder for temporary files (`TMPDIR`).
 */

export type Bytes = Database<Buffer, Buffer>

export interface RowFiles {
  readonly rows: Bytes
  /** Which rows have changed: of now, and of the capture before. */
  readonly marks: readonly [Bytes, Bytes]
  /** All of it in one transaction. Errors: STATE_DISK_FAILED. */
  write(action: () => void): void
  close(): void
}

/** Virtual memory: what the state of an instance may have on the disk. */
const mapBytes = 64 * 1024 ** 3
const databasesMax = 3
/** Captures that are read while the state goes on, and what is read meanwhile. */
const readersMax = 16

/** Errors: STATE_DISK_FAILED. */
export function openRowFiles(place: string, parent = tmpdir()): RowFiles {
  const failed = (error: unknown): VertigoError =>
    new VertigoError(
      'STATE_DISK_FAILED',
      `The state of ${place} cannot be kept in ${parent}: ${String(error)}`,
      {
        cause: error,
        place: { component: place },
      },
    )
  try {
    const folder = mkdtempSync(join(parent, 'vertigo-state-'))
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
    const [rows, first, second] = ['rows', 'marks-a', 'marks-b'].map((name) =>
      root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' }),
    )
    // It is open, and needs its names no more.
    rmSync(folder, { recursive: true, force: true })
    return { rows: rows!, marks: [first!, second!], write: writing(root, failed), close: closing(root) }
  } catch (error) {
    throw failed(error)
  }
}

function writing(
  root: RootDatabase<Buffer, Buffer>,
  failed: (error: unknown) => VertigoError,
): RowFiles['write'] {
  return (action) => {
    try {
      root.transactionSync(action)
    } catch (error) {
      throw failed(error)
    }
  }
}

function closing(root: RootDatabase<Buffer, Buffer>): () => void {
  let isClosed = false
  return () => {
    if (isClosed) return
    isClosed = true
    // Nothing of it is needed any more, whatever becomes of it.
    root.close().catch(() => undefined)
  }
}
