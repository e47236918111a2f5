import type { ErrorCode } from '../../src/base/error-codes.ts'
import { isVertigoError } from '../../src/base/errors.ts'

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
