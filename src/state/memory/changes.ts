import { assert } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import type { StateWork } from '../capture.ts'
import { keyGroupCount } from '../keys.ts'
import { noEpoch, type Row, type RowTracker, type SlotChange } from '../row.ts'

/**
 * What has changed since the last snapshot, so that a snapshot writes no more than that.
 *
 * Time is cut into epochs by snapshots. Each row carries the epoch of its last change; its first change in an epoch puts
 * it into the list of its key group, which is all that the next snapshot looks at. While the snapshot of an epoch is still
 * being written, the first change of a row that it has not come to yet hands the row over before it changes, as in
 * copy-on-write checkpoints (Cao et al., "Fast Checkpoint Recovery Algorithms for Frequently Consistent Applications",
 * SIGMOD 2011). A `Set` of what changed costs a third of the throughput; a number in the row costs a comparison.
 *
 * - CG-1 A row that is not in the list of an epoch has not changed in it. The other way around is allowed: what is taken back
 *   stays noted.
 * - CG-2 What is handed over is the row at the end of its epoch, whatever happens to it meanwhile.
 * - CG-3 A snapshot that is given up gives back what it was to write: the next one writes that again, whole. A million rows take a part of
 *   a second, so it is done in slices. What is not done at the next cut is done then: no row is written before it was given back.
 */

/** Of rows that are no more. */
const goneEpoch = -1

/** Takes over the rows of an epoch that are about to change. */
export interface RowTaker {
  readonly epoch: number
  take(row: Row): void
}

/** What one epoch has changed, key group by key group. */
export interface EpochChanges {
  readonly epoch: number
  readonly groups: readonly GroupChanges[]
}

export interface GroupChanges {
  /** Rows of this epoch; one whose `epoch` is another has been handed over, or is no more. */
  readonly rows: RowList
  /** Keys, and their encodings, of rows that are no more. They come before the rows: a key may have come back. */
  readonly removed: { readonly encoded: string; readonly key: unknown }[]
}

export class ChangeTracker implements RowTracker {
  /** Of now; rows compare with it on the hot path. */
  epoch = noEpoch
  private groups: readonly GroupChanges[] = []
  /** Of the last cut: until the next one, it may be given back. */
  private last: EpochChanges | undefined
  private taker: RowTaker | undefined
  /** Rows that stand in the lists of now, each once, and are still there. */
  changedRows = 0
  private returning: Return | undefined

  /** From now on, changes are noted. */
  begin(): void {
    if (this.epoch === noEpoch) this.startEpoch()
  }

  /** Ends the epoch: what changed in it is for `taker` from now on, which is told before any of it changes again. */
  cut(takerOf: (changes: EpochChanges) => RowTaker): void {
    this.returning?.finish()
    this.returning = undefined
    const changes: EpochChanges = { epoch: this.epoch, groups: this.groups }
    this.startEpoch(this.last?.groups)
    this.last = changes
    this.taker = takerOf(changes)
  }

  /** All has been taken. */
  taken(): void {
    this.taker = undefined
  }

  /** Before the first change of a row in an epoch. */
  note(row: Row): void {
    this.handOver(row)
    row.epoch = this.epoch
    row.changes = undefined
    this.groups[row.group]!.rows.push(row)
    this.changedRows++
  }

  /** The row is taken out. */
  remove(row: Row, encoded: string): void {
    if (this.epoch === noEpoch) return
    this.handOver(row)
    if (row.epoch === this.epoch) this.changedRows--
    // One that stands in a list is skipped there.
    row.epoch = goneEpoch
    this.groups[row.group]!.removed.push({ encoded, key: row.key })
  }

  /** CG-3 */
  giveBack(changes: EpochChanges): StateWork {
    const { groups } = changes
    assert(changes === this.last, 'what was cut is given back before the next cut')
    this.taker = undefined
    this.returning = new Return(groups, this.groups, this.epoch, (rows) => {
      this.changedRows += rows
    })
    return this.returning
  }

  private handOver(row: Row): void {
    const { taker } = this
    if (taker !== undefined && row.epoch === taker.epoch) taker.take(row)
  }

  /** `spare`: lists that nobody looks at any more. */
  private startEpoch(
    spare: readonly GroupChanges[] = Array.from({ length: keyGroupCount }, newGroupChanges),
  ): void {
    this.epoch++
    this.changedRows = 0
    for (const { rows, removed } of spare) {
      rows.clear()
      removed.length = 0
    }
    this.groups = spare
  }
}

function newGroupChanges(): GroupChanges {
  return { rows: new RowList(), removed: [] }
}

/** Rows between two looks at the clock. */
const rowsPerLook = 256

/** Puts what was to be written into the lists of now, row by row. */
class Return implements StateWork {
  private readonly from: readonly GroupChanges[]
  private readonly to: readonly GroupChanges[]
  private readonly epoch: number
  private readonly noted: (rows: number) => void
  private group = 0
  private at = 0
  /** Of all rows: nothing else is ever written into it. */
  private whole: SlotChange[] | undefined

  constructor(
    from: readonly GroupChanges[],
    to: readonly GroupChanges[],
    epoch: number,
    noted: (rows: number) => void,
  ) {
    this.noted = noted
    this.from = from
    this.to = to
    this.epoch = epoch
  }

  get isWaiting(): boolean {
    return this.group < this.from.length
  }

  step(clock: Clock, budgetMs: number): void {
    const end = clock.monotonic() + budgetMs
    while (this.isWaiting) {
      this.some(rowsPerLook)
      if (clock.monotonic() >= end) return
    }
  }

  finish(): void {
    while (this.isWaiting) this.some(Infinity)
  }

  /** Of one group, at most so many rows. */
  private some(rowsMax: number): void {
    const { rows, removed } = this.from[this.group]!
    const now = this.to[this.group]!
    if (this.at === 0) for (const one of removed) now.removed.push(one)
    const end = Math.min(rows.length, this.at + rowsMax)
    for (; this.at < end; this.at++) this.put(rows.at(this.at), now)
    if (this.at < rows.length) return
    this.group++
    this.at = 0
  }

  private put(row: Row, now: GroupChanges): void {
    if (row.epoch !== this.epoch) {
      if (row.epoch === goneEpoch) return
      row.epoch = this.epoch
      now.rows.push(row)
      this.noted(1)
    }
    row.changes = this.whole ??= row.slots.map(() => 'whole')
  }
}

const chunkRows = 1024

/**
 * Rows in chunks: an array that grows is copied, and of a million rows that would be felt. Chunks are used over and over: those of a second
 * outlive the young generation, so new ones for each snapshot made the collector go through all of the state every few seconds.
 */
export class RowList {
  private readonly chunks: (Row | undefined)[][] = []
  private current: (Row | undefined)[] = []
  length = 0

  push(row: Row): void {
    const at = this.length % chunkRows
    if (at === 0) this.current = this.chunkAt(this.length / chunkRows)
    this.current[at] = row
    this.length++
  }

  at(index: number): Row {
    return this.chunks[Math.floor(index / chunkRows)]![index % chunkRows]!
  }

  /** Keeps none of the rows: they may be no more. */
  clear(): void {
    for (let at = 0; at * chunkRows < this.length; at++) this.chunks[at]!.fill(undefined)
    this.length = 0
  }

  private chunkAt(index: number): (Row | undefined)[] {
    if (index === this.chunks.length) this.chunks.push([])
    return this.chunks[index]!
  }
}
