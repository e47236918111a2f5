import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Session } from '../../e2e/support.ts'
import { BreakingDisk, fillDisk, noBreakingDisk, noSmallDisk, SmallDisk } from '../../support/small-disk.ts'

/** LMDB is not let write to a disk that refuses it (RF-4): one in some such writes ends the process. */

const script = join(import.meta.dirname, 'row-writer.ts')
const tries = 2_000

async function allRefused(
  t: TestContext,
  { folder, keys }: { readonly folder: string; readonly keys: number },
  refuse: () => void,
  as: RegExp,
): Promise<void> {
  const session = new Session(
    t,
    [process.execPath, '--conditions=vertigo-src', script, folder, String(tries), String(keys)],
    {
      cwd: import.meta.dirname,
    },
  )
  await session.until(/is writing/)
  refuse()
  const { code, signal, stdout, stderr } = await session.ended()
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, stderr.slice(-300))
  const told = stdout.split('\n').slice(1, -2)
  assert.ok(told.length > 0 && told.every((line) => as.test(line)), stdout)
  assert.match(stdout, /^done$/m)
}

test(
  'a disk that has become read-only: each write is an error, and none ends the process',
  { skip: noBreakingDisk },
  async (t) => {
    const disk = new BreakingDisk(t)
    await allRefused(
      t,
      // They stay few, so that it is never full.
      { folder: disk.folder, keys: 4_096 },
      () => disk.break(),
      /^STATE_DISK_FAILED: The state of count\[0\].*read-only file system/,
    )
  },
)

test('a full disk: the same', { skip: noSmallDisk }, async (t) => {
  const disk = new SmallDisk(t)
  disk.remount('size=8m')
  await allRefused(
    t,
    // They become more all the time, so that it is full in the end.
    { folder: disk.folder, keys: 1_000_000 },
    () => fillDisk(disk.folder),
    /^STATE_DISK_FAILED: The state of count\[0\].*there is no room left/,
  )
})
