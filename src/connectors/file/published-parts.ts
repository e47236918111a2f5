/**
 * One file for each instance and snapshot: staged under a hidden name, synced, and renamed when its snapshot is committed. Names say which:
 * `<name>-<instance>-<incarnation>-<snapshot>`, before the ending; in their order they are in that of snapshots.
 *
 * - PP-1 The name of a part is that of its writer and snapshot alone: whoever renames it gives it the same name, once.
 * - PP-2 A reader takes what is not hidden, and may take it away. A part is whole from the moment it is to be seen.
 * - PP-3 Beside them is marked up to which snapshot the writer has published (`marks.ts`, of `<name>-<instance>`). It is marked before the part
 *   gets its name, so what is neither staged nor there, and is marked, was published and taken away. Who finds the marked part staged gives
 *   it its name, and that one only: others may belong to snapshots that came to nothing.
 */
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { syncFolder } from '../../base/durable-files.ts'
import { compareSinkSnapshots, type SinkBatch, type SinkSnapshot } from '../../component/index.ts'
import { type FileUse, fileError } from './errors.ts'
import { type Mark, readMark, tellMark, turnAfter, writeMark } from './marks.ts'
import { ahead, lost } from './published.ts'

/** A part, as it travels in snapshots. */
export interface PartPiece {
  readonly staged: string
  readonly path: string
  readonly bytes: number
}

const digits = 10

export async function stagePart(
  text: string,
  { writer, snapshot }: { readonly writer: string; readonly snapshot: SinkSnapshot },
  use: FileUse,
): Promise<PartPiece> {
  const path = partPath(use.path, writer, snapshot)
  const staged = stagedPath(path)
  const content = Buffer.from(text)
  try {
    const file = await open(staged, 'w')
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await syncFolder(dirname(staged))
    return { staged, path, bytes: content.length }
  } catch (error) {
    throw fileError(error, { ...use, path: staged })
  }
}

/** Errors: those of files; SINK_AHEAD; SINK_TARGET_LOST where the part is neither staged nor published. */
export async function publishPart(
  { writer, snapshot, staged: piece }: SinkBatch<PartPiece>,
  use: FileUse,
): Promise<void> {
  const at: FileUse = { ...use, path: piece.path }
  try {
    const beside = markedPath(piece.path)
    const current = await readMark(beside, writer)
    if (!isMarked(current, { writer, snapshot }, at)) {
      const isThere = (await sizeOf(piece.staged)) !== undefined || (await sizeOf(piece.path)) === piece.bytes
      // Others may have published it meanwhile, and readers have taken it away.
      if (!isThere && !isMarked(await readMark(beside, writer), { writer, snapshot }, at))
        throw lost(at, 'is neither published nor staged any more')
      const mark = { writer, ...snapshot, turn: turnAfter(current, writer) }
      await writeMark(beside, mark, current === undefined)
      await tellMark(beside, mark)
    }
    await giveName(piece.staged, piece.path)
  } catch (error) {
    throw fileError(error, at)
  }
}

/** Errors: SINK_AHEAD. */
function isMarked(
  mark: Mark | undefined,
  { writer, snapshot }: { readonly writer: string; readonly snapshot: SinkSnapshot },
  use: FileUse,
): boolean {
  if (mark !== undefined && mark.incarnation > snapshot.incarnation) throw ahead(use, writer, mark)
  return mark !== undefined && compareSinkSnapshots(mark, snapshot) >= 0
}

/** Nothing where it has its name: then somebody may have taken it away by now. */
async function giveName(staged: string, path: string): Promise<void> {
  try {
    await rename(staged, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  // Who gave it its name may have ended before that was on the disk.
  await syncFolder(dirname(path))
}

/** Undefined where there is no such file. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** The newest part of a writer, wherever readers have put it. */
export async function recoverPart(
  writer: string,
  published: SinkSnapshot | undefined,
  use: FileUse,
): Promise<SinkSnapshot | undefined> {
  const own = partsOf(use.path, writer)
  const mark = await readMark(markedPath(partPath(use.path, writer, noSnapshot)), writer)
  if (mark !== undefined) {
    const path = partPath(use.path, writer, mark)
    await giveName(stagedPath(path), path)
  }
  const all = await readdir(dirname(use.path))
  const found = all.flatMap((name) => own(name) ?? [])
  const newest = [...found, ...(mark === undefined ? [] : [mark])].toSorted(compareSinkSnapshots).at(-1)
  if (published !== undefined && (newest === undefined || compareSinkSnapshots(newest, published) < 0))
    throw lost(use, `has no part of snapshot ${published.id}, which ${writer} has published`)
  return newest && { incarnation: newest.incarnation, id: newest.id }
}

const noSnapshot: SinkSnapshot = { incarnation: 0, id: 0 }

/** What the mark of a part's writer stands beside: its name without the snapshot's numbers. */
export function markedPath(part: string): string {
  return join(dirname(part), basename(part).replace(/-\d{10,}-\d{10,}(?=(?:\.[^.]*)?$)/, ''))
}

/**
 * Removes what was staged for snapshots that came to nothing. To be called when that of `before` is published: what the writer staged for
 * earlier ones is, by then, or never will be. Whoever comes late with it spares what a successor has staged.
 */
export async function dropStaged({ path }: FileUse, writer: string, before: SinkSnapshot): Promise<void> {
  const own = partsOf(path, writer)
  const folder = dirname(path)
  for (const name of await readdir(folder)) {
    const part = /^\.(.*)\.staged$/.exec(name)?.[1]
    const snapshot = part === undefined ? undefined : own(part)
    if (snapshot !== undefined && compareSinkSnapshots(snapshot, before) < 0)
      await rm(join(folder, name), { force: true })
  }
}

function stagedPath(part: string): string {
  return join(dirname(part), `.${basename(part)}.staged`)
}

function partPath(path: string, writer: string, { incarnation, id }: SinkSnapshot): string {
  const { start, ending } = nameParts(path, writer)
  const number = (value: number): string => String(value).padStart(digits, '0')
  return join(dirname(path), `${start}${number(incarnation)}-${number(id)}${ending}`)
}

function partsOf(path: string, writer: string): (name: string) => SinkSnapshot | undefined {
  const { start, ending } = nameParts(path, writer)
  return (name) => {
    if (!name.startsWith(start) || !name.endsWith(ending)) return undefined
    const numbers = /^(\d{10,})-(\d{10,})$/.exec(name.slice(start.length, name.length - ending.length))
    return numbers === null ? undefined : { incarnation: Number(numbers[1]), id: Number(numbers[2]) }
  }
}

function nameParts(path: string, writer: string): { readonly start: string; readonly ending: string } {
  const ending = extname(path)
  const instance = writer.slice(writer.lastIndexOf('/') + 1)
  return { start: `${basename(path, ending)}-${instance}-`, ending }
}
