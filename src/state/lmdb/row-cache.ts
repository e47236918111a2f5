import type { Row } from '../row.ts'

/**
 * Rows in memory, in two generations: what is asked for is in the young one; when that is full, it becomes the old one, and what the old
 * one still had is let go. So what is asked for again stays, at the cost of one look, and nothing is written down of when it was.
 */
export class RowCache {
  private readonly rowsMax: number
  private readonly bytesMax: number
  private young = new Map<string, Row>()
  private old = new Map<string, Row>()
  private youngBytes = 0

  /** Of both generations. */
  constructor(limits: { readonly rowsMax: number; readonly bytesMax: number }) {
    this.rowsMax = limits.rowsMax / 2
    this.bytesMax = limits.bytesMax / 2
  }

  get size(): number {
    return this.young.size + this.old.size
  }

  get isFull(): boolean {
    return this.young.size >= this.rowsMax || this.youngBytes >= this.bytesMax
  }

  get(encoded: string): Row | undefined {
    const row = this.young.get(encoded)
    if (row !== undefined) return row
    const older = this.old.get(encoded)
    if (older === undefined) return undefined
    this.old.delete(encoded)
    this.young.set(encoded, older)
    return older
  }

  set(encoded: string, row: Row): void {
    this.young.set(encoded, row)
  }

  /** So much of what is asked for has been read or written. */
  weigh(bytes: number): void {
    this.youngBytes += bytes
  }

  delete(encoded: string): void {
    this.young.delete(encoded)
    this.old.delete(encoded)
  }

  /** Lets go what has not been asked for lately; all of it is in the database. */
  turn(): void {
    this.old = this.young
    this.young = new Map()
    this.youngBytes = 0
  }
}
