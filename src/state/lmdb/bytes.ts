import type { Database, Transaction } from 'lmdb'
import type { RunWhole } from '../../base/native-gate.ts'

/** What the database was like when it was taken. */
export interface View {
  readonly transaction: Transaction
  end(): void
}

export interface Pair {
  readonly key: Buffer
  readonly value: Buffer
}

/** Bytes to bytes, in the order of bytes, as far as state needs it. All of it is called through the gate of its thread (RF-1). */
export class Bytes {
  private readonly database: Database<Buffer, Buffer>
  private readonly whole: RunWhole

  constructor(database: Database<Buffer, Buffer>, whole: RunWhole) {
    this.database = database
    this.whole = whole
  }

  get(key: Buffer, view?: View): Buffer | undefined {
    const { database, whole } = this
    return whole(() =>
      view === undefined ? database.get(key) : database.get(key, { transaction: view.transaction }),
    )
  }

  /** From `start` on, or from the beginning. */
  page(start: Buffer | undefined, limit: number, view?: View): Pair[] {
    const range = { limit, ...(start && { start }), ...(view && { transaction: view.transaction }) }
    return this.whole(() => [...this.database.getRange(range)])
  }

  put(key: Buffer, value: Buffer): void {
    this.whole(() => this.database.putSync(key, value))
  }

  remove(key: Buffer): void {
    this.whole(() => this.database.removeSync(key))
  }

  clear(): void {
    this.whole(() => this.database.clearSync())
  }

  view(): View {
    const { database, whole } = this
    const transaction = whole(() => database.useReadTransaction())
    return { transaction, end: () => whole(() => transaction.done()) }
  }
}
