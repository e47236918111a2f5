import { statfsSync } from 'node:fs'
import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import { placeError, unfit } from './place.ts'

/** What the largest transaction may need. */
const roomBytesMin = 4 * 1024 ** 2

/** A write that was cut short comes as EIO; that the disk is full can only be seen from the disk. */
function isFull(folder: string, code: number): boolean {
  if (fullCodes.has(code)) return true
  if (code !== brokenCode) return false
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize < roomBytesMin
}

/** LMDB's own codes (lmdb.h). */
const corruptCodes: ReadonlySet<number> = new Set([-30797, -30796, -30795, -30794, -30793, -30784])
const fullCodes: ReadonlySet<number> = new Set([-30792, 28, 122, 27])
const readOnlyCode = 30
const brokenCode = 5

const refusedRemedy =
  'See in the log of the system what is wrong with the disk, make it writable again, and start the node again: it does not use this store any more.'

/**
 * What all later calls are told, where LMDB met a disk that refuses what it writes; undefined where it may be called again. When that was the page
 * which describes the database, it begins no transaction any more, and its binding neither does the next call nor says so; and it may
 * have written behind its memory.
 */
export function refusalOf(folder: string, failed: unknown): Error | undefined {
  const { code, message } = asError(failed) as Error & { readonly code?: unknown }
  if (code !== readOnlyCode && (code !== brokenCode || isFull(folder, code))) return undefined
  return unfit(`A store cannot be kept in ${folder}: ${message}.`, failed, refusedRemedy)
}

/** An error of LMDB, as what it means to who uses the store; undefined where that is not known. */
export function knownDatabaseError(folder: string, thrown: unknown): Error | undefined {
  const error = asError(thrown)
  if (isVertigoError(error)) return error
  const code: unknown = (error as { readonly code?: unknown }).code
  if (typeof code !== 'number') {
    const placed = placeError(folder, error)
    return isVertigoError(placed) ? placed : undefined
  }
  if (corruptCodes.has(code))
    return new VertigoError('STORE_CORRUPT', `The database in ${folder} is damaged: ${error.message}.`, {
      cause: error,
    })
  if (isFull(folder, code))
    return new VertigoError('STORE_FULL', `There is no room for the store in ${folder}: ${error.message}.`, {
      cause: error,
    })
  if (code === readOnlyCode)
    return placeError(folder, Object.assign(new Error(error.message), { code: 'EROFS' })) as Error
  return undefined
}

/** What made a commit fail; LMDB's binding tells it by a second promise. */
export async function causeOf(thrown: unknown): Promise<unknown> {
  const { commitError } = (thrown ?? {}) as { readonly commitError?: unknown }
  if (!(commitError instanceof Promise)) return thrown
  return commitError.then(
    () => thrown,
    (error: unknown) => error,
  )
}
