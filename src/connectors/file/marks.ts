/**
 * Up to which snapshot a file, or the parts of a writer, are published, and by whom.
 *
 * - MK-1 Each mark is a file of its own in `.<name>.marks`, called `<turn>-<incarnation>-<snapshot>-<writer>`. None takes the place of another
 *   one, and the newest counts: so one who was replaced, and stands still before he writes his, takes nothing back.
 * - MK-2 Numbers of different writers cannot be compared. So who takes over a file from another writer takes the next turn, and keeps it.
 * - MK-3 A mark is synced before those of its writer that are older are removed. Who removes them late removes older ones still.
 * - MK-4 `.<name>.published` says the newest as well, for people and for nodes of versions of before, which know that one only, and replace it. It
 *   is not synced, and may be taken back; it counts where it says more than the marks, as one of such a version.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { syncFolder, writeDurably } from '../../base/durable-files.ts'
import { isRecord } from '../../base/values.ts'
import { compareSinkSnapshots, type SinkSnapshot } from '../../component/index.ts'

export interface Mark extends SinkSnapshot {
  readonly writer: string
  /** The name of the file beside it that is to be renamed to it; of one that replaces what was there. */
  readonly staged?: string
}

/** One that was read. */
export interface PublishedMark extends Mark {
  /** MK-2. 0: written by a version of before. */
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

/** `current`: what was read before. */
export async function writeMark(path: string, mark: Mark, current: PublishedMark | undefined): Promise<void> {
  const turn = turnAfter(current, mark.writer)
  const { writer, incarnation, id, staged } = mark
  const own = digestOf(writer)
  const name = `${turn}-${incarnation}-${id}-${own}`
  const folder = folderOf(path)
  await makeFolder(folder, current === undefined)
  const text = `${JSON.stringify({ writer, incarnation, id, staged })}\n`
  await writeDurably(join(folder, name), join(folder, `.${temporaryNumber()}`), Buffer.from(text))
  for (const other of await list(folder))
    if (other.writer === own && compare(other, { turn, incarnation, id }) < 0)
      await rm(join(folder, other.name), { force: true })
}

/** MK-4. To be called when all is done that the mark stands for. */
export async function tellMark(path: string, { writer, incarnation, id }: Mark): Promise<void> {
  const temporary = temporaryOf(path)
  await writeFile(temporary, `${JSON.stringify({ writer, incarnation, id })}\n`)
  await rename(temporary, earlierPath(path))
}

/** No other writer's, in whatever thread or process. */
export function temporaryOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.${temporaryNumber()}`)
}

/** Of a writer, in names of files. */
export function digestOf(writer: string): string {
  return createHash('sha256').update(writer).digest('hex').slice(0, 16)
}

let lastTemporary = 0

function temporaryNumber(): string {
  return `${process.pid}-${threadId}-${++lastTemporary}.partial`
}

function turnAfter(current: PublishedMark | undefined, writer: string): number {
  if (current === undefined) return 1
  return current.writer === writer ? current.turn : current.turn + 1
}

interface Numbers extends SinkSnapshot {
  readonly turn: number
}

interface Listed extends Numbers {
  readonly name: string
  readonly writer: string
}

function compare(a: Numbers, b: Numbers): number {
  return a.turn === b.turn ? compareSinkSnapshots(a, b) : a.turn - b.turn
}

async function newestOf(path: string, writer: string | undefined): Promise<PublishedMark | undefined> {
  const folder = folderOf(path)
  const own = writer === undefined ? undefined : digestOf(writer)
  for (;;) {
    const all = (await list(folder)).filter((one) => own === undefined || one.writer === own)
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

async function list(folder: string): Promise<readonly Listed[]> {
  let names: readonly string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return names.flatMap((name) => {
    const [, turn, incarnation, id, writer] = /^(\d+)-(\d+)-(\d+)-([0-9a-f]+)$/.exec(name) ?? []
    if (writer === undefined) return []
    return { name, turn: Number(turn), incarnation: Number(incarnation), id: Number(id), writer }
  })
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

/** Who made it may have ended before he synced it: so does who writes the first mark (`isFirst`). */
async function makeFolder(folder: string, isFirst: boolean): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if (!isFirst) return
  }
  await syncFolder(dirname(folder))
}

function folderOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.marks`)
}

function earlierPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.published`)
}
