import assert from 'node:assert/strict'
import { test } from 'node:test'
import { machineClock } from '../../../src/base/clock.ts'
import type { LeaseId } from '../../../src/store/store.ts'
import { MovedClock } from '../../support/store/moved-clock.ts'
import { batchesOf, heldTtlMs, isThere, makeFolder, openStore, restMs, startChild, until } from './support.ts'

/** Long, and ended by a clock that is moved: so that what a machine does that stands still is not taken for an end. */
const ttlMs = 600_000

const put = (key: string, lease: Awaited<ReturnType<typeof grantOf>>) =>
  ({ then: [{ type: 'put', key, value: Buffer.from('v'), lease }] }) as const

async function grantOf(store: Awaited<ReturnType<typeof openStore>>, ttlMs: number) {
  return (await store.grant(ttlMs)).lease
}

test('the lease of a process that was killed is ended by another one, at its time', async (t) => {
  const folder = makeFolder(t)
  const clock = new MovedClock()
  const store = await openStore(t, folder, { clock })
  const watch = store.watch('held')
  const next = batchesOf(watch)
  await next()
  const child = startChild(t, 'hold-lease', folder)
  await child.hear('held')
  const held = await next()
  assert.equal(held.events[0]!.type, 'put')
  child.kill('SIGKILL')
  await child.exited
  clock.move(heldTtlMs - restMs)
  await isThere(store, 'held')
  clock.move(restMs)
  const gone = await next()
  assert.equal(gone.events[0]!.type, 'delete')
  assert.equal(gone.events[0]!.previous!.key, 'held')
  assert.deepEqual(await store.leases(), [])
})

test('a lease that is over when nobody has the store open is ended by the first who opens it', async (t) => {
  const folder = makeFolder(t)
  const child = startChild(t, 'hold-lease', folder)
  await child.hear('held')
  child.kill('SIGKILL')
  await child.exited
  const later = { ...machineClock, monotonic: () => machineClock.monotonic() + heldTtlMs }
  const store = await openStore(t, folder, { clock: later })
  assert.deepEqual((await store.range('')).entries, [])
  assert.equal((await store.get('held')).revision, 3)
})

test('leases of another boot are void, whatever their time', async (t) => {
  const folder = makeFolder(t)
  const first = await openStore(t, folder, { boot: 'first' })
  await first.transact(put('a', await grantOf(first, 3_600_000)))
  await first.transact({ then: [{ type: 'put', key: 'b', value: Buffer.from('v') }] })
  await first.close()
  const second = await openStore(t, folder, { boot: 'second' })
  const { entries } = await second.range('')
  assert.deepEqual(
    entries.map(({ key }) => key),
    ['b'],
  )
  assert.deepEqual(await second.leases(), [])
})

test('keep-alives hold a lease; it ends its time to live after the last one, not before', async (t) => {
  const folder = makeFolder(t)
  const clock = new MovedClock()
  const store = await openStore(t, folder, { clock })
  const lease = await grantOf(store, ttlMs)
  await store.transact(put('a', lease))
  const watch = store.watch('a')
  const next = batchesOf(watch)
  await next()
  for (let beat = 0; beat < 20; beat++) {
    await store.keepAlive(lease)
    clock.move(ttlMs / 8)
  }
  await store.keepAlive(lease)
  clock.move(ttlMs - restMs)
  await isThere(store, 'a')
  clock.move(restMs)
  const gone = await next()
  assert.equal(gone.events[0]!.type, 'delete')
  await assert.rejects(store.keepAlive(lease), { code: 'STORE_LEASE_LOST' })
  await assert.rejects(store.transact(put('a', lease)), { code: 'STORE_LEASE_LOST' })
})

test('a wall clock that jumps changes nothing', async (t) => {
  const folder = makeFolder(t)
  const jumping = { ...machineClock, now: () => Date.now() + Math.random() * 1e12 - 5e11 }
  const store = await openStore(t, folder, { clock: jumping })
  const lease = await grantOf(store, 60_000)
  await store.transact(put('a', lease))
  assert.equal(await store.keepAlive(lease), 60_000)
  const [status] = await store.leases()
  assert.ok(status!.remainingMs > 50_000 && status!.remainingMs <= 60_000)
})

test('a thousand leases that end at once go, each in a revision of its own', async (t) => {
  const folder = makeFolder(t)
  const clock = new MovedClock()
  const store = await openStore(t, folder, { clock })
  const leases = await Promise.all(Array.from({ length: 1_000 }, () => grantOf(store, ttlMs)))
  await Promise.all(leases.map((lease, index) => store.transact(put(`l/${index}`, lease))))
  const { revision } = await store.range('l/')
  assert.equal((await store.range('l/')).entries.length, 1_000)
  clock.move(ttlMs)
  await until('all leases are over', async () => (await store.leases()).length === 0 || undefined)
  await until('all keys are gone', async () => (await store.range('l/')).entries.length === 0 || undefined)
  assert.equal((await store.range('l/')).revision, revision + 1_000)
})

test('a name that no lease can have is that of one that never was', async (t) => {
  const store = await openStore(t, makeFolder(t))
  for (const name of ['', 'x', '1'.repeat(3_000)])
    await assert.rejects(store.keepAlive(name as LeaseId), { code: 'STORE_LEASE_LOST' })
})
