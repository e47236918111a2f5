/**
 * Files that show what belongs to committed snapshots, and nothing else.
 *
 * - PB-1 A file only grows, by what is committed, at places that were fixed when it was prepared. So whoever writes a piece writes the same
 *   bytes to the same place: after a crash, once more, or late, as one that was replaced and does not know it.
 * - PB-2 So a reader sees a beginning of the committed output at any time, and never anything that is taken back. Its last line may be half
 *   there for as long as a write takes, or until the next life after a crash.
 * - PB-3 Beside it stands `.<name>.published`, a line of JSON: whose it is, and up to which snapshot. Written after the file was synced; a
 *   piece that it has is not written again. Where it says less than the file has, PB-1 makes that harmless.
 * - PB-4 Only the first piece of a run replaces a file that was there, by a whole new one under its name. A file system knows no
 *   fencing, and who looked at the mark (PB-3) and stood still before he replaces the file must not replace what has grown by then. So that piece is
 *   staged when it is prepared, and renamed once, by whoever comes first (`first-piece.ts`). Where what was staged is gone (it was removed by hand, is on
 *   another machine, or a version of before has prepared the piece), the file is made of the piece itself, and only then that window is open.
 */
import { constants, type FileHandle, open, readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { syncFolder, writeDurably } from '../../base/durable-files.ts'
import type { VertigoError } from '../../base/errors.ts'
import { isRecord } from '../../base/values.ts'
import { compareSinkSnapshots, type SinkBatch, type SinkSnapshot } from '../../component/index.ts'
import { type FileUse, fileError, fileFault } from './errors.ts'
import { dropStagedFirsts, placeFirst, type StagedFile } from './first-piece.ts'

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

/** PB-3 */
export interface PublishedMark extends SinkSnapshot {
  readonly writer: string
}

/** A mark that cannot be read is none. */
export async function readMark(path: string): Promise<PublishedMark | undefined> {
  let text: string
  try {
    text = await readFile(markPath(path), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const read: unknown = JSON.parse(text)
    const isMark =
      isRecord(read) &&
      typeof read['writer'] === 'string' &&
      Number.isSafeInteger(read['incarnation']) &&
      Number.isSafeInteger(read['id'])
    return isMark ? (read as unknown as PublishedMark) : undefined
  } catch {
    return undefined
  }
}

/** Writes a piece where it is not there yet. Errors: those of files, SINK_AHEAD, TARGET_IN_USE, SINK_TARGET_LOST. */
export async function publishPiece(
  { writer, snapshot, staged }: SinkBatch<FilePiece>,
  use: FileUse,
): Promise<void> {
  const at: FileUse = { ...use, path: staged.path }
  try {
    const path = await realPathOf(staged.path)
    const isDone = async (): Promise<boolean> =>
      isMarked(await readMark(path), { writer, snapshot, staged }, at)
    if (await isDone()) return
    const bytes = Buffer.from(staged.text)
    if (!staged.replaces) await writeAt(path, staged.at, bytes, at)
    else if (staged.staged === undefined || !(await placeFirst(staged.staged, path, bytes.length))) {
      if (await isDone()) return
      await writeDurably(path, temporaryOf(path), bytes)
    }
    await writeMark(path, { writer, ...snapshot })
    if (staged.replaces) await dropStagedFirsts(path, snapshot)
  } catch (error) {
    throw fileError(error, at)
  }
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

async function writeAt(path: string, at: number, bytes: Buffer, use: FileUse): Promise<void> {
  let handle: FileHandle
  try {
    handle = await open(path, at > 0 ? writing.there : writing.orNew)
  } catch (error) {
    throw at > 0 ? missing(error, at, use) : error
  }
  try {
    const { size } = await handle.stat()
    if (size < at) throw lost(use, `has ${size} bytes, and ${at} were published`)
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done)
      done += bytesWritten
    }
    await handle.datasync()
  } finally {
    await handle.close()
  }
  if (at === 0) await syncFolder(dirname(path))
}

export async function writeMark(path: string, { writer, incarnation, id }: PublishedMark): Promise<void> {
  const text = `${JSON.stringify({ writer, incarnation, id })}\n`
  await writeDurably(markPath(path), temporaryOf(path), Buffer.from(text))
}

function markPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.published`)
}

let lastTemporary = 0

/** No other writer's, in whatever thread or process. */
function temporaryOf(path: string): string {
  const number = `${process.pid}-${threadId}-${++lastTemporary}`
  return join(dirname(path), `.${basename(path)}.${number}.partial`)
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
