import type { Clock } from '../../base/clock.ts'
import {
  addEntry,
  type Capture,
  chunkBytesMin,
  rowsPerLook,
  type StateChunk,
  type StateWork,
} from '../capture.ts'
import { entryOf } from '../entries.ts'
import { EntryBlock } from '../entry-block.ts'
import { keyGroupCount } from '../keys.ts'
import { noEpoch, type Row, type SlotDeclaration } from '../row.ts'
import type { ChangeTracker, EpochChanges, RowTaker } from './changes.ts'

interface CapturedState {
  readonly slots: readonly SlotDeclaration[]
  readonly tracker: ChangeTracker
}

/** What memory is asked for at a time, for the rows of a group that are taken before its turn. */
const earlyBytesMin = 2 * 1024

/** CA-1: each row is written by its turn, or before its next change, whatever comes first. */
export class StateCapture implements Capture, RowTaker {
  readonly epoch: number
  private readonly state: CapturedState
  private readonly place: string
  private readonly changes: EpochChanges
  private readonly write: (chunk: StateChunk) => void
  private readonly hasValuesOnly: boolean
  /** Rows that were taken before their group's turn. */
  private readonly early: (EntryBlock | undefined)[] = []
  private readonly isWhole: boolean
  private readonly block = new EntryBlock()
  private failure: { readonly error: unknown } | undefined
  private group = 0
  private at = 0
  isDone = false

  /**
   * Cuts the state; `write` is called by `step` only. `place` names its owner in errors. `isWhole`: nothing was written before, so each
   * row is written whole, and nothing is taken out.
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
    this.hasValuesOnly = state.slots.every(({ type }) => type === 'value')
  }

  /** What cannot be written fails the snapshot, and not the handler that is about to change it. */
  take(row: Row): void {
    try {
      this.add((this.early[row.group] ??= new EntryBlock(earlyBytesMin)), row)
    } catch (error) {
      this.failure ??= { error }
    }
  }

  step(clock: Clock, budgetMs: number): void {
    const end = clock.monotonic() + budgetMs
    for (let rows = 1; !this.isDone; rows++) {
      if (this.failure !== undefined) throw this.failure.error
      this.next()
      if (rows % rowsPerLook === 0 && clock.monotonic() >= end) return
    }
  }

  giveBack(): StateWork {
    this.isDone = true
    return this.state.tracker.giveBack(this.changes)
  }

  private next(): void {
    const { rows } = this.changes.groups[this.group]!
    if (this.at < rows.length) {
      const row = rows.at(this.at++)
      if (row.epoch !== this.epoch) return
      this.add(this.block, row)
      row.epoch = noEpoch
      if (this.block.length >= chunkBytesMin) this.flush(this.block)
      return
    }
    this.flush(this.block)
    this.flush(this.early[this.group])
    this.early[this.group] = undefined
    this.group++
    if (this.group < keyGroupCount) this.enterGroup()
    else {
      this.isDone = true
      this.state.tracker.taken()
    }
  }

  private enterGroup(): void {
    this.at = 0
    if (this.isWhole) return
    for (const { encoded } of this.changes.groups[this.group]!.removed) this.block.delete(encoded)
  }

  private flush(block: EntryBlock | undefined): void {
    if (block === undefined || block.count === 0) return
    const { count } = block
    this.write({ group: this.group, count, bytes: block.take() })
  }

  private add(block: EntryBlock, row: Row): void {
    const { slots } = this.state
    if (this.hasValuesOnly && block.addPlain(row.key, row.changed, row.slots)) return
    addEntry(block, entryOf(row, slots, this.isWhole), slots, this.place)
  }
}
