import { isVertigoError, VertigoError } from '../../base/errors.ts'

/**
 * Whether the files of a network's snapshots are gone from their storage, as where somebody has deleted its folder. What runs has all that
 * the last one had: so the next one is taken whole, and refers to none of them (`SnapshotBegin.isWhole`).
 */
export class LostFiles {
  private readonly network: string
  private readonly troubled: (error: VertigoError) => void
  /** Until a whole snapshot is committed. */
  areLost = false

  constructor(network: string, troubled: (error: VertigoError) => void) {
    this.network = network
    this.troubled = troubled
  }

  noticed(): void {
    if (!this.areLost) this.troubled(lostError(this.network))
    this.areLost = true
  }

  /** A snapshot came to nothing: where it was for a file that it stands on, the next one stands on none. */
  failed(error: unknown): void {
    if (
      isVertigoError(error) &&
      (error.code === 'SNAPSHOT_FILE_MISSING' || error.code === 'SNAPSHOT_STORAGE_LOST')
    )
      this.noticed()
  }

  /** A snapshot was committed: a whole one, where one was wanted. */
  mended(): void {
    this.areLost = false
  }
}

export function lostError(network: string): VertigoError {
  return new VertigoError(
    'SNAPSHOT_STORAGE_LOST',
    `The files of the snapshots of "${network}" are gone from their storage. The next snapshot is taken whole.`,
  )
}
