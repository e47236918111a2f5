import type { Capture, StateChunk, StateWork } from './capture.ts'
import type { Entry } from './entries.ts'
import type { Row, RowTracker, SlotDeclaration } from './row.ts'

/**
 * Keyed state of one instance: one row for each key. Backends are in the folders beside: `memory`, and `lmdb` for what is larger than
 * that. Both give the same snapshots, by the same rules; a snapshot does not say which one wrote it.
 *
 * - KS-1 A row is the same object for as long as nobody has given up the turn, and where `keepsRows` says so, as long as its key is there.
 * - KS-2 Whoever changes a row has told the tracker before (`RowTracker.note`): else the change is in no snapshot, and may be lost.
 * - KS-3 What a snapshot has of a key is there before anybody sees its row, whole.
 */
export interface KeyedState {
  readonly slots: readonly SlotDeclaration[]
  readonly tracker: RowTracker
  /** Whether rows can outlive their time. */
  readonly withTtl: boolean
  /** Without it, a row is asked for anew after each `await`: it may have been swept away, or written to the disk. */
  readonly keepsRows: boolean
  /** From now on what has changed is noted for snapshots. */
  beginSnapshots(): void
  /** The row of a key, made where there is none. `encoded` is the key's encoding (`keys.ts`). */
  row(encoded: string, key: unknown): Row
  /** Undefined where there is none. */
  find(encoded: string): Row | undefined
  /** Puts in what a snapshot says of a key. `isNew`: no file that the next snapshot stands on has it. `nowMs`: see `applyToRow`. */
  restore(entry: Entry, isNew: boolean, nowMs: number): void
  /** Is given a key group of the snapshot whose files the next one stands on: its rows are read at once, or when they are asked for. */
  restoreGroup(group: number, rows: UnreadRows): void
  /** What `restoreGroup` has left to do, in slices; whoever asks for a key does not wait for it. Errors: those of `UnreadRows`. */
  readonly restoring: StateWork | undefined
  /** All rows that have not outlived their time. */
  rows(nowMs: number): IterableIterator<Row>
  /** Between two turns, where nobody holds a row: forgets some of the rows that have outlived their time, and makes room. */
  tend(nowMs: number): void
  /**
   * Cuts the state: `write` gets what has changed since the last cut, as it is now, by and by (`Capture.step`). `place` names the owner in
   * errors. `isWhole`: no file has anything of it yet, so each row is written whole.
   */
  capture(place: string, write: (chunk: StateChunk) => void, isWhole?: boolean): Capture
  /** The files of snapshots are gone: the next capture, which has to be a whole one, has all rows. A million take about a second. Errors: STATE_DISK_FAILED. */
  noteAll(): void
  /**
   * Whether the next capture may be a whole one, since every row has changed since the last cut; `mayWalk`: or most of them, of which the rest
   * is noted then. False as well where that would take long, or cannot be told.
   */
  noteRest(mayWalk: boolean): boolean
  /** Frees what it holds. Idempotent. */
  close(): void
}

/**
 * Rows of a key group, as bytes. Whoever reads one calls `KeyedState.restore` for each of its entries. Each row is read once; one that cannot
 * be read is an error each time.
 */
export interface UnreadRows {
  /** Nothing is left. */
  readonly isOver: boolean
  /** The row of a key, unless there is none, or it was read before. */
  read(encoded: string): void
  /** At most so many of those that are left. */
  readSome(rowsMax: number): void
}

/** `place` names the owner in errors. */
export type NewKeyedState = (slots: readonly SlotDeclaration[], place: string) => KeyedState

/** Where a network keeps its keyed state: plain data. */
export interface StateSettings {
  readonly backend: 'memory' | 'lmdb'
  /** Of `lmdb`: bytes of rows that one instance keeps in memory, as they are written. Default 64 MiB. */
  readonly cacheBytesMax?: number
}
