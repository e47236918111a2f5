import { resolve } from 'node:path'
import type { ErrorCode } from '../../base/error-codes.ts'
import { VertigoError, isVertigoError } from '../../base/errors.ts'

/** What was being done with a file, for the error that says so. */
export interface FileUse {
  /** As the user gave it. */
  readonly path: string
  readonly component: string
  /** The field of the configuration that led there; none where a message did. */
  readonly field?: string
  readonly for: 'reading' | 'writing'
}

/** An error with a code, that names path and field. */
export function fileFault(
  code: ErrorCode,
  use: FileUse,
  what: string,
  options: { readonly cause?: unknown; readonly line?: number; readonly remedy?: string } = {},
): VertigoError {
  const field = use.field === undefined ? '' : ` (config field "${use.field}")`
  return new VertigoError(code, `${use.component}: "${use.path}"${field} ${what}`, {
    cause: options.cause,
    remedy: options.remedy,
    place: {
      file: use.path,
      line: options.line,
      component: use.component,
      path: use.field === undefined ? undefined : `components.${use.component}.config.${use.field}`,
    },
  })
}

/** What the operating system or zlib threw, as an error with a code. */
export function fileError(thrown: unknown, use: FileUse): VertigoError {
  if (isVertigoError(thrown)) return thrown
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code ?? ''
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  const fault = (to: ErrorCode, what: string): VertigoError => fileFault(to, use, what, { cause: thrown })
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return use.for === 'reading'
        ? fault('FILE_NOT_FOUND', `does not exist${where(use.path)}`)
        : fault('FILE_NOT_FOUND', `cannot be written: its folder does not exist${where(use.path)}`)
    case 'EISDIR':
      return fault('FILE_IS_DIRECTORY', 'is a directory, not a file')
    case 'ENOSPC':
    case 'EDQUOT':
      return fault('DISK_FULL', 'cannot be written on: there is no room left')
    case 'EPIPE':
      return fault('OUTPUT_CLOSED', 'was closed by its reader')
    case 'Z_DATA_ERROR':
      return fault('FILE_CORRUPT', `is not a gzip file, or is damaged: ${text}`)
    case 'Z_BUF_ERROR':
      return fault('FILE_CORRUPT', 'is a gzip file that was cut off: its end is missing')
    default:
      return use.for === 'reading'
        ? fault('FILE_UNREADABLE', `cannot be read: ${reason(code, text)}`)
        : fault('FILE_NOT_WRITABLE', `cannot be written: ${reason(code, text)}`)
  }
}

function where(path: string): string {
  const full = resolve(path)
  return full === path ? '' : ` (looked for ${full})`
}

function reason(code: string, text: string): string {
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'EROFS') return 'the file system is read-only'
  return text
}
