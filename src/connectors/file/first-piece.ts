/**
 * The first piece of a run, which replaces the file that was there (PB-4): staged beside it, synced, when it is prepared, and renamed when its
 * snapshot is committed. Only he who prepared it can make the staged file, and only one rename of it succeeds: so who stood still before
 * his, while others renamed it and the file grew, finds nothing to rename, and replaces nothing.
 */
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncFolder } from '../../base/durable-files.ts'
import { compareSinkSnapshots, type SinkSnapshot } from '../../component/index.ts'

/** As it travels in snapshots. */
export interface StagedFile {
  readonly path: string
  /** The number that the file keeps under any name: by it the one is known that has been renamed. */
  readonly inode: string
}

/** `path`: the real one of the file that will be replaced. */
export async function stageFirst(path: string, text: string, snapshot: SinkSnapshot): Promise<StagedFile> {
  const staged = join(dirname(path), `${stagedStart(path)}${snapshot.incarnation}-${snapshot.id}${ending}`)
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

/** False where it is neither staged nor in its place: somebody has removed it, or it is on another machine. */
export async function placeFirst(staged: StagedFile, path: string, bytes: number): Promise<boolean> {
  try {
    await rename(staged.path, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    if (!(await isInPlace(staged, path, bytes))) return false
  }
  // Who renamed it may have ended before that was on the disk.
  await syncFolder(dirname(path))
  return true
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

/** Removes what was staged for snapshots that came to nothing. To be called when that of `snapshot` is in its place. */
export async function dropStagedFirsts(path: string, snapshot: SinkSnapshot): Promise<void> {
  const start = stagedStart(path)
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(start) || !name.endsWith(ending)) continue
    const numbers = /^(\d+)-(\d+)$/.exec(name.slice(start.length, name.length - ending.length))
    if (numbers === null) continue
    const of = { incarnation: Number(numbers[1]), id: Number(numbers[2]) }
    // Whoever comes later stages for later ones.
    if (compareSinkSnapshots(of, snapshot) < 0) await rm(join(dirname(path), name), { force: true })
  }
}

const ending = '.first'

function stagedStart(path: string): string {
  return `.${basename(path)}.`
}
