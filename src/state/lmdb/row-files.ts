import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import { VertigoError } from '../../base/errors.ts'
import { runWhole, type RunWhole } from '../../base/native-gate.ts'
import { Bytes } from './bytes.ts'

/**
 * The temporary database of one instance. What is in it is made anew from a snapshot after every failure, so nothing is synced, and its
 * files have no name: they are gone with the process, however that ends. They are in the folder for temporary files (`TMPDIR`).
 *
 * - RF-1 LMDB is called within `whole` only: the thread is not ended meanwhile (NG-1). Nothing is left open from one call to the next that
 *   LMDB cannot free by itself at the end of the thread: no transaction that writes, and no cursor.
 * - RF-2 Nothing is written beside the thread: such a write ends the process when its thread is ended before it.
 */

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

/** `whole`: for a thread that may be ended. Default: nobody ends it. Errors: STATE_DISK_FAILED. */
export function openRowFiles(place: string, parent = tmpdir(), whole: RunWhole = runWhole): RowFiles {
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
    return whole(() => openIn(parent, whole, failed))
  } catch (error) {
    throw failed(error)
  }
}

function openIn(parent: string, whole: RunWhole, failed: (error: unknown) => VertigoError): RowFiles {
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
  const [rows, first, second] = ['rows', 'marks-a', 'marks-b'].map(
    (name) =>
      new Bytes(root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' }), whole),
  )
  // It is open, and needs its names no more.
  rmSync(folder, { recursive: true, force: true })
  return {
    rows: rows!,
    marks: [first!, second!],
    write: writing(root, whole, failed),
    close: closing(root, whole),
  }
}

function writing(
  root: RootDatabase<Buffer, Buffer>,
  whole: RunWhole,
  failed: (error: unknown) => VertigoError,
): RowFiles['write'] {
  return (action) => {
    try {
      whole(() => root.transactionSync(action))
    } catch (error) {
      throw failed(error)
    }
  }
}

function closing(root: RootDatabase<Buffer, Buffer>, whole: RunWhole): () => void {
  let isClosed = false
  return () => {
    if (isClosed) return
    isClosed = true
    // At once, since there are no writes to wait for (RF-2). Nothing of it is needed any more, whatever becomes of it.
    whole(() => root.close()).catch(() => undefined)
  }
}
