/**
 * One file for each instance and snapshot: staged under a hidden name, synced, and renamed when its snapshot is committed. Names say which:
 * `<name>-<instance>-<incarnation>-<snapshot>`, before the ending; in their order they are in that of snapshots.
 *
 * - PP-1 The name of a part is that of its writer and snapshot alone: whoever renames it gives it the same name, once.
 * - PP-2 A reader takes what is not hidden. A part is whole from the moment it is to be seen.
 */
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { syncFolder } from '../../base/durable-files.ts'
import { compareSinkSnapshots, type SinkBatch, type SinkSnapshot } from '../../component/index.ts'
import { type FileUse, fileError } from './errors.ts'
import { lost } from './published.ts'

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
  const staged = join(dirname(path), `.${basename(path)}.staged`)
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

/** Errors: those of files; SINK_TARGET_LOST where the part is neither staged nor published. */
export async function publishPart({ staged: piece }: SinkBatch<PartPiece>, use: FileUse): Promise<void> {
  const at: FileUse = { ...use, path: piece.path }
  try {
    await rename(piece.staged, piece.path)
    await syncFolder(dirname(piece.path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw fileError(error, at)
    if ((await sizeOf(at)) !== piece.bytes) throw lost(at, 'is neither published nor staged any more')
    // Who gave it its name may have ended before that was on the disk.
    await syncFolder(dirname(piece.path))
  }
}

/** Undefined where there is no such file; what cannot be looked at is an error of its own. */
async function sizeOf(at: FileUse): Promise<number | undefined> {
  try {
    return (await stat(at.path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw fileError(error, at)
  }
}

/** The newest part of a writer. */
export async function recoverPart(
  writer: string,
  published: SinkSnapshot | undefined,
  use: FileUse,
): Promise<SinkSnapshot | undefined> {
  const own = partsOf(use.path, writer)
  const all = await readdir(dirname(use.path))
  const found = all.flatMap((name) => own(name) ?? []).toSorted(compareSinkSnapshots)
  const newest = found.at(-1)
  if (published !== undefined && (newest === undefined || compareSinkSnapshots(newest, published) < 0))
    throw lost(use, `has no part of snapshot ${published.id}, which ${writer} has published`)
  return newest
}

/** Removes what was staged for snapshots that came to nothing. To be called when all that may be published is, and nothing is staged. */
export async function dropStaged({ path }: FileUse, writer: string): Promise<void> {
  const own = partsOf(path, writer)
  const folder = dirname(path)
  for (const name of await readdir(folder)) {
    const part = /^\.(.*)\.staged$/.exec(name)?.[1]
    if (part !== undefined && own(part) !== undefined) await rm(join(folder, name), { force: true })
  }
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
