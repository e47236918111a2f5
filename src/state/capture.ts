import type { Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import { MessageCodec } from '../wire/message-codec.ts'
import type { EpochChanges, RowTaker } from './changes.ts'
import { noEpoch } from './changes.ts'
import { type Entry, entryOf } from './entries.ts'
import type { KeyedState } from './keyed-state.ts'
import { encodeKey, keyGroupCount } from './keys.ts'
import type { Row } from './row.ts'

/** A part of what a snapshot writes: of one key group, in the order in which it has to be applied. */
export interface StateChunk {
  readonly group: number
  /** Encoded keys. They come before the rows: a key may have come back. */
  readonly removed: readonly string[]
  readonly rows: readonly CapturedRow[]
}

export interface CapturedRow {
  /** Its encoded key. */
  readonly key: string
  /** Says all of the row; else what has changed since the snapshot before. */
  readonly isWhole: boolean
  readonly bytes: Uint8Array
}

/** Rows of a chunk: few enough that one is encoded within a slice. */
const chunkEntriesMax = 128
const codec = new MessageCodec()
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
  /** Rows that were taken before their group's turn. */
  private readonly early: (Entry[] | undefined)[] = []
  private readonly isWhole: boolean
  private removed: readonly string[] = []
  private entries: Entry[] = []
  private group = 0
  private at = 0
  /** Everything has been written. */
  isDone = false

  /**
   * Cuts the state; `write` is called by `step` only. `place` names its owner in errors. `isWhole`: nothing was written before, so each
   * row is written whole.
   */
  static begin(
    state: KeyedState,
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
    state: KeyedState,
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
    this.removed = this.changes.groups[this.group]!.removed.map(({ encoded }) => encoded)
  }

  private flush(): void {
    const { group, removed, entries } = this
    if (entries.length === 0 && removed.length === 0) return
    this.entries = []
    this.removed = []
    const values = entries.map(({ key, changed, slots }) => [key, changed, ...slots])
    this.check(values)
    const rows = entries.map(({ key, slots }, at) => ({
      key: encodeKey(key),
      isWhole: slots.every((part, slot) => this.state.slots[slot]!.type === 'value' || isAll(part)),
      bytes: new Uint8Array(codec.encode(values[at], 0)),
    }))
    this.write({ group, removed, rows })
  }

  private entry(row: Row): Entry {
    return entryOf(row, this.state.slots, this.isWhole)
  }

  private check(values: readonly (readonly unknown[])[]): void {
    const found = codec.fault(values)
    if (found === undefined) return
    throw new VertigoError(
      'STATE_NOT_ENCODABLE',
      `state of ${this.place} cannot be written: at the key ${String(values[found.index]![0])}, ${found.fault.path} ${found.fault.problem}`,
    )
  }
}

function isAll(part: unknown): boolean {
  return part !== null && 'all' in (part as object)
}

/** What a row says. The bytes have been verified. */
export function readRow(bytes: Uint8Array): Entry {
  const [key, changed, ...slots] = codec.decode(bytes) as [unknown, number[] | null, ...unknown[]]
  return { key, changed, slots }
}

/** As `CapturedRow.bytes`: for entries that were merged. */
export function writeRow({ key, changed, slots }: Entry): Uint8Array {
  return new Uint8Array(codec.encode([key, changed, ...slots], 0))
}
