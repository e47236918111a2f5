import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { openJournal } from '../../../src/journal/open.ts'
import { errorCode } from '../../support/error-code.ts'

const skip = process.platform === 'linux' ? false : 'threads are told apart on Linux only'

test('a writer in a thread that was ended is no more, though its process lives', { skip }, async (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'vertigo-journal-'))
  t.after(() => rmSync(parent, { recursive: true, force: true }))
  const folder = join(parent, 'journal')
  const thread = new Worker(fileURLToPath(new URL('thread.ts', import.meta.url)), { workerData: folder })
  await once(thread, 'message')
  assert.equal(await errorCode(openJournal({ folder, generation: 1 })), 'JOURNAL_IN_USE')
  await thread.terminate()
  const journal = await openJournal({ folder, generation: 1 })
  assert.equal(journal.end, 1)
  await journal.close()
})
