import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { LmdbState } from '../../../src/state/lmdb/lmdb-state.ts'
import { openRowFiles } from '../../../src/state/lmdb/row-files.ts'
import { encodeKey } from '../../../src/state/keys.ts'
import { throwsWith } from '../../unit/testkit/errors.ts'
import { noSmallDisk, SmallDisk } from '../../support/small-disk.ts'

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
