import assert from 'node:assert/strict'
import type { ListState, MapState, ValueState } from '../../../src/component/index.ts'
import { readRow, type StateChunk } from '../../../src/state/capture.ts'
import type { Entry } from '../../../src/state/entries.ts'
import { readEntries } from '../../../src/state/entry-block.ts'
import { stateHandle } from '../../../src/state/handles.ts'
import type { KeyedState, NewKeyedState, UnreadRows } from '../../../src/state/keyed-state.ts'
import { encodeKey, keyGroupOf } from '../../../src/state/keys.ts'
import { LmdbState } from '../../../src/state/lmdb/lmdb-state.ts'
import { openRowFiles } from '../../../src/state/lmdb/row-files.ts'
import { MemoryState } from '../../../src/state/memory/memory-state.ts'
import type { SlotDeclaration } from '../../../src/state/row.ts'

/** Each backend of keyed state; that of the disk with so little memory that rows come and go all the time. */
export const backends: readonly { readonly name: string; readonly make: NewKeyedState }[] = [
  { name: 'memory', make: (slots) => new MemoryState(slots) },
  {
    name: 'lmdb',
    make: (slots, place) =>
      new LmdbState(slots, place, openRowFiles(place), { cacheRowsMax: 4, dirtyRowsMax: 2 }),
  },
]

/** A state with one of each, that lives in a test's own time. */
export class Subject {
  readonly state: KeyedState
  nowMs = 1_000_000

  constructor(make: NewKeyedState, ttlMs?: number) {
    const types = ['value', 'map', 'list'] as const
    const slots = types.map((type): SlotDeclaration => ({
      type,
      initial: type === 'value' ? 0 : undefined,
      ttlMs,
    }))
    this.state = make(slots, 'c[0]')
  }

  handles(key: unknown, undo: (() => void)[] | null = null) {
    const { tracker, slots } = this.state
    const encoded = encodeKey(key)
    const row = () => this.state.row(encoded, key)
    const cursor = { row, nowMs: () => this.nowMs, undo, tracker }
    return {
      value: stateHandle(cursor, 0, slots[0]!) as ValueState<number>,
      map: stateHandle(cursor, 1, slots[1]!) as MapState<string, number>,
      list: stateHandle(cursor, 2, slots[2]!) as ListState<number>,
    }
  }

  /** What one reads of all rows at a time, without touching any. */
  dump(nowMs: number): Map<string, unknown> {
    const ttlMs = this.state.slots[0]!.ttlMs ?? Infinity
    const all = new Map<string, unknown>()
    for (const { key, slots, changed } of this.state.rows(nowMs)) {
      const [value, map, list] = slots.map((slot, at) =>
        changed !== undefined && nowMs - changed[at]! >= ttlMs ? undefined : slot,
      )
      const shown = {
        value: value ?? 0,
        map: new Map((map as Map<string, number>) ?? []),
        list: [...((list as number[]) ?? [])],
      }
      assert.ok(!all.has(encodeKey(key)), 'no key comes twice')
      if (shown.value !== 0 || shown.map.size > 0 || shown.list.length > 0) all.set(encodeKey(key), shown)
    }
    return all
  }
}

export type Handles = ReturnType<Subject['handles']>

/** What was written of one snapshot. */
export type Written = readonly StateChunk[]

/** What a chunk says. Keys that were taken out come first. */
export function contentOf({ count, bytes }: StateChunk): {
  readonly removed: readonly string[]
  readonly rows: readonly { readonly key: string; readonly isWhole: boolean; readonly bytes: Uint8Array }[]
} {
  const entries = readEntries(bytes, (what) => new Error(what))
  assert.equal(entries.length, count)
  const text = (key: Uint8Array): string => Buffer.from(key).toString()
  const rows = entries.filter(({ kind }) => kind !== 'delete')
  const removed = entries.slice(0, entries.length - rows.length)
  assert.ok(removed.every(({ kind }) => kind === 'delete'))
  return {
    removed: removed.map(({ key }) => text(key)),
    rows: rows.map(({ kind, key, parts }) => ({ key: text(key), isWhole: kind === 'put', bytes: parts[0]! })),
  }
}

/** As files are read: what is whole stands for all that came before it, what was taken out for nothing. */
export function entriesOf(snapshots: readonly Written[]): Map<string, Entry[]> {
  const all = new Map<string, Entry[]>()
  for (const { removed, rows } of snapshots.flat().map(contentOf)) {
    for (const key of removed) all.delete(key)
    for (const { key, isWhole, bytes } of rows) {
      const entry = readRow(bytes)
      assert.equal(encodeKey(entry.key), key)
      all.set(key, isWhole ? [entry] : [...(all.get(key) ?? []), entry])
    }
  }
  return all
}

export function restored(make: NewKeyedState, snapshots: readonly Written[], ttlMs?: number): Subject {
  const subject = new Subject(make, ttlMs)
  for (const entries of entriesOf(snapshots).values())
    for (const entry of entries) subject.state.restore(entry, false, 0)
  return subject
}

/** As a state of its own files is restored: by key groups, which may be read later. */
export function restoredByGroups(
  make: NewKeyedState,
  snapshots: readonly Written[],
  ttlMs?: number,
): Subject {
  const subject = new Subject(make, ttlMs)
  const { state } = subject
  state.beginSnapshots()
  const groups = Map.groupBy(entriesOf(snapshots), ([key]) => keyGroupOf(key))
  for (const [group, entries] of groups) state.restoreGroup(group, unreadRows(state, new Map(entries)))
  return subject
}

function unreadRows(state: KeyedState, left: Map<string, Entry[]>): UnreadRows {
  return {
    get isOver() {
      return left.size === 0
    },
    read(encoded) {
      const entries = left.get(encoded) ?? []
      left.delete(encoded)
      for (const entry of entries) state.restore(entry, false, 0)
    },
    readSome(rowsMax) {
      for (const key of [...left.keys()].slice(0, rowsMax)) this.read(key)
    },
  }
}
