import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ChangeSignal } from '../../../../src/store/lmdb/change-signal.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'

test('a process looks now and then, since a notification may be lost', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-signal-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const clock = new TestClock()
  let signals = 0
  // Nobody writes into the file that is watched.
  const signal = new ChangeSignal(folder, clock, () => signals++, 200)
  clock.advance(1_000)
  assert.equal(signals, 5)
  signal.close()
  clock.advance(1_000)
  assert.equal(signals, 5, 'a closed one looks no more')
})
