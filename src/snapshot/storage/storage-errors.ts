import { VertigoError } from '../../base/errors.ts'

export function missing(about: string, name: string, cause?: unknown): VertigoError {
  return new VertigoError('SNAPSHOT_FILE_MISSING', `There is no file ${name} in ${about}.`, { cause })
}

export function exists(about: string, name: string, cause?: unknown): VertigoError {
  return new VertigoError('SNAPSHOT_FILE_EXISTS', `There is a file ${name} in ${about} already.`, { cause })
}
