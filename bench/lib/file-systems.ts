import { existsSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const cache = fileURLToPath(new URL('../../.cache/bench', import.meta.url))
/** A file system in memory, where Linux has one. */
const memoryFolder = '/dev/shm'

/**
 * Measures on the disk, and in memory where that can be had. `where` tells the rows of one file system from those of
 * another.
 */
export async function onFileSystems<T>(
  measure: (where: string, parent: string) => Promise<T>,
): Promise<{ readonly disk: T; readonly inMemory: T | undefined }> {
  mkdirSync(cache, { recursive: true })
  const disk = await measure('', cache)
  const inMemory = existsSync(memoryFolder) ? await measure(', in memory', memoryFolder) : undefined
  return { disk, inMemory }
}
