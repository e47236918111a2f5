import { assert } from '../../base/assert.ts'
import { isVertigoError } from '../../base/errors.ts'
import { type Capture, encodeEntry, readRow, type StateChunk } from '../capture.ts'
import { applyToRow, type Entry, entryOf } from '../entries.ts'
import type { KeyedState, UnreadRows } from '../keyed-state.ts'
import { encodeKey, keyGroupOf } from '../keys.ts'
import {
  hasTtl,
  isExpired,
  newRow,
  noEpoch,
  type Row,
  type RowTracker,
  type SlotDeclaration,
} from '../row.ts'
import type { Pair } from './bytes.ts'
import { LmdbCapture } from './lmdb-capture.ts'
import { MarkBooks, valueBytes } from './mark-books.ts'
import { RowCache } from './row-cache.ts'
import { entriesMax, type RowFiles } from './row-files.ts'
import { behind, encodedOf, groupOf, rowKey } from './row-keys.ts'

/**
 * Keyed state that need not fit into memory: rows are in a temporary database, and those at work in a cache of bounded size.
 *
 * - LS-1 A row that has changed is written by the end of a turn in which many have, before it leaves the cache, and at a cut. With it, in
 *   the same transaction, stands a mark that says what of it has changed since the last cut.
 * - LS-2 A cut writes what has changed and takes a view of the database: what a capture reads is as it was then, whatever is written
 *   meanwhile. Nothing is handed over, and no row waits for a capture.
 * - LS-3 What is in memory is bounded by the cache, the rows that changed since they were written last, and what one turn asks for.
 * - LS-4 Where the disk refuses the marks of a capture that is given back, they are given back before the next cut. Until then there is none:
 *   its snapshot would lack what they mark.
 */

export interface LmdbStateLimits {
  readonly cacheRowsMax: number
  readonly cacheBytesMax: number
  /** Rows that have changed and are not written; a cut writes them within a few milliseconds. */
  readonly dirtyRowsMax: number
}

export const defaultLimits: LmdbStateLimits = {
  cacheRowsMax: 200_000,
  cacheBytesMax: 64 * 1024 ** 2,
  dirtyRowsMax: 1_024,
}
/** Where one turn changes more than this many times as many, they are written in the middle of it. */
const dirtyTurnFactor = 8
/** Rows of one look for those that have outlived their time. */
const sweptRowsMax = 32
const pageRows = 256
/** Of rows that have changed and are not written. */
const dirtyEpoch = 1
/** Of rows that are no more. */
const goneEpoch = -1

export class LmdbState implements KeyedState, RowTracker {
  readonly slots: readonly SlotDeclaration[]
  readonly tracker: RowTracker = this
  readonly epoch = dirtyEpoch
  readonly withTtl: boolean
  readonly keepsRows = false
  private readonly place: string
  readonly restoring = undefined
  private readonly files: RowFiles
  private readonly limits: LmdbStateLimits
  private readonly cache: RowCache
  private readonly books: MarkBooks
  private dirty: Row[] = []
  private hasSnapshots = false
  private sweptTo: Buffer | undefined
  private capturing: LmdbCapture | undefined
  /** LS-4 */
  private owesMarks = false
  private isClosed = false

  constructor(
    slots: readonly SlotDeclaration[],
    place: string,
    files: RowFiles,
    limits: Partial<LmdbStateLimits> = {},
  ) {
    this.slots = slots
    this.place = place
    this.files = files
    this.limits = { ...defaultLimits, ...limits }
    this.withTtl = hasTtl(slots)
    this.cache = new RowCache({ rowsMax: this.limits.cacheRowsMax, bytesMax: this.limits.cacheBytesMax })
    this.books = new MarkBooks(files)
  }

  beginSnapshots(): void {
    this.hasSnapshots = true
  }

  row(encoded: string, key: unknown): Row {
    let row = this.find(encoded)
    if (row === undefined) {
      row = newRow(key, keyGroupOf(encoded), this.slots)
      this.cache.set(encoded, row)
    }
    return row
  }

  find(encoded: string): Row | undefined {
    const known = this.cache.get(encoded)
    if (known !== undefined || this.isClosed) return known
    const group = keyGroupOf(encoded)
    const bytes = this.files.rows.get(rowKey(group, encoded))
    return bytes === undefined ? undefined : this.cached(encoded, group, bytes)
  }

  /** KS-2: what comes after it is a change of the row in memory only, until it is written. */
  note(row: Row): void {
    if (this.dirty.length >= this.limits.dirtyRowsMax * dirtyTurnFactor) this.flush()
    row.epoch = dirtyEpoch
    row.changes = undefined
    this.dirty.push(row)
  }

  restore(entry: Entry, isNew: boolean, nowMs: number): void {
    const encoded = encodeKey(entry.key)
    const row = this.row(encoded, entry.key)
    applyToRow(row, this.slots, entry, nowMs)
    if (row.epoch === noEpoch) {
      row.epoch = dirtyEpoch
      this.dirty.push(row)
    }
    if (isNew && this.hasSnapshots) row.changes = this.slots.map(() => 'whole')
    // What the files of the last snapshot have is no change since then.
    this.flushRestored(isNew)
  }

  /** At once: what waits would be in memory. */
  restoreGroup(_group: number, rows: UnreadRows): void {
    rows.readSome(Infinity)
  }

  *rows(nowMs: number): IterableIterator<Row> {
    this.flush()
    let start: Buffer | undefined
    for (;;) {
      const page = this.page(start, pageRows)
      for (const { key, value } of page) {
        start = behind(key)
        const { encoded, row } = this.rowAt(key, value)
        const now = this.cache.get(encoded) ?? row
        if (!this.withTtl || !isExpired(now, this.slots, nowMs)) yield now
      }
      if (page.length < pageRows) return
      this.makeRoom()
    }
  }

  tend(nowMs: number): void {
    if (this.isClosed) return
    if (this.withTtl) this.sweep(nowMs)
    if (this.dirty.length >= this.limits.dirtyRowsMax) this.flush()
    this.makeRoom()
  }

  capture(place: string, write: (chunk: StateChunk) => void, isWhole = false): Capture {
    this.flush()
    // The one before has been committed, or was given back.
    this.capturing?.release()
    if (this.owesMarks) this.giveMarksBack()
    const book = this.books.cut()
    this.capturing = new LmdbCapture({
      slots: this.slots,
      place,
      write,
      isWhole: isWhole || book.isWhole,
      rows: this.files.rows,
      marks: book.marks,
      givenBack: () => this.givenBack(),
    })
    return this.capturing
  }

  /** Whoever takes the next cut is told of a disk that still refuses it then. */
  private givenBack(): void {
    this.owesMarks = true
    try {
      this.giveMarksBack()
    } catch (error) {
      if (!isVertigoError(error) || error.code !== 'STATE_DISK_FAILED') throw error
    }
  }

  private giveMarksBack(): void {
    this.books.giveBack()
    this.owesMarks = false
  }

  /** It is for states that are large, of which seldom most changes between two snapshots. */
  noteRest(): boolean {
    return false
  }

  noteAll(): void {
    if (this.isClosed) return
    this.flush()
    let start: Buffer | undefined
    for (;;) {
      const page = this.page(start, entriesMax)
      const about = { isRemoved: false, changes: undefined }
      const marks = page.map(({ key, value }) =>
        this.books.marked(key, encodedOf(key) ?? encodeKey(readRow(value).key), about),
      )
      this.files.write(valueBytes(marks), () => this.books.put(marks))
      if (page.length < entriesMax) return
      start = behind(page.at(-1)!.key)
    }
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.capturing?.release()
    this.dirty = []
    this.files.close()
  }

  /** Rows in memory, for tests. */
  get cachedRows(): number {
    return this.cache.size
  }

  private makeRoom(): void {
    if (!this.cache.isFull) return
    this.flush()
    this.cache.turn()
  }

  /** While a state is restored, nobody else works on it. */
  private flushRestored(isNew: boolean): void {
    if (this.dirty.length < this.limits.dirtyRowsMax && !this.cache.isFull) return
    this.flush(isNew)
    if (this.cache.isFull) this.cache.turn()
  }

  /** LS-1. Errors: STATE_DISK_FAILED, STATE_NOT_ENCODABLE; what was not written is tried again by the next one. */
  private flush(isMarked = true): void {
    if (this.isClosed) return
    const { dirty } = this
    let written = 0
    try {
      for (; written < dirty.length; written += entriesMax) {
        const some = dirty.slice(written, written + entriesMax)
        this.writeRows(
          some.filter(({ epoch }) => epoch === dirtyEpoch),
          isMarked,
        )
      }
    } finally {
      this.dirty = dirty.slice(written)
    }
  }

  private writeRows(changed: readonly Row[], isMarked: boolean): void {
    const { hasSnapshots, place: owner, slots } = this
    const rows: Pair[] = []
    const marks: Pair[] = []
    for (const row of changed) {
      const encoded = encodeKey(row.key)
      const key = rowKey(row.group, encoded)
      rows.push({ key, value: asBuffer(new Uint8Array(encodeEntry(entryOf(row, slots, true), owner))) })
      if (isMarked && hasSnapshots)
        marks.push(this.books.marked(key, encoded, { isRemoved: false, changes: row.changes }))
    }
    this.files.write(valueBytes(rows) + valueBytes(marks), () => {
      for (const { key, value } of rows) this.files.rows.put(key, value)
      this.books.put(marks)
    })
    for (const { value } of rows) this.cache.weigh(value.byteLength)
    for (const row of changed) {
      row.epoch = noEpoch
      row.changes = undefined
    }
  }

  /** Some rows at a time, round and round. */
  private sweep(nowMs: number): void {
    const page = this.page(this.sweptTo, sweptRowsMax)
    this.sweptTo = page.length < sweptRowsMax ? undefined : behind(page.at(-1)!.key)
    const gone = page.flatMap(({ key, value }) => {
      const { encoded, row } = this.rowAt(key, value)
      const now = this.cache.get(encoded) ?? row
      return isExpired(now, this.slots, nowMs) ? [{ key, encoded, row: now }] : []
    })
    if (gone.length === 0) return
    const marks = this.hasSnapshots
      ? gone.map(({ key, encoded }) =>
          this.books.marked(key, encoded, { isRemoved: true, changes: undefined }),
        )
      : []
    this.files.write(valueBytes(marks), () => {
      for (const { key } of gone) this.files.rows.remove(key)
      this.books.put(marks)
    })
    for (const { encoded, row } of gone) {
      this.cache.delete(encoded)
      row.epoch = goneEpoch
    }
  }

  private page(start: Buffer | undefined, limit: number): Pair[] {
    if (this.isClosed) return []
    return this.files.rows.page(start, limit)
  }

  private rowAt(key: Buffer, value: Buffer): { readonly encoded: string; readonly row: Row } {
    const entry = readRow(value)
    const row = this.made(groupOf(key), entry)
    return { encoded: encodedOf(key) ?? encodeKey(entry.key), row }
  }

  private cached(encoded: string, group: number, bytes: Buffer): Row {
    const row = this.made(group, readRow(bytes))
    this.cache.set(encoded, row)
    this.cache.weigh(bytes.byteLength)
    return row
  }

  private made(group: number, entry: Entry): Row {
    const row = newRow(entry.key, group, this.slots)
    assert(entry.changed !== null || !this.withTtl, 'a row in the database says when it changed')
    applyToRow(row, this.slots, entry, 0)
    return row
  }
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
