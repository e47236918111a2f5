import type { Clock } from '../../base/clock.ts'
import { addEntry, type Capture, chunkBytesMin, readRow, rowsPerLook, type StateChunk } from '../capture.ts'
import { applyToRow, entryOf } from '../entries.ts'
import { EntryBlock } from '../entry-block.ts'
import { newRow, type SlotDeclaration } from '../row.ts'
import { decodeMark, type Mark } from './marks.ts'
import type { Bytes, Pair, View } from './bytes.ts'
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

/** Read at a time. */
const pageRows = 128

/** CA-1 is the database's: all is read by one view of it, which is taken at the cut. */
export class LmdbCapture implements Capture {
  private readonly means: CaptureMeans
  private readonly view: View
  private readonly hasValuesOnly: boolean
  private page: Pair[] = []
  private at = 0
  private start: Buffer | undefined
  private isLastPage = false
  private group = 0
  private readonly block = new EntryBlock()
  private isReleased = false
  isDone = false

  constructor(means: CaptureMeans) {
    this.means = means
    this.view = means.rows.view()
    this.hasValuesOnly = means.slots.every(({ type }) => type === 'value')
  }

  step(clock: Clock, budgetMs: number): void {
    const end = clock.monotonic() + budgetMs
    for (let rows = 1; !this.isDone; rows++) {
      this.next()
      if (rows % rowsPerLook === 0 && clock.monotonic() >= end) return
    }
  }

  giveBack(): undefined {
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
    this.view.end()
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
    if (group !== this.group || this.block.length >= chunkBytesMin) this.flush()
    this.group = group
    const mark = decodeMark(value)
    const { isWhole, rows } = this.means
    if (mark.isRemoved && !isWhole) this.block.delete(encodedOf(key) ?? mark.encoded!)
    const bytes = rows.get(key, this.view)
    if (bytes !== undefined) this.add(encodedOf(key) ?? mark.encoded!, bytes, mark)
  }

  private mark(): Pair | undefined {
    if (this.at < this.page.length) return this.page[this.at++]
    if (this.isLastPage) return undefined
    this.page = this.means.marks.page(this.start, pageRows, this.view)
    this.at = 0
    this.isLastPage = this.page.length < pageRows
    const last = this.page.at(-1)
    if (last !== undefined) this.start = behind(last.key)
    return this.mark()
  }

  private add(key: string, bytes: Buffer, { changes }: Mark): void {
    const { slots, place, isWhole } = this.means
    // What is in the database says all of a row.
    if (isWhole || this.hasValuesOnly) {
      this.block.add(key, true, bytes)
      return
    }
    const entry = readRow(bytes)
    const row = newRow(entry.key, this.group, slots)
    applyToRow(row, slots, entry, 0)
    row.changes = changes === undefined ? undefined : [...changes]
    addEntry(this.block, entryOf(row, slots), slots, place)
  }

  private flush(): void {
    const { count } = this.block
    if (count > 0) this.means.write({ group: this.group, count, bytes: this.block.take() })
  }
}
