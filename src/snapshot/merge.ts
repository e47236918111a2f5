import { Buffer } from 'node:buffer'
import { VertigoError } from '../base/errors.ts'
import { keyGroupSections, type StateChunk, type StateEntry, type StateFile } from './state-file.ts'

/**
 * Makes one full state of a full file and the increments behind it, by streaming over the files: what is in memory at a time is one
 * section, so the 256th part of the state, and never the live state.
 */

export interface MergeOptions {
  /** Sections to be left out: after rescaling, an instance reads its own key groups of several files. Default: none. */
  readonly omit?: (section: number) => boolean
}

/** `files`: oldest first, of which the first is full. The chunks are those of a full file, one for each section. */
export async function* mergeStates(
  files: readonly StateFile[],
  { omit = () => false }: MergeOptions = {},
): AsyncGenerator<StateChunk, void, undefined> {
  checkOrder(files)
  const cursors = files.map((file) => new Cursor(file))
  try {
    for (const cursor of cursors) await cursor.advance()
    for (;;) {
      const section = Math.min(...cursors.map((cursor) => cursor.section))
      if (section === Infinity) return
      const merged = new Map<string, StateEntry>()
      for (const cursor of cursors) {
        // What is not keyed is whole in each file (SF-2): the last one has all that is left of it.
        const counts = !omit(section) && (section < keyGroupSections || cursor === cursors.at(-1))
        for (; cursor.section === section; await cursor.advance())
          if (counts) for (const entry of cursor.entries) addTo(merged, entry)
      }
      if (merged.size > 0) yield { section, entries: merged.values() }
    }
  } finally {
    await Promise.all(cursors.map((cursor) => cursor.close()))
  }
}

function checkOrder(files: readonly StateFile[]): void {
  for (const [index, { head }] of files.entries()) {
    const is = index === 0 ? 'full' : 'increment'
    if (head.kind !== is)
      throw new VertigoError(
        'SNAPSHOT_FILE_DAMAGED',
        `File ${index + 1} of the state of ${head.component}[${head.instance}] is ${head.kind}, and has to be ${is}.`,
      )
  }
}

function addTo(merged: Map<string, StateEntry>, entry: StateEntry): void {
  const name = Buffer.from(entry.key.buffer, entry.key.byteOffset, entry.key.byteLength).toString('latin1')
  if (entry.kind === 'delete') {
    merged.delete(name)
    return
  }
  const before = entry.kind === 'append' ? merged.get(name) : undefined
  const parts = before === undefined ? entry.parts : [...before.parts, ...entry.parts]
  merged.set(name, { kind: 'put', key: entry.key, parts })
}

/** Where the reading of a file stands; its section is infinite at the end. */
class Cursor {
  section = -1
  entries: readonly StateEntry[] = []
  readonly #file: StateFile

  constructor(file: StateFile) {
    this.#file = file
  }

  async advance(): Promise<void> {
    const next = await this.#file.chunks.next()
    this.section = next.done === true ? Infinity : next.value.section
    this.entries = next.done === true ? [] : next.value.entries
  }

  async close(): Promise<void> {
    await this.#file.chunks.return()
  }
}
