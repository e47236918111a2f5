import assert from 'node:assert/strict'
import type { ErrorCode } from '../../../../src/base/error-codes.ts'
import { isVertigoError } from '../../../../src/base/errors.ts'

export async function rejectsWithCode(
  promise: Promise<unknown>,
  code: ErrorCode,
  text: RegExp,
): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isVertigoError(error), `not an error of ours: ${String(error)}`)
    assert.equal(error.code, code)
    assert.match(error.message, text)
    return true
  })
}
