import { renameSync, rmSync } from 'node:fs'

/**
 * Deletes a folder in which others may still write: under another name nobody finds it, so that no file comes into it between the look
 * at what it holds and its end.
 */
export function takeAway(folder: string): void {
  const away = `${folder}.away`
  renameSync(folder, away)
  rmSync(away, { recursive: true })
}
