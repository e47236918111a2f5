import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { machineClock } from '../../../src/base/clock.ts'
import { put } from '../../../src/store/operations.ts'
import { Claims } from '../../../src/store/lmdb/claims.ts'
import { openLmdbStore } from '../../../src/store/lmdb/open.ts'
import type { Store } from '../../../src/store/store.ts'
import { countOf, isStopped, makeFolder, openStore, startChild, until } from './support.ts'

const write = (store: Store, timeoutMs = 20_000): Promise<unknown> =>
  store.transact({ then: [put('a', Buffer.from('v'))] }, { timeoutMs })

test('what was acknowledged stays while others open the store (CL-1, CL-2)', async (t) => {
  const folder = makeFolder(t)
  const writer = startChild(t, 'increment', folder)
  await writer.hear('acknowledged')
  for (let round = 0; round < 200; round++) await (await openLmdbStore({ folder })).close()
  writer.kill('SIGKILL')
  await writer.exited
  // A commit that is forgotten gives its number to the next one.
  const counts = writer.told.flatMap(({ word, count }) => (word === 'acknowledged' ? [count!] : []))
  assert.ok(counts.length > 200, `only ${counts.length} commits`)
  assert.deepEqual(
    counts,
    counts.map((_, index) => index + 1),
  )
})

test('processes that open and close a store do not take its locks from one another (CL-3)', async (t) => {
  const folder = makeFolder(t)
  const children = Array.from({ length: 3 }, () => startChild(t, 'reopen', folder))
  await Promise.all(children.map(({ process }) => once(process, 'exit')))
  assert.deepEqual(await Promise.all(children.map(({ exited }) => exited)), [0, 0, 0])
  assert.equal(await countOf(await openStore(t, folder), 'reopened'), 300)
})

test('nothing is committed while a process opens the store (CL-2)', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder)
  const opener = startChild(t, 'claim', folder)
  await opener.hear('claimed')
  await assert.rejects(write(store, 300), { code: 'STORE_UNREACHABLE' })
  const { revision } = await store.get('a')
  const writing = write(store)
  opener.kill('SIGKILL')
  await writing
  assert.equal((await store.get('a')).revision, revision + 1)
  assert.deepEqual(readdirSync(join(folder, 'claims')), [], 'the claim of the dead is left')
})

test('who is stopped while it opens the store is ended (CL-4)', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder, { stoppedPatienceMsMax: 100 })
  const opener = startChild(t, 'claim', folder)
  await opener.hear('claimed')
  opener.kill('SIGSTOP')
  await until('the child is stopped', () => isStopped(opener) || undefined)
  await write(store)
  assert.equal(await opener.exited, 'SIGKILL')
})

test('who opens waits for who closes, and says so when that takes too long (CL-3)', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder)
  await write(store)
  await store.close()
  const claims = new Claims(folder, machineClock)
  claims.place('close')
  t.after(() => claims.withdraw('close'))
  await assert.rejects(openLmdbStore({ folder, openTimeoutMs: 200 }), (error: NodeJS.ErrnoException) => {
    assert.equal(error.code, 'STORE_UNREACHABLE')
    assert.match(error.message, new RegExp(`process ${process.pid} does not finish closing it`))
    return true
  })
  assert.deepEqual(readdirSync(join(folder, 'claims')).length, 1, 'its own claim is left')
})
