import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Names of files below a folder that begin with `prefix` and come behind `after`, in order. Names that begin with a dot are not shown. */
export async function* walk(
  folder: string,
  prefix: string,
  after: string,
  path = '',
): AsyncGenerator<string, void, undefined> {
  const entries = await read(join(folder, path))
  // A folder's files stand where its name with a slash stands: `a-b` comes before `a/b`.
  const named = entries
    .filter((entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isFile()))
    .map((entry) => ({
      isFolder: entry.isDirectory(),
      name: `${path}${entry.name}${entry.isDirectory() ? '/' : ''}`,
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  for (const { isFolder, name } of named) {
    if (!isFolder) {
      if (name.startsWith(prefix) && name > after) yield name
      continue
    }
    const mayHold = name.startsWith(prefix) || prefix.startsWith(name)
    // All names in it begin with `name`: behind `after`, or a beginning of it.
    if (mayHold && (name > after || after.startsWith(name))) yield* walk(folder, prefix, after, name)
  }
}

async function read(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    // Its last file was deleted meanwhile.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
