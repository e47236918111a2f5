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
