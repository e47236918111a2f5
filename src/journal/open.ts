import { open, readdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { syncFolder } from '../base/durable-files.ts'
import { VertigoError } from '../base/errors.ts'
import { makeFolder } from '../base/make-folder.ts'
import { type Random, systemRandom } from '../base/random.ts'
import { chainOf, type KnownSegment } from './chain.ts'
import { corrupt, diskError, openFile as openSystemFile, type OpenFile } from './disk.ts'
import { FolderJournal } from './folder-journal.ts'
import type { Journal } from './journal.ts'
import { defaultLimits, type JournalLimits } from './limits.ts'
import { releasedFile, segmentFile, sortNames } from './names.ts'
import { type Owner, sealed, takeOver } from './owner.ts'
import type { ReadableSegment } from './read.ts'
import { findEnd, readKnown } from './recover.ts'
import { segmentHeadBytes, type SegmentName } from './segment-head.ts'
import { beginSegment, deleteFiles, noteNext, readReleased, sizeOf, writeReleased } from './segments.ts'

/**
 * Notes of earlier owners are kept for a while: one that was taken over may be about to note and delete what it has released, and
 * its note must not be deleted unread.
 */
const releasedFilesKept = 16

export interface JournalOptions extends Partial<JournalLimits> {
  /** On a disk of this machine: other machines may see a file too late. Made where it is missing. */
  readonly folder: string
  /** Of the plan whose instance writes. An older one is refused; a newer one takes the journal over. */
  readonly generation: number
  readonly random?: Random
  /** Default: that of the system. */
  readonly openFile?: OpenFile
}

/**
 * Opens the journal in a folder, or begins one there, and becomes its writer.
 *
 * Rejects with JOURNAL_SEALED, JOURNAL_IN_USE, JOURNAL_CORRUPT, JOURNAL_FORMAT_NEWER, JOURNAL_FOREIGN, DISK_FULL,
 * FILE_NOT_WRITABLE; what was acknowledged is untouched then.
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const folder = resolve(options.folder)
  const { generation, random = systemRandom } = options
  const tag = `${process.pid}-${random.int(2 ** 32)}`
  const means = { ...options, folder, random, tag, openFile: options.openFile ?? openSystemFile }
  try {
    await prepareFolder(folder)
    // Before anything is written, so that a refusal leaves the folder as it was.
    await readSegments(means)
    const owner = await takeOver(folder, generation, tag)
    try {
      return await openOwned(means, owner)
    } catch (error) {
      await owner.release()
      throw error
    }
  } catch (error) {
    throw diskError(folder, error)
  }
}

interface Means extends JournalOptions {
  readonly random: Random
  readonly openFile: OpenFile
  /** Of no one else. */
  readonly tag: string
}

async function prepareFolder(folder: string): Promise<void> {
  const made = await makeFolder(folder)
  if (made === undefined) return
  for (let path = folder; path !== dirname(made); path = dirname(path)) await syncFolder(dirname(path))
}

async function readSegments(means: Means): Promise<readonly KnownSegment[]> {
  const { folder, generation, openFile } = means
  const { segments, foreign } = sortNames(await readdir(folder))
  if (foreign.length > 0)
    throw new VertigoError('JOURNAL_FOREIGN', `${folder} holds ${foreign[0]}, which belongs to no journal.`)
  const known: KnownSegment[] = []
  for (const name of segments) {
    const segment = await readKnown(folder, name, openFile)
    if (segment !== undefined) known.push(segment)
  }
  const newest = Math.max(0, ...known.map((segment) => segment.generation))
  if (newest > generation) throw sealed(folder, generation, newest)
  return known
}

async function openOwned(means: Means, owner: Owner): Promise<Journal> {
  const { folder, generation, openFile, tag } = means
  const known = await readSegments(means)
  // Behind the heads: a writer that was taken over notes what it releases before it deletes.
  const before = sortNames(await readdir(folder))
  const released = await readReleased(folder, before.released)
  const chain = chainOf(known, released)
  if (chain.kind === 'damaged') throw corrupt(folder, chain.what)
  const last = chain.segments.at(-1)
  const end = last === undefined ? 0 : await findEnd(folder, last, openFile)
  if (released > end) throw corrupt(folder, `it ends at position ${end}, and was released to ${released}`)

  // One that holds nothing is left out, so that opening again and again leaves no trail.
  const isLastEmpty = last !== undefined && last.base === end
  const kept = isLastEmpty ? chain.segments.slice(0, -1) : chain.segments
  const previous = isLastEmpty ? last.previous : nameOf(last)
  const journalId = last?.journalId ?? randomId(means.random)
  const head = { base: end, epoch: owner.epoch, generation, journalId, previous }
  const active = await beginSegment(folder, head, openFile, tag)
  try {
    const predecessor = kept.at(-1)
    if (predecessor !== undefined) await noteNextIn(folder, predecessor, active.name)
    if (!(await owner.isHeld())) throw sealed(folder, generation)
    if (released > 0) await writeReleased(folder, owner.epoch, released, tag)
    const first = kept.findLastIndex(({ base }) => base <= released)
    const leftOver = [...chain.strays, ...kept.slice(0, Math.max(0, first)), ...(isLastEmpty ? [last] : [])]
    await deleteFiles(folder, [
      ...leftOver.map(segmentFile),
      ...before.temporary,
      ...before.released.filter((epoch) => epoch < owner.epoch - releasedFilesKept).map(releasedFile),
    ])
    const segments = await readable(folder, kept.slice(Math.max(0, first)))
    segments.push({ ...active.name, salt: active.salt, bytes: segmentHeadBytes })
    const limits = { ...defaultLimits, ...definedLimits(means) }
    return new FolderJournal({
      folder,
      generation,
      journalId,
      owner,
      limits,
      openFile,
      tag,
      segments,
      active,
      start: released,
      end,
    })
  } catch (error) {
    await active.file.close()
    throw error
  }
}

function nameOf(segment: KnownSegment | undefined): SegmentName | undefined {
  return segment === undefined ? undefined : { base: segment.base, epoch: segment.epoch }
}

async function noteNextIn(folder: string, segment: SegmentName, next: SegmentName): Promise<void> {
  const file = await open(join(folder, segmentFile(segment)), 'r+')
  try {
    await noteNext(file, next)
  } finally {
    await file.close()
  }
}

async function readable(folder: string, segments: readonly KnownSegment[]): Promise<ReadableSegment[]> {
  return Promise.all(
    segments.map(async ({ base, epoch, salt }) => ({
      base,
      epoch,
      salt,
      bytes: await sizeOf(folder, { base, epoch }),
    })),
  )
}

function definedLimits(options: Partial<JournalLimits>): Partial<JournalLimits> {
  const names = Object.keys(defaultLimits) as (keyof JournalLimits)[]
  return Object.fromEntries(
    names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  )
}

function randomId(random: Random): bigint {
  return (BigInt(random.int(2 ** 32)) << 32n) | BigInt(random.int(2 ** 32))
}
