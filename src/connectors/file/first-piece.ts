/**
 * The first piece of a run, which replaces the file that was there (PB-4): staged beside it, synced, when it is prepared, and renamed when its
 * snapshot is committed. Only he who prepared it can make the staged file, and only one rename of it succeeds: so who stood still before
 * his, while others renamed it and the file grew, finds nothing to rename, and replaces nothing.
 */
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncFolder } from '../../base/durable-files.ts'
import { compareSinkSnapshots, type SinkSnapshot } from '../../component/index.ts'
import { digestOf } from './marks.ts'

/** As it travels in snapshots. */
export interface StagedFile {
  readonly path: string
  /** The number that the file keeps under any name: by it the one is known that has been renamed. */
  readonly inode: string
}

/** `path`: the real one of the file that will be replaced. */
export async function stageFirst(
  path: string,
  text: string,
  { writer, snapshot }: { readonly writer: string; readonly snapshot: SinkSnapshot },
): Promise<StagedFile> {
  const { incarnation, id } = snapshot
  const name = `${stagedStart(path)}${incarnation}-${id}-${digestOf(writer)}${ending}`
  const staged = join(dirname(path), name)
  const file = await open(staged, 'w')
  try {
    await file.writeFile(text)
    await file.sync()
    const { ino } = await file.stat({ bigint: true })
    return { path: staged, inode: String(ino) }
  } finally {
    await file.close()
    await syncFolder(dirname(path))
  }
}

/** It is staged, or in its place. False: somebody has removed it, or it is on another machine. */
export async function isToBePlaced(staged: StagedFile, path: string, bytes: number): Promise<boolean> {
  try {
    await stat(staged.path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return isInPlace(staged, path, bytes)
}

/** Nothing where somebody has placed it, or has dropped it for what came after it. */
export async function placeFirst(staged: string, path: string): Promise<void> {
  try {
    await rename(staged, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  // Who renamed it may have ended before that was on the disk.
  await syncFolder(dirname(path))
}

/** A number may be given again to another file, once this one is no more: that would not be as long, as a rule. */
async function isInPlace({ inode }: StagedFile, path: string, bytes: number): Promise<boolean> {
  try {
    const { ino, size } = await stat(path, { bigint: true })
    return String(ino) === inode && size >= bytes
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/**
 * Removes what cannot come to be the file any more: what `writer` staged for earlier snapshots, and what others did. To be called when the
 * snapshot is marked, before it is renamed.
 */
export async function dropStagedFirsts(path: string, writer: string, snapshot: SinkSnapshot): Promise<void> {
  const start = stagedStart(path)
  const own = digestOf(writer)
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(start) || !name.endsWith(ending)) continue
    const [, incarnation, id, of] =
      /^(\d+)-(\d+)(?:-([0-9a-f]+))?$/.exec(name.slice(start.length, name.length - ending.length)) ?? []
    if (id === undefined) continue
    const staged = { incarnation: Number(incarnation), id: Number(id) }
    // Whoever comes later stages for later ones. Versions of before did not say whose it is.
    if ((of ?? own) !== own || compareSinkSnapshots(staged, snapshot) < 0)
      await rm(join(dirname(path), name), { force: true })
  }
}

const ending = '.first'

function stagedStart(path: string): string {
  return `.${basename(path)}.`
}
