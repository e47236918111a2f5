/**
 * The journal: what sources that cannot rewind (HTTP, code that calls `emit`, standard input) have received. It is written
 * durably before it is acknowledged, and read again from a position after a failure.
 *
 * - JN-1 An append that has resolved is on the disk: it is read again after any crash, once, at the position it was told.
 * - JN-2 Only what is durable is read: nobody works on a message that a crash could take back.
 * - JN-3 One writer: a second one of the same generation is refused; one of a newer generation takes over, and from then on
 *   no append of the older writer resolves, wherever it stands. Its file is looked at after each sync (`owner.ts`).
 * - JN-4 A write that was cut short by a crash is cut off on opening. Anything else that is not as it was written is
 *   JOURNAL_CORRUPT, on opening or on reading: damage in front of that, a shorter file, a missing one (`chain.ts`,
 *   `recover.ts`).
 * - JN-5 No file is written by two owners: each opening begins a segment of its own, whose name and head say where the one
 *   before it ends. So what a writer that was taken over still writes is never read.
 * - JN-6 A failed sync is final: what the disk holds is not known any more, until the journal is opened anew.
 * - JN-7 What is released may be deleted, and never is before.
 */
export interface Journal {
  /** The first position that can be read. */
  readonly start: number
  /** The position behind the last acknowledged record: that of the next. */
  readonly end: number
  /** Of what is on the disk. */
  readonly bytes: number
  /**
   * Writes a record behind the others; resolves with its position once it is durable. The bytes are copied at once. Appends
   * that wait share a sync (group commit); one that is alone waits for none.
   *
   * Rejects with JOURNAL_SEALED, JOURNAL_BUSY, JOURNAL_FULL, JOURNAL_RECORD_TOO_LARGE, DISK_FULL, JOURNAL_FAILED, JOURNAL_CLOSED. After
   * JOURNAL_SEALED, DISK_FULL and JOURNAL_FAILED the record may or may not be there later; after the others it is not.
   */
  append(record: Uint8Array): Promise<number>
  /**
   * Reads from a position, and goes on with what is appended until the journal is closed or the signal is aborted (then it
   * rejects with its reason). Rejects with JOURNAL_POSITION_GONE, JOURNAL_CORRUPT; with the error of the journal where it has failed.
   */
  read(from: number, options?: { readonly signal?: AbortSignal }): AsyncIterableIterator<JournalBatch>
  /** Records before `upTo` are needed no more: no kept snapshot reads them again. */
  release(upTo: number): Promise<void>
  /** Ends what was appended, and lets go of the journal; harmless when called again. */
  close(): Promise<void>
}

export interface JournalBatch {
  /** Of the first record. */
  readonly position: number
  /** Never empty. */
  readonly records: readonly Uint8Array[]
}
