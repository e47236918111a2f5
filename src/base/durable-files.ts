import type { Buffer } from 'node:buffer'
import { link, open, rename, rm, unlink } from 'node:fs/promises'
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
  await orTakenAway(temporary, async () => {
    await fill(temporary, content)
    await rename(temporary, path)
  })
  await syncFolder(dirname(path))
}

/** The same for one that is made once, by whoever comes first: one that is there stays, and is durable then. Where the file system has no hard links, it is replaced. */
export async function createDurably(path: string, temporary: string, content: Buffer): Promise<void> {
  await orTakenAway(temporary, async () => {
    await fill(temporary, content)
    await linkOrRename(temporary, path)
    await rm(temporary, { force: true })
  })
  await syncFolder(dirname(path))
}

async function orTakenAway(temporary: string, write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    // What is told is why it could not be written: where this fails too, it is of the same cause.
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
}

/** Takes a file away, if it is there. `rm` looks at it twice before. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** What `link` says where there are none. */
const noLinks: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

async function linkOrRename(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (noLinks.has(code)) await rename(from, to)
    else if (code !== 'EEXIST') throw error
  }
}

async function fill(path: string, content: Buffer): Promise<void> {
  const handle = await open(path, 'wx')
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
