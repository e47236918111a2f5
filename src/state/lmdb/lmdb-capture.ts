import type { Transaction } from 'lmdb'
import type { Clock } from '../../base/clock.ts'
import {
  type Capture,
  type CapturedRow,
  chunkEntriesMax,
  encodeRows,
  readRow,
  rowsPerLook,
  type StateChunk,
} from '../capture.ts'
import { applyToRow, entryOf } from '../entries.ts'
import { newRow, type SlotDeclaration } from '../row.ts'
import { decodeMark, type Mark } from './marks.ts'
import type { Bytes } from './row-files.ts'
import { behind, encodedOf, groupOf } from './row-keys.ts'

export interface CaptureMeans {
  readonly slots: readonly SlotDeclaration[]
  readonly place: string
  readonly write: (chunk: StateChunk) => void
  readonly isWhole: boolean
  readonly rows: Bytes
  /** Of the rows that have changed. */
  readonly marks: Bytes
  readonly givenBack: () => void
}

/** CA-1 is the database's: all is read by one view of it, which is taken at the cut. */
export class LmdbCapture implements Capture {
  private readonly means: CaptureMeans
  private readonly view: Transaction
  private readonly hasValuesOnly: boolean
  private page: { readonly key: Buffer; readonly value: Buffer }[] = []
  private at = 0
  private start: Buffer | undefined
  private isLastPage = false
  private group = 0
  private removed: string[] = []
  private captured: CapturedRow[] = []
  private isReleased = false
  isDone = false

  constructor(means: CaptureMeans) {
    this.means = means
    this.view = means.rows.useReadTransaction()
    this.hasValuesOnly = means.slots.every(({ type }) => type === 'value')
  }

  step(clock: Clock, budgetMs: number): void {
    const end = clock.monotonic() + budgetMs
    for (let rows = 1; !this.isDone; rows++) {
      this.next()
      if (rows % rowsPerLook === 0 && clock.monotonic() >= end) return
    }
  }

  giveBack(): void {
    if (this.isReleased) return
    this.release()
    this.means.givenBack()
  }

  /** Nothing is read any more. Idempotent. */
  release(): void {
    this.isReleased = true
    this.end()
  }

  private end(): void {
    if (this.isDone) return
    this.isDone = true
    this.view.done()
  }

  private next(): void {
    const marked = this.mark()
    if (marked === undefined) {
      this.flush()
      this.end()
      return
    }
    const { key, value } = marked
    const group = groupOf(key)
    if (group !== this.group || this.captured.length + this.removed.length >= chunkEntriesMax) this.flush()
    this.group = group
    const mark = decodeMark(value)
    if (mark.isRemoved) this.removed.push(encodedOf(key) ?? mark.encoded!)
    const bytes = this.means.rows.get(key, { transaction: this.view })
    if (bytes !== undefined) this.captured.push(this.rowOf(encodedOf(key) ?? mark.encoded!, bytes, mark))
  }

  private mark(): { readonly key: Buffer; readonly value: Buffer } | undefined {
    if (this.at < this.page.length) return this.page[this.at++]
    if (this.isLastPage) return undefined
    const { start, view } = this
    this.page = [
      ...this.means.marks.getRange({ ...(start && { start }), limit: chunkEntriesMax, transaction: view }),
    ]
    this.at = 0
    this.isLastPage = this.page.length < chunkEntriesMax
    const last = this.page.at(-1)
    if (last !== undefined) this.start = behind(last.key)
    return this.mark()
  }

  private rowOf(key: string, bytes: Buffer, { changes }: Mark): CapturedRow {
    const { slots, place, isWhole } = this.means
    // What is in the database says all of a row.
    if (isWhole || this.hasValuesOnly) return { key, isWhole: true, bytes: new Uint8Array(bytes) }
    const entry = readRow(bytes)
    const row = newRow(entry.key, this.group, slots)
    applyToRow(row, slots, entry, 0)
    row.changes = changes === undefined ? undefined : [...changes]
    return encodeRows([entryOf(row, slots)], slots, place)[0]!
  }

  private flush(): void {
    const { group, removed, captured } = this
    if (removed.length === 0 && captured.length === 0) return
    this.removed = []
    this.captured = []
    this.means.write({ group, removed, rows: captured })
  }
}
