import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isThere } from '../../base/is-there.ts'
import { VertigoError } from '../../base/errors.ts'
import { makeFolder } from '../../base/make-folder.ts'
import type { Journal } from '../../journal/journal.ts'

/** Whose journal it is. */
export interface JournalOwner {
  readonly network: string
  readonly component: string
  readonly instance: number
  /** Of the deployment that it belongs to: one that begins afresh has nothing to do with what another one has received. */
  readonly life: number
}

export interface JournalPlace extends JournalOwner {
  /** A folder that all nodes share. Default: one of this node. */
  readonly folder: string | undefined
  readonly bytesMax: number | undefined
  readonly generation: number
  /** A position in it is known, so that it has to be there. */
  readonly isKnown: boolean
}

/** Where the journals of sources are: on the disk, or, in tests, anywhere else. */
export interface Journals {
  /** Errors: those of journals; SOURCE_POSITION_LOST where it has to be there and is not. */
  open(place: JournalPlace): Promise<Journal>
  /** Deletes those of the same instance and other lives: no snapshot that is kept knows them. */
  forgetOthers(place: JournalPlace, lives: readonly number[]): Promise<void>
}

/** Journals in a folder of this node, but for those whose network names one. */
export function folderJournals(folder: string): Journals {
  return {
    async open(place) {
      const path = join(folderOf(place, folder), nameOf(place))
      if (place.isKnown && !(await isThere(path))) throw lost(place, path)
      // Most threads host no such source.
      const { openJournal } = await import('../../journal/open.ts')
      return openJournal({
        folder: path,
        generation: place.generation,
        ...(place.bytesMax !== undefined && { bytesMax: place.bytesMax }),
      })
    },
    async forgetOthers(place, lives) {
      const kept = new Set([place.life, ...lives].map((life) => nameOf({ ...place, life })))
      const ofAll = folderOf(place, folder)
      await makeFolder(ofAll)
      for (const name of await readdir(ofAll))
        if (name.startsWith(prefixOf(place)) && !kept.has(name))
          await rm(join(ofAll, name), { recursive: true, force: true })
    },
  }
}

function folderOf({ folder, network }: JournalPlace, ofNode: string): string {
  return join(folder ?? ofNode, network)
}

function prefixOf({ component, instance }: JournalOwner): string {
  return `${encodeURIComponent(component)}-${instance}-`
}

function nameOf(owner: JournalOwner): string {
  return `${prefixOf(owner)}${owner.life}`
}

function lost({ component, instance }: JournalOwner, path: string): VertigoError {
  return new VertigoError(
    'SOURCE_POSITION_LOST',
    `the journal of ${component}[${instance}] is not in ${path}, and a snapshot goes back to a position in it`,
    { place: { component } },
  )
}
