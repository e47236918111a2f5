import { Buffer } from 'node:buffer'
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { VertigoError } from '../../base/errors.ts'
import { dataFileFault, headBytes, neededBytes } from '../../base/lmdb-file.ts'
import { checkPlace, placeError } from './place.ts'

/**
 * The folder of a store: what is in it, and whether it is one. The marker is the first thing written into it; whoever dies
 * while writing it leaves one that is empty, which the next one completes.
 */

export const formatVersion = 1
const markerName = 'vertigo-store.json'
/** In the root of each volume that was made as ext4: a volume of its own for a store is empty all the same. */
const volumeName = 'lost+found'
const marker = `${JSON.stringify({ vertigo: 'store', format: formatVersion })}\n`

/**
 * Makes the folder a store, or sees that it is one; gives its real path. Throws `STORE_FOREIGN`, `STORE_FORMAT_NEWER`,
 * `STORE_PLACE_UNFIT`, `STORE_FULL`, `STORE_CORRUPT`, having written nothing.
 */
export function prepareFolder(path: string): string {
  const folder = resolve(path)
  try {
    checkPlace(isThere(folder) ? realpathSync(folder) : realpathSync(dirname(folder)))
    if (!isThere(folder)) makeFolder(folder)
    const real = realpathSync(folder)
    const names = readdirSync(real)
    if (names.includes(markerName)) checkMarker(join(real, markerName))
    else if (names.some((name) => name !== volumeName)) throw foreign(real)
    accessSync(real, constants.R_OK | constants.W_OK | constants.X_OK)
    writeMarker(real)
    checkDataFile(join(real, 'data.mdb'))
    return real
  } catch (error) {
    throw placeError(folder, error)
  }
}

/** Whether somebody has made the folder a store, or begun to. */
export function holdsStore(path: string): boolean {
  return isThere(join(resolve(path), markerName))
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

function makeFolder(folder: string): void {
  accessSync(dirname(folder), constants.W_OK)
  try {
    mkdirSync(folder)
  } catch (error) {
    // Somebody else has just made it.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  syncFolder(dirname(folder))
}

function foreign(what: string): VertigoError {
  return new VertigoError('STORE_FOREIGN', `${what} holds something, but no store of Vertigo.`)
}

function checkMarker(file: string): void {
  const text = readFileSync(file, 'utf8')
  if (text === '') return
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch (error) {
    throw new VertigoError('STORE_CORRUPT', `The marker of the store, ${file}, is damaged.`, { cause: error })
  }
  const { vertigo, format } = (read ?? {}) as { readonly vertigo?: unknown; readonly format?: unknown }
  if (vertigo !== 'store' || typeof format !== 'number') throw foreign(dirname(file))
  if (format > formatVersion)
    throw new VertigoError(
      'STORE_FORMAT_NEWER',
      `The store in ${dirname(file)} has format ${format}; this version knows up to ${formatVersion}.`,
    )
}

function writeMarker(folder: string): void {
  const file = join(folder, markerName)
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0) return
  // Whoever else does this at the same time writes the same.
  const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT)
  try {
    writeSync(fd, marker, 0)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  syncFolder(folder)
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/**
 * LMDB maps its file and believes it: a head that is not its own, or a tree that begins behind the file's end, would end the
 * process by a signal.
 */
export function checkDataFile(file: string): { readonly isShort: boolean } {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) return { isShort: false }
  const head = Buffer.alloc(headBytes)
  const fd = openSync(file, 'r')
  let read: number
  let size: number
  try {
    read = readSync(fd, head, 0, headBytes, 0)
    // Asked for last: other processes may let it grow meanwhile.
    size = fstatSync(fd).size
  } finally {
    closeSync(fd)
  }
  const fault = dataFileFault(head.subarray(0, read), size)
  if (fault !== undefined)
    throw new VertigoError('STORE_CORRUPT', `The database ${file} is damaged: ${fault}.`)
  return { isShort: size < neededBytes(head) }
}
