import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ListState, MapState, ValueState } from '../../../src/component/index.ts'
import { ChangeTracker } from '../../../src/state/memory/changes.ts'
import { stateHandle } from '../../../src/state/handles.ts'
import { MemoryState } from '../../../src/state/memory/memory-state.ts'
import type { Row, SlotDeclaration } from '../../../src/state/row.ts'
import { encodeKey } from '../../../src/state/keys.ts'

const slots: readonly SlotDeclaration[] = [
  { type: 'value', initial: 0, ttlMs: undefined },
  { type: 'map', initial: undefined, ttlMs: undefined },
  { type: 'list', initial: undefined, ttlMs: undefined },
]

function handles(row: Row, undo: (() => void)[] | null, nowMs: () => number = () => 0, declared = slots) {
  const cursor = { row: () => row, nowMs, undo, tracker: new ChangeTracker() }
  return {
    value: stateHandle(cursor, 0, declared[0]!) as ValueState<number>,
    map: stateHandle(cursor, 1, declared[1]!) as MapState<string, number>,
    list: stateHandle(cursor, 2, declared[2]!) as ListState<number>,
  }
}

type Handles = ReturnType<typeof handles>

const letter = fc.constantFrom('a', 'b', 'c')
const number = fc.integer({ min: 0, max: 9 })
/** One use of a state, and what a plain value, map and list make of it. */
const use = fc.oneof(
  number.map((n) => ({ do: (s: Handles) => s.value.set(n), plain: (p: Plain) => void (p.value = n) })),
  number.map((n) => ({
    do: (s: Handles) => void s.value.update((old) => old + n),
    plain: (p: Plain) => void (p.value += n),
  })),
  fc.constant({ do: (s: Handles) => s.value.clear(), plain: (p: Plain) => void (p.value = 0) }),
  fc.tuple(letter, number).map(([key, n]) => ({
    do: (s: Handles) => s.map.set(key, n),
    plain: (p: Plain) => void p.map.set(key, n),
  })),
  fc.tuple(letter, number).map(([key, n]) => ({
    do: (s: Handles) => void s.map.update(key, (old = 0) => old + n),
    plain: (p: Plain) => void p.map.set(key, (p.map.get(key) ?? 0) + n),
  })),
  letter.map((key) => ({
    do: (s: Handles) => void s.map.delete(key),
    plain: (p: Plain) => void p.map.delete(key),
  })),
  fc.constant({ do: (s: Handles) => s.map.clear(), plain: (p: Plain) => p.map.clear() }),
  number.map((n) => ({ do: (s: Handles) => s.list.push(n), plain: (p: Plain) => void p.list.push(n) })),
  fc.constant({ do: (s: Handles) => void s.list.get(), plain: () => undefined }),
  fc.constant({ do: (s: Handles) => s.list.clear(), plain: (p: Plain) => void (p.list = []) }),
)

interface Plain {
  value: number
  map: Map<string, number>
  list: number[]
}

const byKey = ([a]: readonly [string, number], [b]: readonly [string, number]): number => (a < b ? -1 : 1)

function shown(s: Handles): unknown {
  return {
    value: s.value.get(),
    map: new Map([...s.map.entries()].toSorted(byKey)),
    size: s.map.size,
    has: ['a', 'b', 'c'].map((key) => [s.map.has(key), s.map.get(key)]),
    list: [...s.list.get()],
    length: s.list.length,
  }
}

function shownPlain({ value, map, list }: Plain): unknown {
  const sorted = new Map([...map].toSorted(byKey))
  const has = ['a', 'b', 'c'].map((key) => [map.has(key), map.get(key)])
  return { value, map: sorted, size: map.size, has, list, length: list.length }
}

test('states do what plain values, maps and lists do', () => {
  fc.assert(
    fc.property(fc.array(use, { maxLength: 30 }), (uses) => {
      const state = handles(new MemoryState(slots).row('k', 'k'), null)
      const plain: Plain = { value: 0, map: new Map(), list: [] }
      for (const one of uses) {
        one.do(state)
        one.plain(plain)
      }
      assert.deepEqual(shown(state), shownPlain(plain))
    }),
  )
})

test('TR-2: undone, a state is what it was; lists that were handed out never change', () => {
  fc.assert(
    fc.property(fc.array(use, { maxLength: 20 }), fc.array(use, { maxLength: 20 }), (kept, failed) => {
      const row = new MemoryState(slots).row('k', 'k')
      const before = handles(row, null)
      for (const one of kept) one.do(before)
      const expected = shown(before)
      const undo: (() => void)[] = []
      const attempt = handles(row, undo)
      const seen: (readonly [readonly number[], readonly number[]])[] = []
      for (const one of failed) {
        one.do(attempt)
        const list = attempt.list.get()
        if (failed.length % 2 === 0) seen.push([list, [...list]])
      }
      for (const action of undo.toReversed()) action()
      assert.deepEqual(shown(handles(row, null)), expected)
      for (const [list, copy] of seen) assert.deepEqual(list, copy)
    }),
    { numRuns: 1000 },
  )
})

test('a time to live begins anew with each change, for each state of its own', () => {
  const declared: readonly SlotDeclaration[] = slots.map((slot, i) => ({ ...slot, ttlMs: 100 * (i + 1) }))
  const keyed = new MemoryState(declared)
  let nowMs = 1_000_000
  const state = handles(keyed.row('k', 'k'), null, () => nowMs, declared)
  state.value.set(5)
  state.map.set('a', 1)
  state.list.push(1)
  nowMs += 99
  assert.deepEqual([state.value.get(), state.map.size, state.list.length], [5, 1, 1])
  nowMs += 1
  assert.deepEqual([state.value.get(), state.map.size, state.list.length], [0, 1, 1])
  state.map.set('b', 2)
  nowMs += 199
  assert.deepEqual([state.value.get(), state.map.size, state.list.length], [0, 2, 1])
  nowMs += 1
  assert.deepEqual([state.value.get(), state.map.size, state.list.length], [0, 0, 0])
})

test('a change that is taken back gives no more time to live', () => {
  const declared: readonly SlotDeclaration[] = slots.map((slot) => ({ ...slot, ttlMs: 100 }))
  const row = new MemoryState(declared).row('k', 'k')
  let nowMs = 1_000_000
  const state = handles(row, null, () => nowMs, declared)
  state.value.set(5)
  state.map.set('a', 1)
  state.list.push(1)
  nowMs += 50
  const undo: (() => void)[] = []
  const attempt = handles(row, undo, () => nowMs, declared)
  attempt.value.set(6)
  attempt.map.set('b', 1)
  attempt.list.push(2)
  for (const action of undo.toReversed()) action()
  nowMs += 49
  assert.deepEqual([state.value.get(), state.map.size, state.list.length], [5, 1, 1])
  nowMs += 1
  assert.deepEqual([state.value.get(), state.map.size, state.list.length], [0, 0, 0])
})

test('rows are found by their encoded key, listed once, and swept when all of their states are over', () => {
  const keyed = new MemoryState([{ type: 'value', initial: 0, ttlMs: 100 }])
  const keys = Array.from({ length: 1000 }, (_, i) => ({ id: i }))
  for (const key of keys) {
    const row = keyed.row(encodeKey(key), key)
    row.changed![0] = 1000
    assert.equal(keyed.row(encodeKey({ ...key }), key), row)
  }
  assert.equal([...keyed.rows(0)].length, 1000)
  assert.deepEqual(new Set(Array.from(keyed.rows(1050), ({ key }) => key)), new Set(keys))
  assert.equal([...keyed.rows(1100)].length, 0)
  for (let i = 0; i < 256; i++) keyed.tend(1099)
  assert.equal([...keyed.rows(0)].length, 1000)
  for (let i = 0; i < 256; i++) keyed.tend(1100)
  assert.equal([...keyed.rows(0)].length, 0)
})
