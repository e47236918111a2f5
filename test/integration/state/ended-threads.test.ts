import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { within } from '../../support/eventually.ts'

const script = fileURLToPath(new URL('ended-threads-child.ts', import.meta.url))
const threads = 24
const endMsMax = 240_000

test('a process survives that threads are ended at work on state in LMDB, and ends while some are (NG-1, NG-2, RF-1)', async (t) => {
  const child = spawn(process.execPath, ['--conditions=vertigo-src', script, String(threads)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const [exit, printed] = await within(
    'the process has ended its threads and itself',
    endMsMax,
    Promise.all([once(child, 'exit'), text(child.stdout)]),
  )
  // Its code, and the signal that ended it.
  assert.deepEqual([exit, printed], [[0, null], `${threads} threads\n`])
})
