import { ChangeTracker, noEpoch } from './changes.ts'
import { keyGroupCount, keyGroupOf } from './keys.ts'
import type { Row, SlotDeclaration } from './row.ts'

/**
 * Keyed state in memory: one `Map` per key group, since key groups are what moves between instances, and since one
 * map of everything has a limit of entries and may abort the process when it grows.
 */

export class KeyedState {
  readonly slots: readonly SlotDeclaration[]
  readonly tracker = new ChangeTracker()
  private readonly groups: (Map<string, Row> | undefined)[] = Array.from({ length: keyGroupCount })
  /** Whether rows can outlive their time, so that none may be kept beyond a synchronous step. */
  readonly withTtl: boolean
  private sweepGroup = 0

  constructor(slots: readonly SlotDeclaration[]) {
    this.slots = slots
    this.withTtl = slots.some((slot) => slot.ttlMs !== undefined)
  }

  /** The row of a key, made where there is none. `encoded` is the key's encoding (`keys.ts`). */
  row(encoded: string, key: unknown): Row {
    const groupNumber = keyGroupOf(encoded)
    let group = this.groups[groupNumber]
    if (group === undefined) {
      group = new Map()
      this.groups[groupNumber] = group
    }
    let row = group.get(encoded)
    if (row === undefined) {
      row = this.newRow(key, groupNumber)
      group.set(encoded, row)
    }
    return row
  }

  private newRow(key: unknown, group: number): Row {
    const slots = this.slots.map((slot) => (slot.type === 'value' ? slot.initial : undefined))
    const changed = this.withTtl ? this.slots.map(() => 0) : undefined
    return { key, slots, changed, group, epoch: noEpoch, changes: undefined }
  }

  /** Undefined where there is none. */
  find(encoded: string): Row | undefined {
    return this.groups[keyGroupOf(encoded)]?.get(encoded)
  }

  /** As a snapshot has it: nothing of that is noted as a change. */
  forget(encoded: string): void {
    this.groups[keyGroupOf(encoded)]?.delete(encoded)
  }

  /** All rows that have not outlived their time. */
  *rows(nowMs: number): IterableIterator<Row> {
    for (const group of this.groups) {
      if (group === undefined) continue
      for (const row of group.values()) if (!this.withTtl || !this.isExpired(row, nowMs)) yield row
    }
  }

  /** Forgets, in one key group a call, the rows all of whose slots have outlived their time. */
  sweep(nowMs: number): void {
    if (!this.withTtl) return
    const group = this.groups[this.sweepGroup]
    this.sweepGroup = (this.sweepGroup + 1) % keyGroupCount
    if (group === undefined) return
    for (const [encoded, row] of group) {
      if (!this.isExpired(row, nowMs)) continue
      group.delete(encoded)
      this.tracker.remove(row, encoded)
    }
  }

  private isExpired(row: Row, nowMs: number): boolean {
    return this.slots.every((slot, i) => slot.ttlMs !== undefined && nowMs - row.changed![i]! >= slot.ttlMs)
  }
}
