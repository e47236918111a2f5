import { VertigoError } from '../base/errors.ts'
import { EntryBlock, EntryReader, neverDamaged } from '../state/entry-block.ts'
import {
  type EncodedChunk,
  keyGroupSections,
  type StateChunk,
  type StateEntry,
  type StateFile,
} from './state-file.ts'

/**
 * Makes one full state of a full file and the increments behind it, by streaming over the files: what is in memory at a time is one
 * section, so the 256th part of the state, and never the live state.
 */

export interface MergeOptions {
  /** Sections to be left out: after rescaling, an instance reads its own key groups of several files. Default: none. */
  readonly omit?: (section: number) => boolean
}

/** `files`: oldest first, of which the first is full. What is given is that of a full file, section by section. */
export async function* mergeStates(
  files: readonly StateFile[],
  { omit = () => false }: MergeOptions = {},
): AsyncGenerator<MergedSection, void, undefined> {
  checkOrder(files)
  const cursors = files.map((file) => new Cursor(file))
  try {
    for (const cursor of cursors) await cursor.advance()
    for (;;) {
      const section = Math.min(...cursors.map((cursor) => cursor.section))
      if (section === Infinity) return
      const merged = new MergedSection(section)
      for (const [at, cursor] of cursors.entries()) {
        // What is not keyed is whole in each file (SF-2): the last one has all that is left of it.
        const counts = !omit(section) && (section < keyGroupSections || cursor === cursors.at(-1))
        for (; cursor.section === section; await cursor.advance()) {
          if (!counts) continue
          if (at === 0) merged.addOldest(cursor.bytes)
          else merged.addNewer(cursor.bytes)
        }
      }
      if (!merged.isEmpty) yield merged
    }
  } finally {
    await Promise.all(cursors.map((cursor) => cursor.close()))
  }
}

/** A power of two. */
const hashes = 16_384

/**
 * A section of several files as one: what the full file has of it stays as it is, but for the keys that increments say something of. It
 * is bytes until it is gone through, which may be done more than once.
 */
export class MergedSection implements StateChunk {
  readonly section: number
  /** Of the full file. */
  readonly oldest: Uint8Array[] = []
  /** Of increments, oldest first. */
  readonly newer: Uint8Array[] = []

  constructor(section: number) {
    this.section = section
  }

  get isEmpty(): boolean {
    return this.oldest.length === 0 && this.newer.length === 0
  }

  addOldest(bytes: Uint8Array): void {
    this.oldest.push(bytes)
  }

  addNewer(bytes: Uint8Array): void {
    this.newer.push(bytes)
  }

  /** `other` gets the entries of which `direct` says no. */
  visit(direct: (reader: EntryReader) => boolean, other: (entry: StateEntry) => void): void {
    const { entries: newer, mayHave } = changesOf(this.newer)
    const seen = new Set<string>()
    for (const bytes of this.oldest) {
      const reader = new EntryReader(bytes)
      while (reader.next(neverDamaged)) {
        const mayBe = newer.size > 0 && mayHave[reader.keyHash & (hashes - 1)] === 1
        const name = mayBe ? reader.name : ''
        const after = mayBe ? newer.get(name) : undefined
        if (after !== undefined) {
          seen.add(name)
          if (after.kind === 'append') other(added(reader.entry, after))
          else if (after.kind === 'put') other(after)
        } else if (!direct(reader)) other(reader.entry)
      }
    }
    for (const [name, { kind, key, parts }] of newer)
      if (kind !== 'delete' && !seen.has(name)) other({ kind: 'put', key, parts })
  }

  get entries(): readonly StateEntry[] {
    const entries: StateEntry[] = []
    this.visit(
      () => false,
      (entry) => entries.push(entry),
    )
    return entries
  }

  /** The same as bytes: what no increment says anything of is copied, as many rows at a time as stand beside each other. */
  get encoded(): EncodedChunk {
    const block = new EntryBlock()
    const run = new Run(block)
    this.visit(
      (reader) => {
        run.add(reader)
        return true
      },
      (entry) => block.addEntry(entry),
    )
    run.end()
    const { count } = block
    return { section: this.section, count, bytes: block.take() }
  }
}

/** Entries that stand beside each other, on their way into another block. */
class Run {
  private readonly block: EntryBlock
  private reader: EntryReader | undefined
  private start = 0
  private stop = 0
  private count = 0

  constructor(block: EntryBlock) {
    this.block = block
  }

  add(reader: EntryReader): void {
    if (reader !== this.reader || reader.start !== this.stop) {
      this.end()
      this.reader = reader
      this.start = reader.start
    }
    this.stop = reader.end
    this.count++
  }

  end(): void {
    if (this.reader !== undefined)
      this.block.addEncoded(this.reader.between(this.start, this.stop), this.count)
    this.count = 0
  }
}

export interface Changes {
  /** By the names of keys: what is put, added to what is there, or deleted. */
  readonly entries: ReadonlyMap<string, StateEntry>
  /** By hashes of keys, whether there may be one: most rows have not changed, and need no name then. */
  readonly mayHave: Uint8Array
}

const noChanges: Changes = { entries: new Map(), mayHave: new Uint8Array() }

/** Of increments, oldest first. */
export function changesOf(blocks: readonly Uint8Array[]): Changes {
  if (blocks.length === 0) return noChanges
  const entries = new Map<string, StateEntry>()
  const mayHave = new Uint8Array(hashes)
  for (const bytes of blocks) {
    const reader = new EntryReader(bytes)
    while (reader.next(neverDamaged)) {
      const { name, entry } = reader
      const before = entry.kind === 'append' ? entries.get(name) : undefined
      entries.set(name, before === undefined ? entry : added(before, entry))
      mayHave[reader.keyHash & (hashes - 1)] = 1
    }
  }
  return { entries, mayHave }
}

/** What `append` adds to. */
export function added(before: StateEntry, { key, parts }: StateEntry): StateEntry {
  if (before.kind === 'delete') return { kind: 'put', key, parts }
  return { kind: before.kind, key, parts: [...before.parts, ...parts] }
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

const nothing = new Uint8Array()

/** Where the reading of a file stands; its section is infinite at the end. */
class Cursor {
  section = -1
  bytes: Uint8Array = nothing
  readonly #file: StateFile

  constructor(file: StateFile) {
    this.#file = file
  }

  async advance(): Promise<void> {
    const next = await this.#file.blocks.next()
    this.section = next.done === true ? Infinity : next.value.section
    this.bytes = next.done === true ? nothing : next.value.bytes
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}
