import { statfsSync } from 'node:fs'
import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import { placeError } from './place.ts'

/** What the largest transaction may need. */
const roomBytesMin = 4 * 1024 ** 2

/** A write that was cut short comes as EIO; that the disk is full can only be seen from the disk. */
function isFull(folder: string, code: number): boolean {
  if (fullCodes.has(code)) return true
  if (code !== 5) return false
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize < roomBytesMin
}

/** LMDB's own codes (lmdb.h). */
const panicCode = -30795
const corruptCodes: ReadonlySet<number> = new Set([-30797, -30796, panicCode, -30794, -30793, -30784])
const fullCodes: ReadonlySet<number> = new Set([-30792, 28, 122, 27])
const readOnlyCode = 30

/** Whether LMDB, which failed to commit with that, writes nothing any more as long as the database is open. */
export function isGivenUp(error: unknown): boolean {
  const code: unknown = (error as { readonly code?: unknown } | undefined)?.code
  return code === readOnlyCode || code === panicCode
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
