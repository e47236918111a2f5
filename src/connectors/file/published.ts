/**
 * Files that show what belongs to committed snapshots, and nothing else.
 *
 * - PB-1 A file only grows, by what is committed, at places that were fixed when it was prepared. So whoever writes a piece writes the same
 *   bytes to the same place: after a crash, once more, or late, as one that was replaced and does not know it.
 * - PB-2 So a reader sees a beginning of the committed output at any time, and never anything that is taken back. Its last line may be half
 *   there for as long as a write takes, or until the next life after a crash.
 * - PB-3 Beside it is marked whose it is, and up to which snapshot (`marks.ts`). Marked after the file was synced; a piece that is marked is
 *   not written again. Where the mark says less than the file has, PB-1 makes that harmless.
 * - PB-4 Only the first piece of a run replaces a file that was there, by a whole new one under its name. A file system knows no
 *   fencing, and who looked at the mark (PB-3) and stood still before he replaces the file must not replace what has grown by then. So that piece is
 *   staged when it is prepared, and renamed once, by whoever comes first (`first-piece.ts`). It is marked before it is renamed, and what earlier
 *   runs have staged is removed in between; who finds it marked and staged renames it. Where what was staged is gone (it was removed by hand, is on
 *   another machine, or a version of before has prepared the piece), the file is made of the piece itself, and only then that window is open. So it is
 *   for another network's writer whose first piece was staged before this one took the file over.
 * - PB-5 Any other piece is written to the file that was open when the mark was read. So one of a run before, which does not know that it is over,
 *   either reads the mark of the new run, or has open what that one replaced: the new run's file is never written by it. With `append` the file
 *   stays the same: there only one that stands still between that look and the write, with what was not published when its run ended,
 *   writes where the new run does.
 */
import { constants, type FileHandle, open, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncFolder, writeDurably } from '../../base/durable-files.ts'
import type { VertigoError } from '../../base/errors.ts'
import { compareSinkSnapshots, type SinkBatch, type SinkSnapshot } from '../../component/index.ts'
import { type FileUse, fileError, fileFault } from './errors.ts'
import { dropStagedFirsts, isToBePlaced, placeFirst, type StagedFile } from './first-piece.ts'
import { type Mark, type PublishedMark, readMark, tellMark, temporaryOf, writeMark } from './marks.ts'

/** A piece of a file, as it travels in snapshots. */
export interface FilePiece {
  readonly path: string
  /** Bytes before it. */
  readonly at: number
  readonly text: string
  /** The first of a run: what stood there before is another one's. */
  readonly isFirst: boolean
  /** The file is made anew. */
  readonly replaces: boolean
  /** PB-4, of one that replaces; versions of before did not stage it. */
  readonly staged?: StagedFile
}

/** Writes a piece where it is not there yet. Errors: those of files, SINK_AHEAD, TARGET_IN_USE, SINK_TARGET_LOST. */
export async function publishPiece(batch: SinkBatch<FilePiece>, use: FileUse): Promise<void> {
  const at: FileUse = { ...use, path: batch.staged.path }
  try {
    const path = await realPathOf(batch.staged.path)
    if (batch.staged.replaces) await publishFirst(path, batch, at)
    else await publishNext(path, batch, at)
  } catch (error) {
    throw fileError(error, at)
  }
}

/** PB-4 */
async function publishFirst(path: string, batch: SinkBatch<FilePiece>, use: FileUse): Promise<void> {
  const { writer, snapshot, staged: piece } = batch
  const bytes = Buffer.from(piece.text)
  const current = await readMark(path)
  if (isMarked(current, batch, use)) {
    if (current !== undefined && isOf(current, batch)) await finishFirst(path, current)
    return
  }
  if (piece.staged !== undefined && (await isToBePlaced(piece.staged, path, bytes.length))) {
    const mark = { writer, ...snapshot, staged: basename(piece.staged.path) }
    await writeMark(path, mark, current)
    await finishFirst(path, mark)
    return
  }
  const now = await readMark(path)
  if (isMarked(now, batch, use)) return
  await writeDurably(path, temporaryOf(path), bytes)
  await writeMark(path, { writer, ...snapshot }, now)
  await dropStagedFirsts(path, writer, snapshot)
  await tellMark(path, { writer, ...snapshot })
}

/** Gives a marked first piece its name, where nobody has yet. What runs of before have staged can take that name no more by then. */
export async function finishFirst(path: string, mark: Mark): Promise<void> {
  if (mark.staged !== undefined) {
    await dropStagedFirsts(path, mark.writer, mark)
    await placeFirst(join(dirname(path), mark.staged), path)
  }
  await tellMark(path, mark)
}

function isOf(mark: Mark, { writer, snapshot }: SinkBatch): boolean {
  return mark.writer === writer && compareSinkSnapshots(mark, snapshot) === 0
}

/** A link keeps pointing to its file, which is the one that is written. */
export async function realPathOf(path: string): Promise<string> {
  return realpath(path).catch(() => path)
}

/** Whether the file has the piece. Errors: SINK_AHEAD, TARGET_IN_USE. */
function isMarked(
  mark: PublishedMark | undefined,
  { writer, snapshot, staged }: SinkBatch<FilePiece>,
  use: FileUse,
): boolean {
  if (mark?.writer === writer) {
    if (mark.incarnation > snapshot.incarnation) throw ahead(use, writer, mark)
    return compareSinkSnapshots(snapshot, mark) <= 0
  }
  if (mark === undefined || staged.isFirst) return false
  throw fileFault('TARGET_IN_USE', use, `is being written by ${mark.writer}, and ${writer} wrote it before`)
}

/** Not `w` where it is made: who comes late would cut off what others wrote. */
const writing = { there: constants.O_RDWR, orNew: constants.O_RDWR | constants.O_CREAT }

/** PB-5 */
async function publishNext(path: string, batch: SinkBatch<FilePiece>, use: FileUse): Promise<void> {
  const { writer, snapshot, staged } = batch
  if (isMarked(await readMark(path), batch, use)) return
  if (staged.isFirst) await dropStagedFirsts(path, writer, snapshot)
  const file = await openFor(path, staged.at, use)
  try {
    const current = await readMark(path)
    if (isMarked(current, batch, use)) return
    await writeAt(file, staged.at, Buffer.from(staged.text), use)
    if (staged.at === 0) await syncFolder(dirname(path))
    const mark = { writer, ...snapshot }
    await writeMark(path, mark, current)
    await tellMark(path, mark)
  } finally {
    await file.close()
  }
}

async function openFor(path: string, at: number, use: FileUse): Promise<FileHandle> {
  try {
    return await open(path, at > 0 ? writing.there : writing.orNew)
  } catch (error) {
    throw at > 0 ? missing(error, at, use) : error
  }
}

async function writeAt(file: FileHandle, at: number, bytes: Buffer, use: FileUse): Promise<void> {
  const { size } = await file.stat()
  if (size < at) throw lost(use, `has ${size} bytes, and ${at} were published`)
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done)
    done += bytesWritten
  }
  await file.datasync()
}

function missing(error: unknown, at: number, use: FileUse): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error
  return lost(use, `does not exist, and ${at} bytes of it were published`)
}

export function lost(use: FileUse, what: string): VertigoError {
  return fileFault('SINK_TARGET_LOST', use, what)
}

export function ahead(use: FileUse, writer: string, { incarnation, id }: SinkSnapshot): VertigoError {
  return fileFault(
    'SINK_AHEAD',
    use,
    `has snapshot ${id} of ${writer} already, of incarnation ${incarnation}`,
  )
}
