import { decodeMark, encodeMark, type Mark, mergedMark } from './marks.ts'
import type { Bytes, Pair } from './bytes.ts'
import type { RowFiles } from './row-files.ts'
import { behind, encodedOf } from './row-keys.ts'

/** Marks of one time between two cuts. */
export interface MarkBook {
  readonly marks: Bytes
  /** Whatever they say, rows are written whole: what was to be written before was not. */
  isWhole: boolean
}

const pageMarks = 256

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

  /** Within a transaction. */
  note(key: Buffer, encoded: string, { isRemoved, changes }: Omit<Mark, 'encoded'>): void {
    put(this.now.marks, key, {
      isRemoved,
      changes,
      encoded: encodedOf(key) === undefined ? encoded : undefined,
    })
  }

  /** Ends a book. What the one before had is in a committed snapshot, or was given back. Errors: STATE_DISK_FAILED; nothing has changed then. */
  cut(): MarkBook {
    const { now, cutBook } = this
    if (!this.isGivenBack) this.write(() => cutBook.marks.clear())
    this.isGivenBack = false
    this.cutBook = now
    this.now = { marks: cutBook.marks, isWhole: false }
    return now
  }

  /**
   * What was marked since goes into the book of the cut, which is the one of now again. Errors: STATE_DISK_FAILED; nothing has changed then,
   * and it has to be done before the next cut.
   */
  giveBack(): void {
    if (this.isGivenBack) return
    const { now, cutBook } = this
    this.write(() => {
      for (const { key, value } of pages(now.marks)) put(cutBook.marks, key, decodeMark(value))
      now.marks.clear()
    })
    this.now = { marks: cutBook.marks, isWhole: true }
    this.cutBook = now
    this.isGivenBack = true
  }
}

function put(marks: Bytes, key: Buffer, mark: Mark): void {
  const before = marks.get(key)
  marks.put(key, encodeMark(before === undefined ? mark : mergedMark(decodeMark(before), mark)))
}

function* pages(marks: Bytes): IterableIterator<Pair> {
  let start: Buffer | undefined
  for (;;) {
    const page = marks.page(start, pageMarks)
    yield* page
    if (page.length < pageMarks) return
    start = behind(page.at(-1)!.key)
  }
}
