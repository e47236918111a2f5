import { stagingBytesMax } from '../staging.ts'
import type { EncodedRow } from './row-encoder.ts'

/** Rows with values for the same columns, in the order they came: what one statement writes. */
export interface RowBlock {
  /** A list of names as JSON. */
  readonly columns: string
  /** How many. */
  readonly rows: number
  /** A list of objects as JSON. */
  readonly json: string
}

/** Small enough that a block is put into a snapshot within a slice (IS-7), and large enough that a statement for each costs little. */
const blockCharsMax = 256 * 1024

/** About what a row costs beside its text, so that many small ones are bounded as well. */
const rowChars = 50

/** Gathers rows into blocks. Rows keep their order, since of two with one key the last one counts. */
export class RowGatherer {
  #blocks: RowBlock[] = []
  #columns = ''
  #texts: string[] = []
  #chars = 0
  #rows = 0
  #allChars = 0

  /** Rows that are gathered. */
  get rows(): number {
    return this.#rows
  }

  get isFull(): boolean {
    return this.#allChars >= stagingBytesMax
  }

  add({ columns, json }: EncodedRow): void {
    if (columns !== this.#columns || this.#chars > blockCharsMax) this.#endBlock()
    this.#columns = columns
    this.#texts.push(json)
    this.#chars += json.length
    this.#rows++
    this.#allChars += json.length + rowChars
  }

  take(): RowBlock[] {
    this.#endBlock()
    const blocks = this.#blocks
    this.#blocks = []
    this.#rows = 0
    this.#allChars = 0
    return blocks
  }

  #endBlock(): void {
    if (this.#texts.length === 0) return
    const { length } = this.#texts
    this.#blocks.push({ columns: this.#columns, rows: length, json: `[${this.#texts.join(',')}]` })
    this.#texts = []
    this.#chars = 0
  }
}
