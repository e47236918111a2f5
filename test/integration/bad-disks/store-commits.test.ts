import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Session } from '../../e2e/support.ts'
import { BreakingDisk, noBreakingDisk } from '../../support/small-disk.ts'

/**
 * BW-5: a disk becomes read-only while somebody commits all the time, so some of these times in the midst of a commit (one in four). Before, the
 * next call was held up until its time was over.
 */

const script = join(import.meta.dirname, 'store-writer.ts')
const rounds = 12

test(
  'a disk that becomes read-only in the midst of commits: all that comes later is refused by name, at once, and the store can be closed',
  { skip: noBreakingDisk },
  async (t) => {
    for (let round = 1; round <= rounds; round++) {
      const disk = new BreakingDisk(t)
      const command = [process.execPath, '--conditions=vertigo-src', script, join(disk.folder, 'store')]
      const session = new Session(t, command, { cwd: import.meta.dirname })
      await session.until(/is writing/)
      disk.break()
      const { code, signal, stdout, stderr } = await session.ended()
      assert.deepEqual({ code, signal }, { code: 0, signal: null }, stderr.slice(-300))
      const lines = stdout.trimEnd().split('\n').slice(1)
      assert.match(lines[0]!, /^first (STORE_PLACE_UNFIT|STORE_OUTCOME_UNKNOWN): /)
      assert.equal(lines.at(-1), 'closed')
      for (const line of lines.slice(1, -1))
        assert.match(line, /^(write STORE_PLACE_UNFIT: |read done$|read STORE_PLACE_UNFIT: )/)
    }
  },
)
