import type { Buffer } from 'node:buffer'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Files that are there, whole, after the power was cut. */

/** What a directory holds survives only once the directory itself was synced. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Writes a file that appears under its name whole and durable, or not at all; replaces one that is there. */
export async function writeDurably(path: string, temporary: string, content: Buffer): Promise<void> {
  try {
    const handle = await open(temporary, 'wx')
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
}
