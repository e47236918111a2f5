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
 *   staged when it is prepared, and renamed once, by whoever comes first (`first-piece.ts`). It is staged before the marks are looked at, and
 *   marked (MK-5) before what lower turns have staged is removed, and that before it is renamed. So of two runs (TU-1), of whatever
 *   networks, the older one sees the mark of the newer one, or has nothing to rename once that one renames. Where what was
 *   staged is gone (it was removed by hand, is on another machine, or a version of before has prepared the piece), it is staged again, and all that is as before;
 *   but where somebody removes it between the mark and the rename: that cannot be told from a rename.
 * - PB-5 Any other piece is written to the file that was open when the mark was read. So one of a run before, which does not know that it is over,
 *   either reads the mark of the new run, or has open what that one replaced: the new run's file is never written by it. With `append` the file
 *   stays the same. A run that appends marks the snapshot before its own first before it opens the file, so who looks from then on is refused, or over;
 *   who stands still between an earlier look and the write, with what was not published when its run ended, or when another
 *   network began, writes where the new run does. So do two networks that begin to append at the same time: each begins where the file ended then.
 * - PB-6 Who finds a greater turn of another writer marked is refused (TARGET_IN_USE), for good: that one has the file.
 */
import { constants, type FileHandle, open, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { syncFolder } from '../../base/durable-files.ts'
import type { VertigoError } from '../../base/errors.ts'
import { compareSinkSnapshots, type SinkBatch, type SinkSnapshot } from '../../component/index.ts'
import { type FileUse, fileError, fileFault } from './errors.ts'
import { dropStagedFirsts, placeFirst, stagedName, type StagedFile } from './first-piece.ts'
import { type Mark, type PublishedMark, readMark, tellMark, turnAfter, writeMark } from './marks.ts'

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
  /** TU-1, of a first one; versions of before did not take one. */
  readonly turn?: number
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
  const found = await readMark(path)
  const turn = batch.staged.turn ?? turnAfter(found, batch.writer)
  const first = { ...batch, staged: { ...batch.staged, turn } }
  let newest = await published(path, found, first, use)
  if (newest === undefined) {
    await markFirst(path, first, use)
    newest = await published(path, await readMark(path), first, use)
  }
  if (newest === undefined) throw lost(use, 'has lost its marks while they were being written')
  await finishFirst(path, newest, use)
}

/** Nothing where somebody else has marked it, or what comes after it. */
async function markFirst(
  path: string,
  batch: SinkBatch<FilePiece & { readonly turn: number }>,
  use: FileUse,
): Promise<void> {
  const { writer, snapshot, staged: piece } = batch
  const { turn } = piece
  const staged = await stagedName(path, piece.staged, piece.text, { writer, snapshot, turn })
  const current = await readMark(path)
  if ((await published(path, current, batch, use)) !== undefined) return
  await writeMark(path, { writer, ...snapshot, turn, staged }, current === undefined)
}

/** `mark`, where it says that the file has the piece. What nobody will rename any more is removed where another one has the file. */
async function published(
  path: string,
  mark: PublishedMark | undefined,
  batch: SinkBatch<FilePiece>,
  use: FileUse,
): Promise<PublishedMark | undefined> {
  if (mark !== undefined && isTaken(mark, batch)) await dropStagedFirsts(path, mark)
  return isMarked(mark, batch, use) ? mark : undefined
}

/**
 * Gives a marked first piece its name, where nobody has yet. What earlier runs have staged can take that name no more by then. `mark`: read as
 * the newest. Errors: TARGET_IN_USE, where another writer has taken the file over since.
 */
export async function finishFirst(path: string, mark: PublishedMark, use: FileUse): Promise<void> {
  await dropStagedFirsts(path, mark)
  if (mark.staged !== undefined && !(await placeFirst(join(dirname(path), mark.staged), path))) {
    const newest = await readMark(path)
    if (newest === undefined) throw lost(use, 'has lost its marks')
    if (newest.writer !== mark.writer) throw inUse(use, newest, mark.writer)
  }
  if (mark.turn > 0) await tellMark(path, mark)
}

/** A link keeps pointing to its file, which is the one that is written. */
export async function realPathOf(path: string): Promise<string> {
  return realpath(path).catch(() => path)
}

/** Whether the file has the piece. Errors: SINK_AHEAD, TARGET_IN_USE. */
function isMarked(
  mark: PublishedMark | undefined,
  batch: SinkBatch<FilePiece>,
  use: FileUse,
): mark is PublishedMark {
  const { writer, snapshot } = batch
  if (mark === undefined) return false
  if (isTaken(mark, batch)) throw inUse(use, mark, writer)
  if (mark.writer !== writer) return false
  if (mark.incarnation > snapshot.incarnation) throw ahead(use, writer, mark)
  return compareSinkSnapshots(snapshot, mark) <= 0
}

/** PB-6 */
function isTaken(mark: PublishedMark, { writer, staged }: SinkBatch<FilePiece>): boolean {
  if (mark.writer === writer) return false
  return !staged.isFirst || (staged.turn !== undefined && mark.turn >= staged.turn)
}

/** Not `w` where it is made: who comes late would cut off what others wrote. */
const writing = { there: constants.O_RDWR, orNew: constants.O_RDWR | constants.O_CREAT }

/** PB-5 */
async function publishNext(path: string, batch: SinkBatch<FilePiece>, use: FileUse): Promise<void> {
  const { writer, snapshot, staged } = batch
  if (staged.isFirst && (await beginAppending(path, batch, use))) return
  const file = await openFor(path, staged.at)
  if (file === undefined) {
    if (isMarked(await readMark(path), batch, use)) return
    throw lost(use, `does not exist, and ${staged.at} bytes of it were published`)
  }
  try {
    const current = await readMark(path)
    if (isMarked(current, batch, use)) return
    await writeAt(file, staged.at, Buffer.from(staged.text), use)
    if (staged.at === 0) await syncFolder(dirname(path))
    const mark = { writer, ...snapshot, turn: staged.turn ?? turnAfter(current, writer) }
    await writeMark(path, mark, current === undefined)
    await tellMark(path, mark)
  } finally {
    await file.close()
  }
}

/**
 * PB-5, of the first piece of a run that appends: true where the file has it. Else the snapshot before is marked, which says of nothing new that it
 * is published, and what older runs have staged is removed, before the file is opened.
 */
async function beginAppending(path: string, batch: SinkBatch<FilePiece>, use: FileUse): Promise<boolean> {
  const { writer, snapshot, staged } = batch
  const current = await readMark(path)
  if (isMarked(current, batch, use)) return true
  const turn = staged.turn ?? turnAfter(current, writer)
  const before = { writer, incarnation: snapshot.incarnation, id: snapshot.id - 1, turn }
  await writeMark(path, before, current === undefined)
  await dropStagedFirsts(path, before)
  return false
}

/** Undefined where it is not there, and should be. */
async function openFor(path: string, at: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, at > 0 ? writing.there : writing.orNew)
  } catch (error) {
    if (at > 0 && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
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

/** `mark`: of who has it now. */
export function inUse(use: FileUse, mark: Mark, writer: string): VertigoError {
  const what = `is being written by ${mark.writer}, which began with it after ${writer}, and goes on`
  return fileFault('TARGET_IN_USE', use, what, {
    remedy:
      'Give each network a file of its own. To take the file back, undeploy the other network, and deploy this one afresh: it then replaces the file, unless it appends.',
  })
}
