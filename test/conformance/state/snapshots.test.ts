import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../../src/base/clock.ts'
import { type Capture, readRow, type StateChunk, type StateWork } from '../../../src/state/capture.ts'
import { type Entry, mergeEntries } from '../../../src/state/entries.ts'
import type { NewKeyedState } from '../../../src/state/keyed-state.ts'
import { encodeKey, keyGroupCount } from '../../../src/state/keys.ts'
import { LmdbState } from '../../../src/state/lmdb/lmdb-state.ts'
import { openRowFiles } from '../../../src/state/lmdb/row-files.ts'
import { MemoryState } from '../../../src/state/memory/memory-state.ts'
import { TestClock } from '../../../src/testkit/test-clock.ts'
import {
  backends,
  contentOf,
  type Handles,
  restored,
  restoredByGroups,
  Subject,
  type Written,
} from './subjects.ts'

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
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('cut' as const),
      whole: fc.constantFrom('never', 'all', 'most'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('turn' as const) }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('step' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('finish' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('give back' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('go back' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('lost' as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('read' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 60 }) }),
  },
)

type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never

/** A state with its snapshots, and beside it the same in memory, which knows of none. */
class Course {
  subject: Subject
  private model: Subject
  private readonly make: NewKeyedState
  private readonly ttlMs: number | undefined
  private readonly committed: Written[] = []
  /** Since the last cut. */
  private areFilesLost = false
  private chunks: StateChunk[] = []
  /** Of what was given back. */
  private left: StateWork | undefined
  private running:
    { capture: Capture; isWhole: boolean; expected: Map<string, unknown>; nowMs: number } | undefined

  constructor(make: NewKeyedState, ttlMs: number | undefined) {
    this.make = make
    this.ttlMs = ttlMs
    this.subject = new Subject(make, ttlMs)
    this.model = new Subject((slots) => new MemoryState(slots), ttlMs)
    this.subject.state.beginSnapshots()
  }

  go(one: Happening): void {
    const { subject, running } = this
    if (one.type === 'change') for (const each of this.both) one.change(each.handles(one.key))
    else if (one.type === 'failed') for (const each of this.both) fail(each, one)
    else if (one.type === 'turn') subject.state.tend(subject.nowMs)
    else if (one.type === 'time') for (const each of this.both) pass(each, one.ms)
    else if (one.type === 'cut' && running === undefined) this.cut(one.whole)
    else if (one.type === 'step') this.step(0)
    else if (one.type === 'finish') this.step(Infinity)
    else if (one.type === 'read') subject.state.restoring?.step(systemClock, 0)
    else if (one.type === 'go back') this.goBack()
    else if (one.type === 'lost') {
      if (running !== undefined || this.committed.length === 0) return
      this.committed.length = 0
      this.areFilesLost = true
    } else if (one.type === 'give back') {
      if (running !== undefined) this.left = running.capture.giveBack()
      this.running = undefined
    }
  }

  end(): void {
    this.step(Infinity)
    this.compare()
    this.subject.state.close()
  }

  /** As after a failure: another state goes on from the last snapshot. */
  private goBack(): void {
    const { committed, running, subject, ttlMs } = this
    if (committed.length === 0 || running !== undefined) return
    const { nowMs } = subject
    subject.state.close()
    this.left = undefined
    this.subject = restoredByGroups(this.make, committed, ttlMs)
    this.model = restored((slots) => new MemoryState(slots), committed, ttlMs)
    for (const each of this.both) each.nowMs = nowMs
  }

  private get both(): readonly Subject[] {
    return [this.subject, this.model]
  }

  private compare(): void {
    const { subject, model } = this
    assert.deepEqual(subject.dump(subject.nowMs), model.dump(model.nowMs))
  }

  /** `whole`: of what has to have changed for it to be written whole. */
  private cut(whole: 'never' | 'all' | 'most'): void {
    const { nowMs, state } = this.subject
    this.compare()
    const into: StateChunk[] = (this.chunks = [])
    if (this.areFilesLost) state.noteAll()
    this.areFilesLost = false
    const isWhole = this.committed.length === 0 || (whole !== 'never' && state.noteRest(whole === 'most'))
    const take = (chunk: StateChunk): void => {
      if (isWhole) assert.ok(contentOf(chunk).rows.every(({ isWhole }) => isWhole))
      into.push(chunk)
    }
    const capture = state.capture('c[0]', take, isWhole)
    this.running = { capture, isWhole, expected: this.model.dump(nowMs), nowMs }
  }

  private step(budgetMs: number): void {
    const { running, committed, chunks } = this
    if (running === undefined) {
      // About a tenth of what is given back, so that much happens in between.
      for (let slice = 0; slice < keyGroupCount / 10; slice++) this.left?.step(systemClock, budgetMs)
      return
    }
    const wasDone = running.capture.isDone
    running.capture.step(systemClock, budgetMs)
    // Between the two it may be given back, too.
    if (!running.capture.isDone || (!wasDone && budgetMs === 0)) return
    if (running.isWhole) committed.length = 0
    committed.push(chunks)
    const again = restored(this.make, committed, this.ttlMs)
    assert.deepEqual(again.dump(running.nowMs), running.expected)
    again.state.close()
    this.running = undefined
  }
}

/** What failed is taken back, also where it was written to the disk meanwhile. */
function fail(subject: Subject, { key, changes }: Extract<Happening, { type: 'failed' }>): void {
  const undo: (() => void)[] = []
  for (const each of changes) {
    each(subject.handles(key, undo))
    if (!subject.state.keepsRows && !subject.state.withTtl) subject.state.tend(subject.nowMs)
  }
  for (const action of undo.toReversed()) action()
}

function pass(subject: Subject, ms: number): void {
  subject.nowMs += ms
  for (let group = 0; group < keyGroupCount; group++) subject.state.tend(subject.nowMs)
}

for (const { name, make } of backends) {
  for (const ttlMs of [undefined, 100]) {
    test(`CA-1, CA-3: snapshots one after the other give the state at the last cut, ${name}, ttl ${ttlMs}`, () => {
      fc.assert(
        fc.property(fc.array(happening, { maxLength: 120, size: 'max' }), (happenings) => {
          const course = new Course(make, ttlMs)
          for (const one of happenings) course.go(one)
          course.end()
        }),
        { numRuns: name === 'memory' ? 500 : 60 },
      )
    })
  }

  test(`only what has changed is written, and a list that grows is written as what was appended, ${name}`, () => {
    const subject = new Subject(make)
    const { state } = subject
    const many = 3_000
    state.beginSnapshots()
    for (let n = 0; n < many; n++) {
      subject.handles(n).list.push(n)
      if (n % 10 === 0) state.tend(0)
    }
    const written = (isFirst = false): { entries: number; bytes: number } => {
      const sum = { entries: 0, bytes: 0 }
      const take = (chunk: StateChunk): void => {
        const { rows } = contentOf(chunk)
        sum.entries += rows.length
        for (const { bytes } of rows) sum.bytes += bytes.byteLength
      }
      const capture = state.capture('c[0]', take, isFirst)
      capture.step(systemClock, Infinity)
      return sum
    }
    assert.equal(written(true).entries, many)
    assert.deepEqual(written(), { entries: 0, bytes: 0 })
    const { list } = subject.handles(1)
    for (let n = 0; n < 100_000; n++) list.push(n)
    assert.equal(written().entries, 1)
    list.push(7)
    const last = written()
    assert.equal(last.entries, 1)
    assert.ok(last.bytes < 200, String(last.bytes))
    state.close()
  })

  test(`a value that cannot be written is an error that names owner, key and place, ${name}`, () => {
    const subject = new Subject((slots) => make(slots, 'count[3]'))
    const { state } = subject
    state.beginSnapshots()
    subject.handles('k').map.set('a', (() => 1) as never)
    assert.throws(() => state.capture('count[3]', () => undefined).step(systemClock, Infinity), {
      code: 'STATE_NOT_ENCODABLE',
      message: /count\[3\].*at the key k/,
    })
    state.close()
  })

  test(`keys of any kind and length, and the times of what has a time to live, come back, ${name}`, () => {
    const keys = [
      '',
      '\u0000',
      'x'.repeat(5_000),
      '\u00e4\u{1f600}',
      0,
      1n,
      null,
      true,
      ['a', 1],
      { a: 'y'.repeat(3_000) },
    ]
    const subject = new Subject(make, 1_000)
    subject.state.beginSnapshots()
    for (const [n, key] of keys.entries()) {
      subject.nowMs = 1_000_000 + n * 100
      subject.handles(key).value.set(n + 1)
      subject.state.tend(subject.nowMs)
    }
    const chunks: StateChunk[] = []
    subject.state.capture('c[0]', (chunk) => chunks.push(chunk), true).step(systemClock, Infinity)
    const again = restored(make, [chunks], 1_000)
    // Ten keys, one each 100 ms: those that changed last are left.
    for (const [atMs, left] of [
      [1_000_500, 10],
      [1_001_450, 5],
      [1_002_000, 0],
    ] as const) {
      assert.equal(again.dump(atMs).size, left, `at ${atMs}`)
      assert.equal(subject.dump(atMs).size, left)
    }
    again.nowMs = 1_001_450
    assert.deepEqual(
      keys.map((key) => again.handles(key).value.get()),
      [0, 0, 0, 0, 0, 6, 7, 8, 9, 10],
    )
    subject.state.close()
    again.state.close()
  })
}

test('EN-2: entries that were merged say the same as one after the other', () => {
  const [{ make }] = backends as [(typeof backends)[number]]
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 6 }), { minLength: 2, maxLength: 5 }), (epochs) => {
      const subject = new Subject(make)
      const { state } = subject
      state.beginSnapshots()
      const entries: Entry[] = []
      for (const changes of epochs) {
        for (const each of changes) each(subject.handles('k'))
        const capture = state.capture('c[0]', (chunk) => {
          entries.push(...contentOf(chunk).rows.map(({ bytes }) => readRow(bytes)))
        })
        capture.step(systemClock, Infinity)
      }
      if (entries.length === 0) return
      const merged = entries.reduce((older, newer) => mergeEntries(older, newer, state.slots))
      const again = new Subject(make)
      again.state.restore(merged, false, 0)
      assert.deepEqual(again.dump(0), subject.dump(0))
    }),
    { numRuns: 1000 },
  )
})

test('a state that does not fit into its cache has all of its rows, and few of them in memory', () => {
  const slots = [{ type: 'value', initial: 0, ttlMs: undefined }] as const
  const state = new LmdbState(slots, 'c[0]', openRowFiles('c[0]'), {
    cacheRowsMax: 1_000,
    dirtyRowsMax: 100,
  })
  const many = 10_000
  const set = (n: number, value: unknown): void => {
    const row = state.row(encodeKey(n), n)
    if (row.epoch !== state.epoch) state.note(row)
    row.slots[0] = value
  }
  let most = 0
  for (let round = 0; round < 2; round++)
    for (let n = 0; n < many; n++) {
      set(n, n + round)
      if (n % 64 === 0) state.tend(0)
      most = Math.max(most, state.cachedRows)
    }
  assert.ok(most <= 1_200, `${most} rows were in memory`)
  let sum = 0
  for (const { slots: of } of state.rows(0)) sum += of[0] as number
  assert.equal(sum, (many * (many - 1)) / 2 + many)
  state.close()
})

test('CA-1: a row that cannot be written when it is about to change fails the snapshot, and not who changes it', () => {
  const subject = new Subject((slots) => new MemoryState(slots))
  const { state } = subject
  state.beginSnapshots()
  const { value } = subject.handles('k')
  value.set((() => 1) as never)
  const capture = state.capture('c[0]', () => undefined)
  value.set(1)
  assert.throws(() => capture.step(systemClock, Infinity), { code: 'STATE_NOT_ENCODABLE' })
  capture.giveBack()
  state.capture('c[0]', () => undefined).step(systemClock, Infinity)
})

/** Each look at it takes a millisecond. */
class SlowClock extends TestClock {
  override monotonic(): number {
    this.advance(1)
    return super.monotonic()
  }
}

test('CG-3: what is given back is so in slices, and is written again whole, whatever changes in between', () => {
  const subject = new Subject((slots) => new MemoryState(slots))
  const { state } = subject
  state.beginSnapshots()
  const keys = Array.from({ length: 4_000 }, (_, n) => n)
  for (const key of keys) subject.handles(key).list.push(key)
  const taken: StateChunk[] = []
  const first = state.capture('c[0]', (chunk) => taken.push(chunk))
  first.step(systemClock, Infinity)
  // Half of them change while that snapshot is on its way, and others while it is given back.
  for (const key of keys) if (key % 2 === 0) subject.handles(key).list.push(-1)
  const left = first.giveBack()!
  const clock = new SlowClock()
  let slices = 0
  for (; left.isWaiting && slices < keyGroupCount / 2; slices++) {
    left.step(clock, 1)
    subject.handles(keys[slices * 7]!).list.push(-2)
  }
  assert.ok(left.isWaiting, 'a slice is a part of it')
  const written: StateChunk[] = []
  const second = state.capture('c[0]', (chunk) => written.push(chunk))
  assert.ok(!left.isWaiting, 'a cut has all of it')
  for (const key of keys) if (key % 3 === 0) subject.handles(key).list.push(-3)
  second.step(systemClock, Infinity)
  const rows = written.flatMap((chunk) => contentOf(chunk).rows)
  assert.equal(rows.length, keys.length)
  assert.ok(rows.every(({ isWhole }) => isWhole))
  const more = new Set(Array.from({ length: slices }, (_, slice) => slice * 7))
  const again = restored((slots) => new MemoryState(slots), [written], undefined)
  for (const key of keys)
    assert.deepEqual(
      again.handles(key).list.get(),
      [key, ...(key % 2 === 0 ? [-1] : []), ...(more.has(key) ? [-2] : [])],
      `the key ${key}`,
    )
})
