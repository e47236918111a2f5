import type { Capture, StateChunk, StateWork } from '../capture.ts'
import { applyToRow, type Entry } from '../entries.ts'
import type { KeyedState, UnreadRows } from '../keyed-state.ts'
import { encodeKey, keyGroupCount, keyGroupOf } from '../keys.ts'
import { hasTtl, isExpired, newRow, noEpoch, type Row, type SlotDeclaration } from '../row.ts'
import { ChangeTracker } from './changes.ts'
import { StateCapture } from './state-capture.ts'
import { UnreadGroups } from './unread-groups.ts'

/**
 * Keyed state in memory: one `Map` per key group, since key groups are what moves between instances, and since one
 * map of everything has a limit of entries and may abort the process when it grows.
 *
 * - MS-1 (KS-3) A key that is not in its map is asked for in what waits to be read, before it is taken for a new one.
 */

/** What of all rows is most of them: to write all is twice as much as what has changed, and saves the merge, which reads both again. */
const mostPart = 0.5
/** Rows that are gone through in one turn to find those that have not changed: about a millisecond. */
const walkedRowsMax = 16_384

export class MemoryState implements KeyedState {
  readonly slots: readonly SlotDeclaration[]
  readonly tracker = new ChangeTracker()
  private readonly groups: (Map<string, Row> | undefined)[] = Array.from({ length: keyGroupCount })
  readonly withTtl: boolean
  /** One that has outlived its time is swept away. */
  readonly keepsRows: boolean
  private readonly unread = new UnreadGroups()
  private sweepGroup = 0
  /** What an entry says of a key is all there is of it. */
  private readonly isWholeByEntry: boolean

  constructor(slots: readonly SlotDeclaration[]) {
    this.slots = slots
    this.withTtl = hasTtl(slots)
    this.keepsRows = !this.withTtl
    this.isWholeByEntry = !this.withTtl && slots.every(({ type }) => type === 'value')
  }

  beginSnapshots(): void {
    this.tracker.begin()
  }

  row(encoded: string, key: unknown): Row {
    const groupNumber = keyGroupOf(encoded)
    const group = (this.groups[groupNumber] ??= new Map<string, Row>())
    let row = group.get(encoded) ?? this.unreadRow(group, groupNumber, encoded)
    if (row === undefined) {
      row = newRow(key, groupNumber, this.slots)
      group.set(encoded, row)
    }
    return row
  }

  find(encoded: string): Row | undefined {
    const groupNumber = keyGroupOf(encoded)
    const group = (this.groups[groupNumber] ??= new Map<string, Row>())
    return group.get(encoded) ?? this.unreadRow(group, groupNumber, encoded)
  }

  restoreGroup(group: number, rows: UnreadRows): void {
    this.unread.add(group, rows)
  }

  get restoring(): StateWork {
    return this.unread
  }

  restore(entry: Entry, isNew: boolean, nowMs: number): void {
    if (this.isWholeByEntry && !isNew) {
      this.put(entry)
      return
    }
    const row = this.row(encodeKey(entry.key), entry.key)
    applyToRow(row, this.slots, entry, nowMs)
    if (isNew && this.tracker.epoch !== noEpoch) this.tracker.note(row)
  }

  /** A row that takes the place of what was there. The entry's values become its own. */
  private put({ key, slots }: Entry): void {
    const encoded = encodeKey(key)
    const group = keyGroupOf(encoded)
    const rows = (this.groups[group] ??= new Map<string, Row>())
    rows.set(encoded, {
      key,
      slots: slots as unknown[],
      changed: undefined,
      group,
      epoch: noEpoch,
      changes: undefined,
    })
  }

  *rows(nowMs: number): IterableIterator<Row> {
    for (let at = 0; at < keyGroupCount; at++) {
      this.unread.finish(at)
      const group = this.groups[at]
      if (group === undefined) continue
      for (const row of group.values()) if (!this.withTtl || !isExpired(row, this.slots, nowMs)) yield row
    }
  }

  /** Forgets, in one key group a call, the rows all of whose slots have outlived their time. */
  tend(nowMs: number): void {
    if (!this.withTtl) return
    const group = this.groups[this.sweepGroup]
    this.sweepGroup = (this.sweepGroup + 1) % keyGroupCount
    if (group === undefined) return
    for (const [encoded, row] of group) {
      if (!isExpired(row, this.slots, nowMs)) continue
      group.delete(encoded)
      this.tracker.remove(row, encoded)
    }
  }

  capture(place: string, write: (chunk: StateChunk) => void, isWhole = false): Capture {
    return StateCapture.begin(this, place, write, isWhole)
  }

  noteAll(): void {
    for (let at = 0; at < keyGroupCount; at++) {
      this.unread.finish(at)
      for (const row of this.groups[at]?.values() ?? [])
        if (row.epoch !== this.tracker.epoch) this.tracker.note(row)
    }
  }

  noteRest(mayWalk: boolean): boolean {
    const { changedRows } = this.tracker
    if (changedRows === 0 || this.unread.isWaiting) return false
    let rows = 0
    for (const group of this.groups) rows += group?.size ?? 0
    if (changedRows === rows) return true
    if (!mayWalk || rows > walkedRowsMax || changedRows < rows * mostPart) return false
    this.noteAll()
    return true
  }

  /** The rows go with the process. */
  close(): void {
    this.unread.clear()
  }

  /** MS-1 */
  private unreadRow(group: Map<string, Row>, groupNumber: number, encoded: string): Row | undefined {
    if (!this.unread.isWaiting) return undefined
    this.unread.read(groupNumber, encoded)
    return group.get(encoded)
  }
}
