/**
 * The first piece of a run, which replaces the file that was there (PB-4): staged beside it, synced, when it is prepared, and renamed when its
 * snapshot is committed. A staged file is made under a name of its own, once, and only one rename of it succeeds: so who stood still before
 * his, while others renamed it and the file grew, finds nothing to rename, and replaces nothing.
 */
import { open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isThere } from '../../base/is-there.ts'
import { syncFolder } from '../../base/durable-files.ts'
import { compareSinkSnapshots, type SinkSnapshot } from '../../component/index.ts'
import type { PublishedMark } from './marks.ts'
import { digestOf, temporaryIn } from './marks-folder.ts'

/** As it travels in snapshots. */
export interface StagedFile {
  readonly path: string
  /** The number that the file keeps under any name. For versions of before, which know by it the one that has been renamed. */
  readonly inode: string
}

interface Origin {
  readonly writer: string
  readonly snapshot: SinkSnapshot
  readonly turn: number
}

/** `path`: the real one of the file that will be replaced. */
export async function stageFirst(path: string, text: string, origin: Origin): Promise<StagedFile> {
  return writeStaged(path, text, nameOf(path, origin))
}

/** The name of what is staged. It is staged again where it is not there: somebody has removed it, it is on another machine, or never was. */
export async function stagedName(
  path: string,
  staged: StagedFile | undefined,
  text: string,
  origin: Origin,
): Promise<string> {
  if (staged !== undefined) {
    const name = basename(staged.path)
    if (await isThere(join(dirname(path), name))) return name
  }
  // Others may do so as well, and each makes one of its own.
  const again = await writeStaged(path, text, nameOf(path, origin, digestOf(temporaryIn(''))))
  return basename(again.path)
}

/** False where it is not there: somebody has renamed it, or has dropped it for what came after it. */
export async function placeFirst(staged: string, path: string): Promise<boolean> {
  try {
    await rename(staged, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return false
  } finally {
    // Who renamed it may have ended before that was on the disk.
    await syncFolder(dirname(path))
  }
}

/**
 * Removes what cannot come to be the file any more: what is staged for turns before that of `mark`, and what is staged for its own and was not chosen
 * (MK-5). To be called when `mark` was read as the newest one, and before what it has staged is renamed.
 */
export async function dropStagedFirsts(path: string, mark: PublishedMark): Promise<void> {
  const start = startOf(path)
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(start) || !name.endsWith(ending) || name === mark.staged) continue
    if (isOver(name.slice(start.length, name.length - ending.length), mark))
      await rm(join(dirname(path), name), { force: true })
  }
}

function isOver(numbers: string, mark: PublishedMark): boolean {
  const turn = /^(\d+)-\d+-\d+-[0-9a-f]+(?:-[0-9a-f]+)?$/.exec(numbers)?.[1]
  if (turn !== undefined) return Number(turn) <= mark.turn
  // Versions of before did not stage for a turn, and older ones did not say whose it is.
  const [, incarnation, id, of] = /^(\d+)-(\d+)(?:-([0-9a-f]+))?$/.exec(numbers) ?? []
  if (id === undefined) return false
  const own = digestOf(mark.writer)
  const snapshot = { incarnation: Number(incarnation), id: Number(id) }
  return (of ?? own) !== own || compareSinkSnapshots(snapshot, mark) < 0
}

const ending = '.first'

function startOf(path: string): string {
  return `.${basename(path)}.`
}

function nameOf(path: string, { writer, snapshot, turn }: Origin, again?: string): string {
  const { incarnation, id } = snapshot
  const suffix = again === undefined ? '' : `-${again}`
  return `${startOf(path)}${turn}-${incarnation}-${id}-${digestOf(writer)}${suffix}${ending}`
}

async function writeStaged(path: string, text: string, name: string): Promise<StagedFile> {
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
