import { statSync } from 'node:fs'
import { join } from 'node:path'
import { VertigoError } from '../../base/errors.ts'

/**
 * Which file a database that is open lies in. A folder can be removed, moved or replaced under the processes that have it open:
 * they would go on in a file that has no name any more, while others make a new store under the same name.
 *
 * - DF-1 Nothing is written once the name leads to another file, or nowhere: each batch looks first. What comes between look and
 *   commit is lost with the file, as if it had been committed just before.
 */
export class DataFile {
  private readonly folder: string
  private readonly file: string
  private readonly identity: string | undefined

  /** Of a database that is open. */
  constructor(folder: string) {
    this.folder = folder
    this.file = join(folder, 'data.mdb')
    this.identity = identityOf(this.file)
  }

  /** Errors: STORE_REPLACED. */
  check(): void {
    const now = identityOf(this.file)
    if (now !== undefined && now === this.identity) return
    const what = now === undefined ? 'was removed or moved away' : 'was replaced by another one'
    throw new VertigoError(
      'STORE_REPLACED',
      `The store in ${this.folder} ${what} while it was open; nothing is written to it any more.`,
    )
  }
}

/** Undefined where there is no such file. */
function identityOf(file: string): string | undefined {
  try {
    const stats = statSync(file, { bigint: true, throwIfNoEntry: false })
    return stats && `${stats.dev} ${stats.ino}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined
    throw error
  }
}
