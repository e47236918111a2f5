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

/** Gathers rows into blocks. Rows keep their order, since of two with one key the last one counts. */
export class RowGatherer {
  #blocks: RowBlock[] = []
  #columns = ''
  #texts: string[] = []
  #chars = 0
  #rows = 0

  /** Rows that are gathered. */
  get rows(): number {
    return this.#rows
  }

  add({ columns, json }: EncodedRow): void {
    if (columns !== this.#columns || this.#chars > blockCharsMax) this.#endBlock()
    this.#columns = columns
    this.#texts.push(json)
    this.#chars += json.length
    this.#rows++
  }

  take(): RowBlock[] {
    this.#endBlock()
    const blocks = this.#blocks
    this.#blocks = []
    this.#rows = 0
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
