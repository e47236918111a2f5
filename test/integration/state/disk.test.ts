import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { EntryReader, neverDamaged } from '../../../src/state/entry-block.ts'
import { LmdbState } from '../../../src/state/lmdb/lmdb-state.ts'
import { openRowFiles } from '../../../src/state/lmdb/row-files.ts'
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
    const { folder } = new SmallDisk(t)
    const files = openRowFiles('it[0]', folder)
    t.after(() => files.close())
    const state = new LmdbState(slots, 'it[0]', files, { cacheBytesMax: 64 * 1024 })
    const fill = (): void => {
      for (let n = 0; n < 10_000; n++) {
        const row = state.row(encodeKey(n), n)
        if (row.epoch !== state.epoch) state.note(row)
        row.slots[0] = 'x'.repeat(1_000)
        state.tend(0)
      }
    }
    throwsWith(fill, 'STATE_DISK_FAILED', /the state of it\[0\] cannot be kept in /i)
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

test(
  'MB-1, LS-4: what a capture marked that was given back on a full disk is in the next one',
  { skip: noSmallDisk },
  (t) => {
    const { folder } = new SmallDisk(t)
    const state = new LmdbState(slots, 'it[0]', openRowFiles('it[0]', folder))
    t.after(() => state.close())
    state.beginSnapshots()
    const set = (n: number, to: string): void => {
      const row = state.row(encodeKey(n), n)
      if (row.epoch !== state.epoch) state.note(row)
      row.slots[0] = to
    }
    const capture = (): { readonly keys: readonly number[]; readonly giveBack: () => void } => {
      const keys: number[] = []
      const taken = state.capture('it[0]', ({ bytes }) => {
        const reader = new EntryReader(bytes)
        while (reader.next(neverDamaged))
          keys.push(Number(Buffer.from(reader.entry.key).subarray(1).toString()))
      })
      taken.step(systemClock, Infinity)
      return { keys: keys.toSorted((a, b) => a - b), giveBack: () => taken.giveBack() }
    }
    const range = (from: number, to: number): number[] =>
      Array.from({ length: to - from }, (_, at) => from + at)

    for (const n of range(0, 4_000)) set(n, 'a')
    assert.deepEqual(capture().keys, range(0, 4_000))
    // The one before was committed. This one is not.
    for (const n of range(100, 200)) set(n, 'b')
    const lost = capture()
    assert.deepEqual(lost.keys, range(100, 200))
    // So many that giving back takes room.
    for (const n of range(200, 4_000)) set(n, 'c')
    state.rows(0).next()
    const empty = fillDisk(folder)
    lost.giveBack()
    throwsWith(capture, 'STATE_DISK_FAILED', /there is no room left/)
    throwsWith(capture, 'STATE_DISK_FAILED', /there is no room left/)
    empty()
    set(50, 'd')
    assert.deepEqual(capture().keys, [50, ...range(100, 4_000)])
    set(5, 'e')
    assert.deepEqual(capture().keys, [5])
  },
)
