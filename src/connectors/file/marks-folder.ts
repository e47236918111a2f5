/**
 * The folder `.<name>.marks` beside a file, or beside the parts of an instance. In it are:
 *
 * - marks, `<turn>-<incarnation>-<snapshot>-<writer>`: what is published (`marks.ts`);
 * - claims, `<turn>.claim`, empty: the turns that are taken (`turns.ts`);
 * - what is being written to become a mark, `.<process>.<number>.partial`.
 *
 * Names that are none of these are left alone; versions of before know marks only.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { threadId } from 'node:worker_threads'
import type { Clock } from '../../base/clock.ts'
import { syncFolder } from '../../base/durable-files.ts'
import { isLeftOver, processName } from '../../base/process-name.ts'
import type { SinkSnapshot } from '../../component/index.ts'

export interface ListedMark extends SinkSnapshot {
  readonly name: string
  readonly turn: number
  /** `digestOf` it. */
  readonly writer: string
}

export interface Listed {
  readonly marks: readonly ListedMark[]
  /** Turns. */
  readonly claims: readonly number[]
}

/** Nothing where there is no folder. */
export async function listFolder(folder: string): Promise<Listed> {
  const marks: ListedMark[] = []
  const claims: number[] = []
  for (const name of await namesIn(folder)) {
    const [, turn, incarnation, id, writer] = /^(\d+)-(\d+)-(\d+)-([0-9a-f]+)$/.exec(name) ?? []
    if (writer !== undefined)
      marks.push({ name, turn: Number(turn), incarnation: Number(incarnation), id: Number(id), writer })
    const claim = /^(\d+)\.claim$/.exec(name)?.[1]
    if (claim !== undefined) claims.push(Number(claim))
  }
  return { marks, claims }
}

export function claimPath(folder: string, turn: number): string {
  return join(folder, `${turn}.claim`)
}

/** Who made it may have ended before he synced it: so does who writes the first mark or claim (`isFirst`). */
export async function makeMarksFolder(folder: string, isFirst: boolean): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if (!isFirst) return
  }
  await syncFolder(dirname(folder))
}

export function folderOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.marks`)
}

/** Of a writer, in names of files. */
export function digestOf(writer: string): string {
  return createHash('sha256').update(writer).digest('hex').slice(0, 16)
}

const ending = '.partial'
let lastTemporary = 0

/** No other's, in whatever thread or process. */
export function temporaryIn(folder: string): string {
  return join(folder, `.${processName()}.${threadId}-${++lastTemporary}${ending}`)
}

/** Removes what processes that are no more were writing to become marks of `path`. */
export async function dropTemporaries(path: string, clock: Clock): Promise<void> {
  const folder = folderOf(path)
  for (const name of await namesIn(folder)) {
    if (!name.startsWith('.') || !name.endsWith(ending)) continue
    const left = join(folder, name)
    if (await isLeftOver(name.slice(1), left, clock)) await rm(left, { force: true })
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
