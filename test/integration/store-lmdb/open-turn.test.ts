import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import * as lmdb from 'lmdb'
import { machineClock, systemClock } from '../../../src/base/clock.ts'
import { Claims } from '../../../src/store/lmdb/claims.ts'
import { openDatabases } from '../../../src/store/lmdb/environment.ts'
import { openLmdbStore } from '../../../src/store/lmdb/open.ts'
import { ProcessList } from '../../../src/store/lmdb/processes.ts'
import { TimeLimit } from '../../../src/store/lmdb/time-limit.ts'
import { openStore as openGiven } from '../../../src/stores.ts'
import { makeFolder, openStore, startChild } from './support.ts'

/** The longest time for which the event loop stood still during an action. */
async function standstillMs(action: () => Promise<void>): Promise<number> {
  let [lastMs, longestMs] = [performance.now(), 0]
  const look = (): void => {
    longestMs = Math.max(longestMs, performance.now() - lastMs)
    lastMs = performance.now()
  }
  const cancel = systemClock.every(10, look)
  await action().finally(cancel)
  look()
  return longestMs
}

test('opening waits for a process at work in its transaction, and the event loop turns meanwhile', async (t) => {
  const folder = makeFolder(t)
  const holder = startChild(t, 'busy-inside', folder)
  await holder.hear('inside')
  const stoodMs = await standstillMs(async () => {
    const store = await openStore(t, folder)
    await store.transact({ then: [{ type: 'put', key: 'a', value: Buffer.from('v') }] })
  })
  assert.ok(stoodMs < 1_500, `the event loop stood still for ${stoodMs} ms`)
})

test('opening is refused in time, and names who holds the lock', async (t) => {
  const folder = makeFolder(t)
  const holder = startChild(t, 'busy-inside', folder)
  await holder.hear('inside')
  const startMs = performance.now()
  await assert.rejects(openLmdbStore({ folder, openTimeoutMs: 300 }), (error: NodeJS.ErrnoException) => {
    assert.equal(error.code, 'STORE_UNREACHABLE')
    assert.match(error.message, new RegExp(`process ${holder.process.pid} `))
    return true
  })
  assert.ok(performance.now() - startMs < 2_000)
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
  const startMs = performance.now()
  const stoodMs = await standstillMs(async () => {
    const limit = new TimeLimit(machineClock, 300)
    const processes = new ProcessList(folder)
    const place = { folder, processes, claims: new Claims(folder, machineClock) }
    const opening = openDatabases(late, place, machineClock, limit)
    await assert.rejects(opening, (error: NodeJS.ErrnoException) => {
      assert.equal(error.code, 'STORE_UNREACHABLE')
      assert.match(error.message, new RegExp(`process ${holder.process.pid} `))
      return true
    })
  })
  assert.ok(performance.now() - startMs < 2_500, 'it took as long as the other one kept the lock')
  assert.ok(stoodMs < 1_500, `the event loop stood still for ${stoodMs} ms`)
  // Its own closing waits for the lock as well.
  await assert.rejects(openLmdbStore({ folder, openTimeoutMs: 100 }), { code: 'STORE_UNREACHABLE' })
  await holder.hear('went on')
  await openStore(t, folder)
})

test('the time limit of whoever opens a store by its address is that of opening the folder', async (t) => {
  const folder = makeFolder(t)
  const holder = startChild(t, 'busy-inside', folder)
  await holder.hear('inside')
  const startMs = performance.now()
  const opening = openGiven(`lmdb:${folder}`, systemClock, { timeoutMs: 200 })
  await assert.rejects(opening, { code: 'STORE_UNREACHABLE' })
  assert.ok(performance.now() - startMs < 2_500)
})
