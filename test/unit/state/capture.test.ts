import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../../src/base/clock.ts'
import type { ListState, MapState, ValueState } from '../../../src/component/index.ts'
import { readRow, StateCapture, type StateChunk } from '../../../src/state/capture.ts'
import { applyEntry, type Entry, mergeEntries } from '../../../src/state/entries.ts'
import { stateHandle } from '../../../src/state/handles.ts'
import { KeyedState } from '../../../src/state/keyed-state.ts'
import type { Row, SlotDeclaration } from '../../../src/state/row.ts'
import { encodeKey, keyGroupCount } from '../../../src/state/keys.ts'

/** A state with one of each, that lives in a test's own time. */
class Subject {
  readonly state: KeyedState
  nowMs = 1_000_000

  constructor(ttlMs?: number) {
    const types = ['value', 'map', 'list'] as const
    const slots = types.map((type): SlotDeclaration => ({
      type,
      initial: type === 'value' ? 0 : undefined,
      ttlMs,
    }))
    this.state = new KeyedState(slots)
  }

  handles(row: Row, undo: (() => void)[] | null = null) {
    const { tracker, slots } = this.state
    const cursor = { row: () => row, nowMs: () => this.nowMs, undo, tracker }
    return {
      value: stateHandle(cursor, 0, slots[0]!) as ValueState<number>,
      map: stateHandle(cursor, 1, slots[1]!) as MapState<string, number>,
      list: stateHandle(cursor, 2, slots[2]!) as ListState<number>,
    }
  }

  row(key: unknown): Row {
    return this.state.row(encodeKey(key), key)
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
      if (shown.value !== 0 || shown.map.size > 0 || shown.list.length > 0) all.set(encodeKey(key), shown)
    }
    return all
  }
}

type Handles = ReturnType<Subject['handles']>

/** What was written of one snapshot. */
type Written = readonly StateChunk[]

function restored(snapshots: readonly Written[], ttlMs?: number): Subject {
  const subject = new Subject(ttlMs)
  for (const chunk of snapshots.flat()) {
    for (const key of chunk.removed) subject.state.forget(key)
    const entries = chunk.rows.map(({ key, isWhole, bytes }) => {
      const entry = readRow(bytes)
      assert.equal(encodeKey(entry.key), key)
      // What is whole stands for all that came before it.
      if (isWhole) subject.state.forget(key)
      return entry
    })
    for (const entry of entries) applyEntry(subject.state, entry)
  }
  return subject
}

const number = fc.integer({ min: 1, max: 9 })
const letter = fc.constantFrom('a', 'b', 'c')
const change = fc.oneof(
  number.map((n) => (s: Handles) => s.value.set(n)),
  fc.constant((s: Handles) => s.value.clear()),
  fc.tuple(letter, number).map(
    ([key, n]) =>
      (s: Handles) =>
        s.map.set(key, n),
  ),
  letter.map((key) => (s: Handles) => void s.map.delete(key)),
  fc.constant((s: Handles) => s.map.clear()),
  number.map((n) => (s: Handles) => s.list.push(n)),
  fc.constant((s: Handles) => void s.list.get()),
  fc.constant((s: Handles) => s.list.clear()),
)
const key = fc.oneof(
  fc.constantFrom('x', 'y', 'z'),
  fc.integer({ min: 0, max: 3 }),
  fc.record({ id: fc.integer({ min: 0, max: 2 }) }),
)

/** Things that happen to a state with snapshots. */
const happening = fc.oneof(
  { weight: 12, arbitrary: fc.record({ type: fc.constant('change' as const), key, change }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('failed' as const),
      key,
      changes: fc.array(change, { maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('cut' as const) }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('step' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('finish' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('give back' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 60 }) }),
  },
)

/** One look at the clock a row: each step does as little as it can. */
const impatient = { ...systemClock, monotonic: () => systemClock.monotonic() }

for (const ttlMs of [undefined, 100]) {
  test(`CA-1, CG-3: snapshots one after the other give the state at the last cut, ttl ${ttlMs}`, () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 120 }), (happenings) => {
        const subject = new Subject(ttlMs)
        subject.state.tracker.begin()
        const committed: Written[] = []
        let chunks: StateChunk[] = []
        let running: { capture: StateCapture; expected: Map<string, unknown>; nowMs: number } | undefined
        const finishIfDone = (): void => {
          if (running === undefined || !running.capture.isDone) return
          committed.push(chunks)
          assert.deepEqual(restored(committed, ttlMs).dump(running.nowMs), running.expected)
          running = undefined
        }
        for (const one of happenings) {
          if (one.type === 'change') one.change(subject.handles(subject.row(one.key)))
          else if (one.type === 'failed') {
            const undo: (() => void)[] = []
            for (const each of one.changes) each(subject.handles(subject.row(one.key), undo))
            for (const action of undo.toReversed()) action()
          } else if (one.type === 'time') {
            subject.nowMs += one.ms
            for (let group = 0; group < keyGroupCount; group++) subject.state.sweep(subject.nowMs)
          } else if (one.type === 'cut' && running === undefined) {
            const { nowMs } = subject
            const expected = subject.dump(nowMs)
            chunks = []
            const into = chunks
            const isFirst = committed.length === 0
            const take = (chunk: StateChunk): void => {
              if (isFirst) assert.ok(chunk.rows.every(({ isWhole }) => isWhole))
              into.push(chunk)
            }
            const capture = StateCapture.begin(subject.state, 'c[0]', take, isFirst)
            running = { capture, expected, nowMs }
          } else if (one.type === 'step' && running !== undefined) {
            running.capture.step(impatient, 0)
            finishIfDone()
          } else if (one.type === 'finish' && running !== undefined) {
            running.capture.step(impatient, Infinity)
            finishIfDone()
          } else if (one.type === 'give back' && running !== undefined) {
            running.capture.giveBack()
            running = undefined
          }
        }
        running?.capture.step(impatient, Infinity)
        finishIfDone()
      }),
      { numRuns: 1500 },
    )
  })
}

test('EN-2: entries that were merged say the same as one after the other', () => {
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 6 }), { minLength: 2, maxLength: 5 }), (epochs) => {
      const subject = new Subject()
      subject.state.tracker.begin()
      const entries: Entry[] = []
      for (const changes of epochs) {
        for (const each of changes) each(subject.handles(subject.row('k')))
        const capture = StateCapture.begin(subject.state, 'c[0]', ({ rows }) =>
          entries.push(...rows.map(({ bytes }) => readRow(bytes))),
        )
        capture.step(systemClock, Infinity)
      }
      if (entries.length === 0) return
      const merged = entries.reduce((older, newer) => mergeEntries(older, newer, subject.state.slots))
      const again = new Subject()
      applyEntry(again.state, merged)
      assert.deepEqual(again.dump(0), subject.dump(0))
    }),
    { numRuns: 1000 },
  )
})

test('only what has changed is written, and a list that grows is written as what was appended', () => {
  const subject = new Subject()
  const many = 10_000
  subject.state.tracker.begin()
  for (let n = 0; n < many; n++) subject.handles(subject.row(n)).list.push(n)
  const written = (): { entries: number; bytes: number } => {
    const sum = { entries: 0, bytes: 0 }
    const capture = StateCapture.begin(subject.state, 'c[0]', ({ rows }) => {
      sum.entries += rows.length
      for (const { bytes } of rows) sum.bytes += bytes.byteLength
    })
    capture.step(systemClock, Infinity)
    return sum
  }
  assert.equal(written().entries, many)
  assert.deepEqual(written(), { entries: 0, bytes: 0 })
  const { list } = subject.handles(subject.row(1))
  for (let n = 0; n < 100_000; n++) list.push(n)
  assert.equal(written().entries, 1)
  list.push(7)
  const last = written()
  assert.equal(last.entries, 1)
  assert.ok(last.bytes < 200, String(last.bytes))
})

test('a value that cannot be written is an error that names owner, key and place', () => {
  const subject = new Subject()
  subject.state.tracker.begin()
  subject.handles(subject.row('k')).map.set('a', (() => 1) as never)
  const capture = StateCapture.begin(subject.state, 'count[3]', () => undefined)
  assert.throws(() => capture.step(systemClock, Infinity), {
    code: 'STATE_NOT_ENCODABLE',
    message: /count\[3\].*at the key k/,
  })
})
