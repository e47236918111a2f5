import { Buffer } from 'node:buffer'
import { EntryReader, hashOfKey, neverDamaged, type StateEntry } from '../state/entry-block.ts'
import type { UnreadRows } from '../state/keyed-state.ts'
import { added, changesOf, type MergedSection } from './merge.ts'

/** Are given each row: `direct` where the full file has it as it is, and where that says no, `other`. */
export interface RowReaders {
  readonly direct: (reader: EntryReader) => boolean
  readonly other: (entry: StateEntry) => void
}

type SectionBytes = Pick<MergedSection, 'oldest' | 'newer'>

/**
 * A key group of several files, row by row, in any order. Where rows stand is noted when the first one is asked for: that costs a tenth of
 * making rows of them.
 */
export class SectionRows implements UnreadRows {
  private readonly readers: RowReaders
  private readonly section: SectionBytes
  private index: SectionIndex | undefined

  constructor(section: SectionBytes, readers: RowReaders) {
    this.section = section
    this.readers = readers
  }

  get isOver(): boolean {
    return this.index?.isOver === true
  }

  read(encoded: string): void {
    this.index ??= new SectionIndex(this.section, this.readers)
    this.index.read(encoded)
  }

  readSome(rowsMax: number): void {
    this.index ??= new SectionIndex(this.section, this.readers)
    this.index.readSome(rowsMax)
  }
}

class SectionIndex {
  private readonly readers: RowReaders
  private readonly files: readonly EntryReader[]
  /** Of each row of the full file, which block has it, and where it begins there. */
  private readonly blocks: number[] = []
  private readonly starts: number[] = []
  private readonly taken: Uint8Array
  /** Rows by the hashes of their keys, counted from 1, with open addressing. */
  private readonly table: Int32Array
  private readonly newer: Map<string, StateEntry>
  private next = 0

  constructor({ oldest, newer }: SectionBytes, readers: RowReaders) {
    this.readers = readers
    this.files = oldest.map((bytes) => new EntryReader(bytes))
    const hashes: number[] = []
    for (const [block, reader] of this.files.entries())
      while (reader.next(neverDamaged)) {
        this.blocks.push(block)
        this.starts.push(reader.start)
        hashes.push(reader.keyHash)
      }
    this.taken = new Uint8Array(hashes.length)
    this.table = new Int32Array(2 ** Math.ceil(Math.log2(2 * hashes.length + 1)))
    const mask = this.table.length - 1
    for (let row = 0; row < hashes.length; row++) {
      let at = hashes[row]! & mask
      while (this.table[at] !== 0) at = (at + 1) & mask
      this.table[at] = row + 1
    }
    this.newer = new Map(changesOf(newer).entries)
  }

  get isOver(): boolean {
    return this.next === this.starts.length && this.newer.size === 0
  }

  read(encoded: string): void {
    const key = Buffer.from(encoded)
    const row = this.rowOf(key)
    if (row !== undefined && this.taken[row] === 1) return
    this.give(row, key.toString('latin1'))
  }

  readSome(rowsMax: number): void {
    let left = rowsMax
    for (; left > 0 && this.next < this.starts.length; left--) {
      if (this.taken[this.next] === 0)
        this.give(this.next, this.newer.size > 0 ? this.at(this.next).name : '')
      this.next++
    }
    for (const name of this.newer.keys()) {
      if (left-- <= 0) return
      this.give(undefined, name)
    }
  }

  /** Marked before: whoever restores it looks for it. */
  private give(row: number | undefined, name: string): void {
    const after = this.newer.get(name)
    this.newer.delete(name)
    if (row !== undefined) this.taken[row] = 1
    try {
      this.tell(row === undefined ? undefined : this.at(row), after)
    } catch (error) {
      if (after !== undefined) this.newer.set(name, after)
      if (row !== undefined) this.taken[row] = 0
      throw error
    }
  }

  private tell(reader: EntryReader | undefined, after: StateEntry | undefined): void {
    const { direct, other } = this.readers
    if (after === undefined) {
      if (reader !== undefined && !direct(reader)) other(reader.entry)
      return
    }
    if (after.kind === 'delete') return
    if (after.kind === 'append' && reader !== undefined) other(added(reader.entry, after))
    else other({ ...after, kind: 'put' })
  }

  private at(row: number): EntryReader {
    const reader = this.files[this.blocks[row]!]!
    reader.goTo(this.starts[row]!)
    return reader
  }

  private rowOf(key: Uint8Array): number | undefined {
    const mask = this.table.length - 1
    for (let at = hashOfKey(key, 0, key.length) & mask; ; at = (at + 1) & mask) {
      const row = this.table[at]!
      if (row === 0) return undefined
      if (this.at(row - 1).hasKey(key)) return row - 1
    }
  }
}
