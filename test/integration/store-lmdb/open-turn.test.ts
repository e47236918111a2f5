import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import * as lmdb from 'lmdb'
import { machineClock, sleep, systemClock } from '../../../src/base/clock.ts'
import { Claims } from '../../../src/store/lmdb/claims.ts'
import { openDatabases } from '../../../src/store/lmdb/environment.ts'
import { openLmdbStore } from '../../../src/store/lmdb/open.ts'
import { ProcessList } from '../../../src/store/lmdb/processes.ts'
import { TimeLimit } from '../../../src/store/lmdb/time-limit.ts'
import { openStore as openGiven } from '../../../src/stores.ts'
import { type Child, makeFolder, openStore, startChild } from './support.ts'

/** Tells the holder that it is enough, for which it has waited: who stood still until it went on by itself comes too late. */
async function letGo(holder: Child, folder: string): Promise<void> {
  writeFileSync(`${folder}-enough`, '')
  const { count } = await holder.hear('went on')
  assert.equal(count, 1, 'it had gone on before')
}

function isRefused(holder: Child, timeoutMs: number): (error: NodeJS.ErrnoException) => true {
  return ({ code, message }) => {
    assert.equal(code, 'STORE_UNREACHABLE')
    assert.match(message, new RegExp(`within ${timeoutMs} ms: process ${holder.process.pid} `))
    return true
  }
}

test('opening waits for a process at work in its transaction, and the event loop turns meanwhile', async (t) => {
  const folder = makeFolder(t)
  const holder = startChild(t, 'busy-inside', folder)
  await holder.hear('inside')
  let isOpen = false
  const opening = openStore(t, folder).finally(() => (isOpen = true))
  // It comes to the lock meanwhile.
  await sleep(systemClock, 1_500)
  assert.equal(isOpen, false)
  await letGo(holder, folder)
  const store = await opening
  await store.transact({ then: [{ type: 'put', key: 'a', value: Buffer.from('v') }] })
})

test('opening is refused in time, and names who holds the lock', async (t) => {
  const folder = makeFolder(t)
  const holder = startChild(t, 'busy-inside', folder)
  await holder.hear('inside')
  await assert.rejects(openLmdbStore({ folder, openTimeoutMs: 300 }), isRefused(holder, 300))
  await letGo(holder, folder)
})

test('opening does not wait for an end of those who take turns', async (t) => {
  const folder = makeFolder(t)
  const writers = [startChild(t, 'increment', folder), startChild(t, 'increment', folder)]
  await Promise.all(writers.map((writer) => writer.hear('acknowledged')))
  await openStore(t, folder)
})

test('opening is refused in time when the lock is taken after the look', async (t) => {
  const folder = makeFolder(t)
  const holder = startChild(t, 'busy-when-told', folder)
  await holder.hear('open')
  /** Comes back when the child has the lock. */
  const late: Pick<typeof lmdb, 'open'> = {
    open: ((options: lmdb.RootDatabaseOptionsWithPath) => {
      const root = lmdb.open(options)
      writeFileSync(`${folder}-go`, '')
      while (!existsSync(`${folder}-inside`));
      return root
    }) as typeof lmdb.open,
  }
  const limit = new TimeLimit(machineClock, 300)
  const processes = new ProcessList(folder)
  const place = { folder, processes, claims: new Claims(folder, machineClock) }
  const opening = openDatabases(late, place, machineClock, limit)
  await assert.rejects(opening, isRefused(holder, 300))
  // Its own closing waits for the lock as well.
  await assert.rejects(openLmdbStore({ folder, openTimeoutMs: 100 }), { code: 'STORE_UNREACHABLE' })
  await letGo(holder, folder)
  await openStore(t, folder)
})

test('the time limit of whoever opens a store by its address is that of opening the folder', async (t) => {
  const folder = makeFolder(t)
  const holder = startChild(t, 'busy-inside', folder)
  await holder.hear('inside')
  const opening = openGiven(`lmdb:${folder}`, systemClock, { timeoutMs: 200 })
  await assert.rejects(opening, isRefused(holder, 200))
})
