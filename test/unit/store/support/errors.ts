import type { ErrorCode } from '../../../../src/base/error-codes.ts'
import { isVertigoError } from '../../../../src/base/errors.ts'

/** For `assert.rejects`: an error of this code, whose message matches. */
export function hasCode(code: ErrorCode, message: RegExp = /./): (error: unknown) => boolean {
  return (error) => isVertigoError(error) && error.code === code && message.test(error.message)
}
