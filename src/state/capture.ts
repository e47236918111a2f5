import type { Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import { MessageCodec } from '../wire/message-codec.ts'
import type { EpochChanges, RowTaker } from './changes.ts'
import { noEpoch } from './changes.ts'
import { type Entry, entryOf } from './entries.ts'
import type { KeyedState } from './keyed-state.ts'
import { keyGroupCount } from './keys.ts'
import type { Row } from './row.ts'

/** A part of what a snapshot writes: of one key group, in the order in which it has to be applied. */
export interface StateChunk {
  readonly group: number
  readonly entries: number
  readonly bytes: Uint8Array
}

/** Rows of a chunk: enough that shapes are written rarely, few enough that one is encoded within a slice. */
const chunkEntriesMax = 128
/** Rows between two looks at the clock. */
const rowsPerLook = 16

/**
 * Writes what an epoch has changed, in slices, while the state goes on changing.
 *
 * - CA-1 Each row is written as it was at the cut: by its turn, or before its next change, whatever comes first.
 * - CA-2 `step` takes about as long as it was told, but for one row and one chunk.
 */
export class StateCapture implements RowTaker {
  readonly epoch: number
  private readonly state: KeyedState
  private readonly place: string
  private readonly changes: EpochChanges
  private readonly write: (chunk: StateChunk) => void
  private readonly codec = new MessageCodec()
  /** Rows that were taken before their group's turn. */
  private readonly early: (Entry[] | undefined)[] = []
  private removed: readonly unknown[] = []
  private entries: Entry[] = []
  private group = 0
  private at = 0
  /** Everything has been written. */
  isDone = false

  /** Cuts the state; `write` is called by `step` only. `place` names its owner in errors. */
  static begin(state: KeyedState, place: string, write: (chunk: StateChunk) => void): StateCapture {
    let capture: StateCapture | undefined
    state.tracker.cut((changes) => (capture = new StateCapture(state, place, changes, write)))
    capture!.enterGroup()
    return capture!
  }

  private constructor(
    state: KeyedState,
    place: string,
    changes: EpochChanges,
    write: (chunk: StateChunk) => void,
  ) {
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

  /** Works for about `budgetMs`. Errors: STATE_NOT_ENCODABLE. */
  step(clock: Clock, budgetMs: number): void {
    const end = clock.monotonic() + budgetMs
    for (let rows = 1; !this.isDone; rows++) {
      this.next()
      if (rows % rowsPerLook === 0 && clock.monotonic() >= end) return
    }
  }

  /** It will not be part of a committed snapshot: what it holds is for the next one. */
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
    this.removed = this.changes.groups[this.group]!.removed.map(({ key }) => key)
  }

  private flush(): void {
    const { group, removed, entries } = this
    if (entries.length === 0 && removed.length === 0) return
    this.entries = []
    this.removed = []
    const values = entries.map(({ key, changed, slots }) => [key, changed, ...slots])
    this.check(values)
    const bytes = new Uint8Array(this.codec.encode([removed, values], 0))
    this.write({ group, entries: entries.length, bytes })
  }

  private entry(row: Row): Entry {
    return entryOf(row, this.state.slots)
  }

  private check(values: readonly (readonly unknown[])[]): void {
    const found = this.codec.fault(values)
    if (found === undefined) return
    throw new VertigoError(
      'STATE_NOT_ENCODABLE',
      `state of ${this.place} cannot be written: at the key ${String(values[found.index]![0])}, ${found.fault.path} ${found.fault.problem}`,
    )
  }
}

/** What a chunk says. The bytes have been verified. */
export function readChunk(bytes: Uint8Array): {
  readonly removed: readonly unknown[]
  readonly entries: readonly Entry[]
} {
  const [removed, values] = new MessageCodec().decode(bytes) as [
    unknown[],
    [unknown, number[] | null, ...unknown[]][],
  ]
  return { removed, entries: values.map(([key, changed, ...slots]) => ({ key, changed, slots })) }
}
