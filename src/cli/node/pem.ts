import { readFile } from 'node:fs/promises'
import { VertigoError } from '../../base/errors.ts'

/** The text of a certificate or key. Errors: FILE_UNREADABLE. */
export async function pem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const { code } = cause as { readonly code?: string }
    throw new VertigoError('FILE_UNREADABLE', `A file for TLS cannot be read (${code ?? 'unknown error'}).`, {
      cause,
      place: { file },
    })
  }
}
