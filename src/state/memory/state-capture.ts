import type { Clock } from '../../base/clock.ts'
import { type Capture, chunkEntriesMax, encodeRows, rowsPerLook, type StateChunk } from '../capture.ts'
import { type Entry, entryOf } from '../entries.ts'
import { keyGroupCount } from '../keys.ts'
import { noEpoch, type Row, type SlotDeclaration } from '../row.ts'
import type { ChangeTracker, EpochChanges, RowTaker } from './changes.ts'

interface CapturedState {
  readonly slots: readonly SlotDeclaration[]
  readonly tracker: ChangeTracker
}

/** CA-1: each row is written by its turn, or before its next change, whatever comes first. */
export class StateCapture implements Capture, RowTaker {
  readonly epoch: number
  private readonly state: CapturedState
  private readonly place: string
  private readonly changes: EpochChanges
  private readonly write: (chunk: StateChunk) => void
  /** Rows that were taken before their group's turn. */
  private readonly early: (Entry[] | undefined)[] = []
  private readonly isWhole: boolean
  private removed: readonly string[] = []
  private entries: Entry[] = []
  private group = 0
  private at = 0
  isDone = false

  /**
   * Cuts the state; `write` is called by `step` only. `place` names its owner in errors. `isWhole`: nothing was written before, so each
   * row is written whole.
   */
  static begin(
    state: CapturedState,
    place: string,
    write: (chunk: StateChunk) => void,
    isWhole = false,
  ): StateCapture {
    let capture: StateCapture | undefined
    state.tracker.cut((changes) => (capture = new StateCapture(state, place, changes, write, isWhole)))
    capture!.enterGroup()
    return capture!
  }

  private constructor(
    state: CapturedState,
    place: string,
    changes: EpochChanges,
    write: (chunk: StateChunk) => void,
    isWhole: boolean,
  ) {
    this.isWhole = isWhole
    this.state = state
    this.place = place
    this.changes = changes
    this.epoch = changes.epoch
    this.write = write
  }

  take(row: Row): void {
    const early = (this.early[row.group] ??= [])
    early.push(this.entry(row))
  }

  step(clock: Clock, budgetMs: number): void {
    const end = clock.monotonic() + budgetMs
    for (let rows = 1; !this.isDone; rows++) {
      this.next()
      if (rows % rowsPerLook === 0 && clock.monotonic() >= end) return
    }
  }

  giveBack(): void {
    this.isDone = true
    this.state.tracker.giveBack(this.changes)
  }

  private next(): void {
    const { rows } = this.changes.groups[this.group]!
    if (this.at < rows.length) {
      const row = rows.at(this.at++)
      if (row.epoch === this.epoch) {
        this.entries.push(this.entry(row))
        row.epoch = noEpoch
      }
      if (this.entries.length >= chunkEntriesMax) this.flush()
      return
    }
    const taken = this.early[this.group]?.pop()
    if (taken !== undefined) {
      this.entries.push(taken)
      if (this.entries.length >= chunkEntriesMax) this.flush()
      return
    }
    this.flush()
    this.group++
    if (this.group < keyGroupCount) this.enterGroup()
    else {
      this.isDone = true
      this.state.tracker.taken()
    }
  }

  private enterGroup(): void {
    this.at = 0
    this.removed = this.changes.groups[this.group]!.removed.map(({ encoded }) => encoded)
  }

  private flush(): void {
    const { group, removed, entries } = this
    if (entries.length === 0 && removed.length === 0) return
    this.entries = []
    this.removed = []
    const rows = encodeRows(entries, this.state.slots, this.place)
    this.write({ group, removed, rows })
  }

  private entry(row: Row): Entry {
    return entryOf(row, this.state.slots, this.isWhole)
  }
}
