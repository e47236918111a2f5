import { noEpoch, type Row, type RowTracker, type SlotChange, type SlotDeclaration } from './row.ts'

/** Whose state a handle shows: the row of the current key, and how to take changes back. */
export interface StateCursor {
  /** The row of the current key. */
  row(): Row
  /** Milliseconds since 1970; asked only where a state has a time to live. */
  nowMs(): number
  /** Where changes of a call that may be repeated are noted, newest last; null where they need not be. */
  readonly undo: (() => void)[] | null
  /** Told of each row before its first change. */
  readonly tracker: RowTracker
}

/** The handle for one declared state; it follows its cursor from key to key. */
export function stateHandle(cursor: StateCursor, slot: number, declared: SlotDeclaration): object {
  if (declared.type === 'value') return new ValueHandle(cursor, slot, declared)
  return declared.type === 'map'
    ? new MapHandle(cursor, slot, declared)
    : new ListHandle(cursor, slot, declared)
}

abstract class Handle {
  protected readonly cursor: StateCursor
  protected readonly slot: number
  protected readonly declared: SlotDeclaration
  private readonly tracker: RowTracker

  constructor(cursor: StateCursor, slot: number, declared: SlotDeclaration) {
    this.cursor = cursor
    this.slot = slot
    this.declared = declared
    this.tracker = cursor.tracker
  }

  /** Comes before each change. */
  protected changing(row: Row): void {
    if (row.epoch !== this.tracker.epoch) this.tracker.note(row)
  }

  /** Comes before a change of the whole list or map. */
  protected changingWhole(row: Row): void {
    this.changing(row)
    if (row.epoch !== noEpoch) changesOf(row)[this.slot] = 'whole'
  }

  /** The row, with this slot emptied where its time is over. */
  protected live(): Row {
    const row = this.cursor.row()
    if (this.declared.ttlMs !== undefined && row.changed !== undefined) {
      if (this.cursor.nowMs() - row.changed[this.slot]! >= this.declared.ttlMs) this.forget(row)
    }
    return row
  }

  /** Its time is over. What is appended from now on is appended to nothing, so that is a change, too. */
  private forget(row: Row): void {
    const initial = this.declared.type === 'value' ? this.declared.initial : undefined
    if (row.slots[this.slot] === initial) return
    this.changingWhole(row)
    row.slots[this.slot] = initial
  }

  /** Takes a change back later, in the row as it is then: it may have been to the disk. */
  protected undo(change: (row: Row) => void): void {
    this.cursor.undo?.push(() => {
      const row = this.cursor.row()
      if (row.epoch !== this.tracker.epoch) this.changingWhole(row)
      change(row)
    })
  }

  protected touch(row: Row): void {
    const { changed } = row
    if (changed === undefined) return
    const { slot } = this
    const before = changed[slot]!
    changed[slot] = this.cursor.nowMs()
    this.undo((undone) => (undone.changed![slot] = before))
  }
}

export class ValueHandle extends Handle {
  get(): unknown {
    return this.live().slots[this.slot]
  }

  set(value: unknown): void {
    const row = this.live()
    this.write(row, row.slots[this.slot], value)
  }

  update(change: (old: unknown) => unknown): unknown {
    const row = this.live()
    const old = row.slots[this.slot]
    const value = change(old)
    this.write(row, old, value)
    return value
  }

  clear(): void {
    this.set(this.declared.initial)
  }

  private write(row: Row, old: unknown, value: unknown): void {
    const { slot } = this
    this.changing(row)
    row.slots[slot] = value
    if (this.cursor.undo !== null) this.undo((undone) => (undone.slots[slot] = old))
    if (row.changed !== undefined) this.touch(row)
  }
}

export class MapHandle extends Handle {
  get size(): number {
    return this.read()?.size ?? 0
  }

  get(key: unknown): unknown {
    return this.read()?.get(key)
  }

  has(key: unknown): boolean {
    return this.read()?.has(key) ?? false
  }

  set(key: unknown, value: unknown): void {
    const row = this.live()
    this.changingEntry(row, key)
    const entries = this.writable(row)
    const had = entries.has(key)
    const old = entries.get(key)
    entries.set(key, value)
    this.undo((undone) => {
      const now = this.writable(undone)
      if (had) now.set(key, old)
      else now.delete(key)
    })
    this.touch(row)
  }

  update(key: unknown, change: (old: unknown) => unknown): unknown {
    const value = change(this.get(key))
    this.set(key, value)
    return value
  }

  delete(key: unknown): boolean {
    const row = this.live()
    const entries = row.slots[this.slot] as Map<unknown, unknown> | undefined
    if (entries === undefined || !entries.has(key)) return false
    const old = entries.get(key)
    this.changingEntry(row, key)
    entries.delete(key)
    // Taking a deletion back puts the entry at the end; the order of a map's entries is not promised.
    this.undo((undone) => this.writable(undone).set(key, old))
    this.touch(row)
    return true
  }

  clear(): void {
    const row = this.live()
    const old = row.slots[this.slot]
    if (old === undefined) return
    this.changingWhole(row)
    row.slots[this.slot] = undefined
    this.undo((undone) => (undone.slots[this.slot] = old))
    this.touch(row)
  }

  entries(): IterableIterator<[unknown, unknown]> {
    return (this.read() ?? new Map<unknown, unknown>()).entries()
  }

  private changingEntry(row: Row, key: unknown): void {
    this.changing(row)
    if (row.epoch === noEpoch) return
    const changes = changesOf(row)
    const known = changes[this.slot]
    if (known === undefined) changes[this.slot] = new Set([key])
    else if (known instanceof Set) known.add(key)
  }

  private read(): Map<unknown, unknown> | undefined {
    return this.live().slots[this.slot] as Map<unknown, unknown> | undefined
  }

  private writable(row: Row): Map<unknown, unknown> {
    const entries = (row.slots[this.slot] as Map<unknown, unknown> | undefined) ?? new Map<unknown, unknown>()
    row.slots[this.slot] = entries
    return entries
  }
}

/** Lists that authors have seen, and may have sent on: they must not change under their readers. */
const handedOut = new WeakSet<readonly unknown[]>()

export class ListHandle extends Handle {
  get length(): number {
    return this.items()?.length ?? 0
  }

  get(): readonly unknown[] {
    const items = this.items()
    if (items === undefined) return []
    handedOut.add(items)
    return items
  }

  push(item: unknown): void {
    const row = this.live()
    this.appending(row)
    const old = row.slots[this.slot] as unknown[] | undefined
    const isOwn = old !== undefined && !handedOut.has(old)
    const items = isOwn ? old : [...(old ?? [])]
    items.push(item)
    row.slots[this.slot] = items
    this.undo((undone) => {
      const now = undone.slots[this.slot] as unknown[] | undefined
      if (!isOwn) undone.slots[this.slot] = old
      else if (now !== undefined && handedOut.has(now)) undone.slots[this.slot] = now.slice(0, -1)
      else now?.pop()
    })
    this.touch(row)
  }

  clear(): void {
    const row = this.live()
    const old = row.slots[this.slot]
    if (old === undefined) return
    this.changingWhole(row)
    row.slots[this.slot] = undefined
    this.undo((undone) => (undone.slots[this.slot] = old))
    this.touch(row)
  }

  private appending(row: Row): void {
    this.changing(row)
    if (row.epoch === noEpoch) return
    changesOf(row)[this.slot] ??= (row.slots[this.slot] as unknown[] | undefined)?.length ?? 0
  }

  private items(): unknown[] | undefined {
    return this.live().slots[this.slot] as unknown[] | undefined
  }
}

function changesOf(row: Row): SlotChange[] {
  row.changes ??= []
  return row.changes
}
