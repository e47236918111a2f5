import { Buffer } from 'node:buffer'
import { type FileHandle, open } from 'node:fs/promises'
import { asError, isVertigoError, VertigoError } from '../base/errors.ts'

/** What a journal does with its segments; tests give others, whose syncs fail. */
export type JournalFile = Pick<FileHandle, 'read' | 'write' | 'datasync' | 'truncate' | 'stat' | 'close'>
export type OpenFile = (path: string, flags: 'r' | 'r+') => Promise<JournalFile>

export const openFile: OpenFile = (path, flags) => open(path, flags)

export async function writeFully(file: JournalFile, bytes: Buffer, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done)
    done += bytesWritten
  }
}

/** Fewer bytes only where the file ends. */
export async function readFully(file: JournalFile, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return bytes.subarray(0, done)
}

const fullCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const placeCodes: ReadonlySet<string> = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOENT',
  'ELOOP',
  'ENAMETOOLONG',
])

export function isFull(error: unknown): boolean {
  return fullCodes.has(String((error as { readonly code?: unknown } | null)?.code))
}

/** An error of a system call on the files of a journal, as what it means to who uses it. */
export function diskError(folder: string, thrown: unknown): VertigoError {
  const cause = asError(thrown)
  if (isVertigoError(cause)) return cause
  const code = String((cause as NodeJS.ErrnoException).code)
  if (fullCodes.has(code))
    return new VertigoError('DISK_FULL', `There is no room for the journal in ${folder}: ${cause.message}.`, {
      cause,
    })
  if (placeCodes.has(code))
    return new VertigoError('FILE_NOT_WRITABLE', `A journal cannot be kept in ${folder}: ${cause.message}.`, {
      cause,
    })
  if (code === 'ENOTDIR' || code === 'EEXIST')
    return new VertigoError('JOURNAL_FOREIGN', `${folder} is no folder.`, { cause })
  return new VertigoError('JOURNAL_FAILED', `The journal in ${folder} failed: ${cause.message}.`, { cause })
}

export function corrupt(folder: string, what: string): VertigoError {
  return new VertigoError('JOURNAL_CORRUPT', `The journal in ${folder} is damaged: ${what}.`)
}
