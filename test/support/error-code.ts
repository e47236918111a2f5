import type { ErrorCode } from '../../src/base/error-codes.ts'
import { isVertigoError, type VertigoError } from '../../src/base/errors.ts'

/** The code by which a promise is rejected; what else it comes to as text. */
export async function errorCode(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no error'
  } catch (error) {
    return isVertigoError(error) ? error.code : String(error)
  }
}

/** A check for `assert.rejects`: the code, and a piece of the message. */
export function hasCode(code: ErrorCode, says = ''): (error: unknown) => boolean {
  return (error) => isVertigoError(error) && error.code === code && error.message.includes(says)
}

/** What a promise is rejected with; an error where it is not. */
export async function failure(promise: Promise<unknown>): Promise<VertigoError> {
  try {
    await promise
  } catch (error) {
    return error as VertigoError
  }
  throw new Error('it should have failed')
}
