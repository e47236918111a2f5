import { stat } from 'node:fs/promises'

/** Whether there is a file or a folder. Errors: those of the system, but for ENOENT. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
