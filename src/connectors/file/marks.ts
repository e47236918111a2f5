/**
 * Up to which snapshot a file, or the parts of a writer, are published, and by whom.
 *
 * - MK-1 Each mark is a file of its own in `.<name>.marks`, called `<turn>-<incarnation>-<snapshot>-<writer>`. None takes the place of another
 *   one, and the newest counts: so one who was replaced, and stands still before he writes his, takes nothing back.
 * - MK-2 Numbers of different writers cannot be compared. So the turn comes first, and no two writers have the same one (`turns.ts`). Only pieces
 *   that versions of before have prepared, and parts, which are of one writer each, bring none: they keep their writer's, or take the one after that of another.
 * - MK-3 A mark is synced before those of its writer that are older are removed. Who removes them late removes older ones still.
 * - MK-4 `.<name>.published` says the newest as well, for people and for nodes of versions of before, which know that one only, and replace it. It
 *   is not synced, and may be taken back; it counts where it says more than the marks, as one of such a version.
 * - MK-5 The mark of a first piece says which staged file is to become the file, and is made once: of several who publish that piece, who comes
 *   first decides. (Not on file systems without hard links.)
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { createDurably, writeDurably } from '../../base/durable-files.ts'
import { isRecord } from '../../base/values.ts'
import { compareSinkSnapshots, type SinkSnapshot } from '../../component/index.ts'
import { claimPath, digestOf, folderOf, listFolder, makeMarksFolder, temporaryIn } from './marks-folder.ts'

export interface Mark extends SinkSnapshot {
  readonly writer: string
  /** The name of the file beside it that is to be renamed to it; of one that replaces what was there. */
  readonly staged?: string
}

/** One with its turn. 0: read as a version of before has written it. */
export interface PublishedMark extends Mark {
  readonly turn: number
}

/** The newest; of this writer, or of whoever has the file now. One that cannot be read is none. */
export async function readMark(path: string, writer?: string): Promise<PublishedMark | undefined> {
  const newest = await newestOf(path, writer)
  const before = await readEarlier(path)
  if (before === undefined || (writer !== undefined && before.writer !== writer)) return newest
  if (newest === undefined) return { ...before, turn: 0 }
  const isNewer = before.writer === newest.writer && compareSinkSnapshots(before, newest) > 0
  return isNewer ? { ...before, turn: newest.turn } : newest
}

/** Older ones of its writer go, and the claims of turns before. `isFirst`: no mark was found before. */
export async function writeMark(path: string, mark: PublishedMark, isFirst: boolean): Promise<void> {
  const folder = folderOf(path)
  await makeMarksFolder(folder, isFirst)
  await writeTo(folder, mark)
  const own = digestOf(mark.writer)
  const { marks, claims } = await listFolder(folder)
  for (const other of marks)
    if (other.writer === own && compare(other, mark) < 0) await rm(join(folder, other.name), { force: true })
  for (const claim of claims) if (claim < mark.turn) await rm(claimPath(folder, claim), { force: true })
}

async function writeTo(folder: string, mark: PublishedMark): Promise<void> {
  const { writer, incarnation, id, staged, turn } = mark
  const path = join(folder, `${turn}-${incarnation}-${id}-${digestOf(writer)}`)
  const content = Buffer.from(`${JSON.stringify({ writer, incarnation, id, staged })}\n`)
  if (staged !== undefined) {
    await createDurably(path, temporaryIn(folder), content)
    const there = await readText(path)
    if (there === undefined || parsed(there) !== undefined) return
    // A damaged one says nothing to anybody.
  }
  await writeDurably(path, temporaryIn(folder), content)
}

/** MK-4. To be called when all is done that the mark stands for. */
export async function tellMark(path: string, { writer, incarnation, id }: Mark): Promise<void> {
  const temporary = temporaryIn(folderOf(path))
  await writeFile(temporary, `${JSON.stringify({ writer, incarnation, id })}\n`)
  await rename(temporary, earlierPath(path))
}

/** Of a mark that comes after `current`, where its piece has no turn of its own. */
export function turnAfter(current: PublishedMark | undefined, writer: string): number {
  if (current === undefined) return 1
  return current.writer === writer ? current.turn : current.turn + 1
}

interface Numbers extends SinkSnapshot {
  readonly turn: number
}

function compare(a: Numbers, b: Numbers): number {
  return a.turn === b.turn ? compareSinkSnapshots(a, b) : a.turn - b.turn
}

async function newestOf(path: string, writer: string | undefined): Promise<PublishedMark | undefined> {
  const folder = folderOf(path)
  const own = writer === undefined ? undefined : digestOf(writer)
  for (;;) {
    const { marks } = await listFolder(folder)
    const all = marks.filter((one) => own === undefined || one.writer === own)
    const byAge = all.toSorted((a, b) => compare(b, a) || (a.name < b.name ? 1 : -1))
    let isGone = false
    for (const { name, turn } of byAge) {
      const read = await readText(join(folder, name))
      // There is a newer one by now.
      if (read === undefined) isGone = true
      const mark = read === undefined ? undefined : parsed(read)
      if (mark !== undefined) return { ...mark, turn }
      if (isGone) break
    }
    if (!isGone) return undefined
  }
}

async function readEarlier(path: string): Promise<Mark | undefined> {
  const text = await readText(earlierPath(path))
  return text === undefined ? undefined : parsed(text)
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function parsed(text: string): Mark | undefined {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(read)) return undefined
  const { writer, incarnation, id, staged } = read
  if (typeof writer !== 'string' || !Number.isSafeInteger(incarnation) || !Number.isSafeInteger(id))
    return undefined
  const mark = { writer, incarnation: incarnation as number, id: id as number }
  return typeof staged === 'string' ? { ...mark, staged } : mark
}

function earlierPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.published`)
}
