import { decodeMark, encodeMark, type Mark, mergedMark } from './marks.ts'
import type { Bytes, Pair } from './bytes.ts'
import { entriesMax, type RowFiles } from './row-files.ts'
import { behind, encodedOf } from './row-keys.ts'

/** Marks of one time between two cuts. */
export interface MarkBook {
  readonly marks: Bytes
  /** Whatever they say, rows are written whole: what was to be written before was not. */
  isWhole: boolean
}

/**
 * Two books of marks: one is written, the other one is that of the last cut, until its end is known.
 *
 * - MB-1 They change places when the database has taken what belongs to that, and not where its disk refuses it: a book that was taken for
 *   the other one would leave rows out of the next snapshot.
 */
export class MarkBooks {
  private readonly write: RowFiles['write']
  private now: MarkBook
  private cutBook: MarkBook
  private isGivenBack = true

  constructor({ marks: [first, second], write }: Pick<RowFiles, 'marks' | 'write'>) {
    this.write = write
    this.now = { marks: first, isWhole: false }
    this.cutBook = { marks: second, isWhole: false }
  }

  /** What is to stand in the book of now for one more change. */
  marked(key: Buffer, encoded: string, { isRemoved, changes }: Omit<Mark, 'encoded'>): Pair {
    const mark = { isRemoved, changes, encoded: encodedOf(key) === undefined ? encoded : undefined }
    return merged(this.now.marks, key, mark)
  }

  /** Within a transaction, before anything else is marked for these keys. */
  put(marks: readonly Pair[]): void {
    putAll(this.now.marks, marks)
  }

  /** Ends a book. What the one before had is in a committed snapshot, or was given back. Errors: STATE_DISK_FAILED; nothing has changed then. */
  cut(): MarkBook {
    const { now, cutBook } = this
    if (!this.isGivenBack) this.write(0, () => cutBook.marks.clear())
    this.isGivenBack = false
    this.cutBook = now
    this.now = { marks: cutBook.marks, isWhole: false }
    return now
  }

  /**
   * What was marked since goes into the book of the cut, which is the one of now again. Errors: STATE_DISK_FAILED; it has to be done before the
   * next cut, and what was done of it is done once more then, which changes nothing.
   */
  giveBack(): void {
    if (this.isGivenBack) return
    const { now, cutBook } = this
    for (const page of pages(now.marks)) {
      const marks = page.map(({ key, value }) => merged(cutBook.marks, key, decodeMark(value)))
      this.write(valueBytes(marks), () => putAll(cutBook.marks, marks))
    }
    this.write(0, () => now.marks.clear())
    this.now = { marks: cutBook.marks, isWhole: true }
    this.cutBook = now
    this.isGivenBack = true
  }
}

function merged(marks: Bytes, key: Buffer, mark: Mark): Pair {
  const before = marks.get(key)
  return { key, value: encodeMark(before === undefined ? mark : mergedMark(decodeMark(before), mark)) }
}

function putAll(marks: Bytes, all: readonly Pair[]): void {
  for (const { key, value } of all) marks.put(key, value)
}

function* pages(marks: Bytes): IterableIterator<readonly Pair[]> {
  let start: Buffer | undefined
  for (;;) {
    const page = marks.page(start, entriesMax)
    if (page.length > 0) yield page
    if (page.length < entriesMax) return
    start = behind(page.at(-1)!.key)
  }
}

export function valueBytes(pairs: readonly Pair[]): number {
  return pairs.reduce((sum, { value }) => sum + value.byteLength, 0)
}
