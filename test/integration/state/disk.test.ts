import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { VertigoError } from '../../../src/base/errors.ts'
import { EntryReader, neverDamaged } from '../../../src/state/entry-block.ts'
import { LmdbState } from '../../../src/state/lmdb/lmdb-state.ts'
import { openRowFiles, type RowFiles } from '../../../src/state/lmdb/row-files.ts'
import { encodeKey } from '../../../src/state/keys.ts'
import { throwsWith } from '../../unit/testkit/errors.ts'
import { fillDisk, noSmallDisk, SmallDisk } from '../../support/small-disk.ts'

const slots = [{ type: 'value', initial: undefined, ttlMs: undefined }] as const

test('STATE_DISK_FAILED: where there is no folder for it, the state says whose it is and where it was to be', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-disk-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const error = throwsWith(
    () => openRowFiles('it[2]', file),
    'STATE_DISK_FAILED',
    /the state of it\[2\] .*file/i,
  )
  assert.equal(error.place.component, 'it[2]')
  openRowFiles('it[2]', folder).close()
  assert.deepEqual(readdirSync(folder), ['file'], 'what is open has no name')
})

test(
  'STATE_DISK_FAILED: a disk that is full is told when rows are written to it',
  { skip: noSmallDisk },
  (t) => {
    const disk = new SmallDisk(t)
    disk.remount('size=8m')
    const files = openRowFiles('it[0]', disk.folder)
    t.after(() => files.close())
    const state = new LmdbState(slots, 'it[0]', files, { cacheBytesMax: 64 * 1024 })
    let n = 0
    const fill = (): void => {
      for (; n < 10_000; n++) {
        const row = state.row(encodeKey(n), n)
        if (row.epoch !== state.epoch) state.note(row)
        row.slots[0] = 'x'.repeat(1_000)
        state.tend(0)
      }
    }
    throwsWith(fill, 'STATE_DISK_FAILED', /the state of it\[0\] cannot be kept in .*there is no room left/i)
    // The disk had room for 8 MiB.
    assert.ok(n > 2_000, `${n} rows were taken`)
  },
)

test(
  'STATE_DISK_FAILED: opening on a disk that is full, or nearly, is told, ends no process and leaves nothing',
  { skip: noSmallDisk },
  (t) => {
    const { folder } = new SmallDisk(t)
    let opened = 0
    // LMDB's own answer to each of the first few is a signal.
    for (let pages = 0; pages < 80; pages++) {
      const empty = fillDisk(folder, pages)
      try {
        openRowFiles('it[0]', folder).close()
        opened++
      } catch (error) {
        assert.equal((error as { readonly code?: unknown }).code, 'STATE_DISK_FAILED')
        assert.match(String(error), /there is no room left/)
      }
      assert.deepEqual(readdirSync(folder), ['filling'])
      empty()
    }
    assert.ok(opened > 0 && opened < 80, `${opened} of 80 were opened`)
  },
)

/** Rows of which writes are refused, when so many more were taken. */
class Refusing implements RowFiles {
  left = Infinity
  private readonly files = openRowFiles('it[0]')
  readonly rows = this.files.rows
  readonly marks = this.files.marks

  write(bytes: number, action: () => void): void {
    if (this.left-- <= 0) throw new VertigoError('STATE_DISK_FAILED', 'there is no room left')
    this.files.write(bytes, action)
  }

  close(): void {
    this.files.close()
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at)

class Course {
  readonly files = new Refusing()
  readonly state = new LmdbState(slots, 'it[0]', {
    rows: this.files.rows,
    marks: this.files.marks,
    write: (...how) => this.files.write(...how),
    close: () => this.files.close(),
  })

  constructor(t: TestContext) {
    t.after(() => this.state.close())
    this.state.beginSnapshots()
  }

  set(to: string, ...keys: readonly number[]): void {
    for (const n of keys) {
      const row = this.state.row(encodeKey(n), n)
      if (row.epoch !== this.state.epoch) this.state.note(row)
      row.slots[0] = to
    }
  }

  readonly capture = (): { readonly keys: readonly number[]; readonly giveBack: () => void } => {
    const keys: number[] = []
    const taken = this.state.capture('it[0]', ({ bytes }) => {
      const reader = new EntryReader(bytes)
      while (reader.next(neverDamaged))
        keys.push(Number(Buffer.from(reader.entry.key).subarray(1).toString()))
    })
    taken.step(systemClock, Infinity)
    return { keys: keys.toSorted((a, b) => a - b), giveBack: () => taken.giveBack() }
  }
}

for (const taken of [0, 1, 20])
  test(`MB-1, LS-4: what a capture marked that was given back on a full disk is in the next one, refused after ${taken} writes`, (t) => {
    const course = new Course(t)
    const { capture, files } = course
    course.set('a', ...range(0, 4_000))
    assert.deepEqual(capture().keys, range(0, 4_000))
    // The one before was committed. This one is not.
    course.set('b', ...range(100, 200))
    const lost = capture()
    assert.deepEqual(lost.keys, range(100, 200))
    course.set('c', ...range(200, 4_000))
    course.state.rows(0).next()
    files.left = taken
    lost.giveBack()
    files.left = taken
    throwsWith(capture, 'STATE_DISK_FAILED', /there is no room left/)
    files.left = Infinity
    course.set('d', 50)
    assert.deepEqual(capture().keys, [50, ...range(100, 4_000)])
    course.set('e', 5)
    assert.deepEqual(capture().keys, [5])
  })

test('LS-1: of rows that are written in several transactions, those of one that was refused are written by the next', (t) => {
  const course = new Course(t)
  const { capture, files, state } = course
  course.set('a', ...range(0, 1_000))
  files.left = 5
  throwsWith(() => state.rows(0).next(), 'STATE_DISK_FAILED', /there is no room left/)
  files.left = Infinity
  course.set('b', ...range(0, 10))
  assert.deepEqual(capture().keys, range(0, 1_000))
  const read = new Map([...state.rows(0)].map(({ key, slots: [value] }) => [key, value]))
  assert.equal(read.size, 1_000)
  for (const n of range(0, 1_000)) assert.equal(read.get(n), n < 10 ? 'b' : 'a')
})
