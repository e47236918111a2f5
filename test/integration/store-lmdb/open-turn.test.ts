import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { openLmdbStore } from '../../../src/store/lmdb/open.ts'
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
