import assert from 'node:assert/strict'
import type { ErrorCode } from '../../../src/base/error-codes.ts'
import { isVertigoError, type VertigoError } from '../../../src/base/errors.ts'

/** Asserts that the promise rejects with a `VertigoError` of this code, whose message matches. */
export async function rejectsWith(
  promise: Promise<unknown>,
  code: ErrorCode,
  message: RegExp = /./,
): Promise<VertigoError> {
  try {
    await promise
  } catch (error) {
    return isCode(error, code, message)
  }
  assert.fail(`${code} was expected, but nothing failed`)
}

/** The same for what is thrown at once. */
export function throwsWith(action: () => unknown, code: ErrorCode, message: RegExp = /./): VertigoError {
  try {
    action()
  } catch (error) {
    return isCode(error, code, message)
  }
  assert.fail(`${code} was expected, but nothing failed`)
}

function isCode(error: unknown, code: ErrorCode, message: RegExp): VertigoError {
  if (!isVertigoError(error) || error.code !== code) throw error
  assert.match(error.message, message)
  return error
}
