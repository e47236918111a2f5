import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LeaseKeeper } from '../../../../src/store/recipes/lease-keeper.ts'
import { put } from '../../../../src/store/operations.ts'
import { type SimulatedClient, World } from '../support/world.ts'
import { hasCode } from '../support/errors.ts'
import { noFaults, someFaults } from '../support/faulty-store.ts'

const ttlMs = 3_000

function keeperOf(client: SimulatedClient): LeaseKeeper {
  return new LeaseKeeper(client.store, client)
}

test('a lease is kept alive for as long as the store answers', async () => {
  const world = new World(1)
  const client = world.client()
  const lease = await world.settle(keeperOf(client).hold({ ttlMs }))
  await world.pass(60_000)
  assert.equal(lease.isHeld(), true)
  assert.equal(lease.signal.aborted, false)
  // Every third of the time to live, no more often.
  assert.ok(client.store.keepAlives >= 58 && client.store.keepAlives <= 61, `${client.store.keepAlives}`)
})

test('LH-1, LH-2: a lease is lost before the store lets it go, counted from the sending', async () => {
  const world = new World(2)
  const client = world.client()
  const lease = await world.settle(keeperOf(client).hold({ ttlMs }))
  const key = 'k'
  await world.settle(client.store.transact({ then: [put(key, new Uint8Array(), lease.lease)] }))
  client.store.isCutOff = true
  let wasThere = false
  lease.signal.addEventListener('abort', () => {
    world.backend.get(key).then(
      ({ entry }) => (wasThere = entry !== undefined),
      () => undefined,
    )
  })
  const startMs = world.clock.now()
  await world.settle(
    new Promise<void>((resolve) => {
      lease.signal.addEventListener('abort', () => resolve())
    }),
  )
  await world.pass(0)
  assert.equal(wasThere, true)
  const tookMs = world.clock.now() - startMs
  assert.ok(tookMs >= ttlMs - lease.marginMs - 1 && tookMs <= ttlMs - lease.marginMs + 20, `${tookMs}`)
  assert.throws(() => lease.assertHeld(), hasCode('STORE_LEASE_LOST'))
})

test('LH-3, LH-4: a client that was paused knows on waking, and a late answer changes nothing', async () => {
  const world = new World(3)
  const client = world.client({ ...someFaults, lost: 0 })
  const lease = await world.settle(keeperOf(client).hold({ ttlMs }))
  await world.pass(950)
  client.pause()
  await world.pass(ttlMs)
  // Before any timer or answer of the client has had its turn.
  assert.equal(lease.isHeld(), false)
  client.resume()
  await world.pass(ttlMs)
  assert.equal(lease.isHeld(), false)
  assert.equal(lease.signal.aborted, true)
})

test('calls that are lost now and then end no lease', async () => {
  const world = new World(4)
  const client = world.client()
  const lease = await world.settle(keeperOf(client).hold({ ttlMs }))
  client.store.means.faults = { ...someFaults, lost: 0.05 }
  await world.pass(120_000)
  assert.equal(lease.isHeld(), true)
})

test('LH-5: a wall clock that is set anew ends no lease', async () => {
  const world = new World(5)
  const client = world.client()
  const lease = await world.settle(keeperOf(client).hold({ ttlMs }))
  client.clock.jumpWallClock(3_600_000)
  assert.equal(lease.isHeld(), false)
  assert.equal(lease.signal.aborted, false)
  await world.settle(lease.confirm())
  assert.equal(lease.isHeld(), true)
  client.clock.jumpWallClock(-7_200_000)
  assert.equal(lease.isHeld(), true)
  await world.pass(60_000)
  assert.equal(lease.isHeld(), true)
})

test('LH-5: a machine that slept asks the store before it counts on its lease', async () => {
  const world = new World(6)
  const client = world.client()
  const lease = await world.settle(keeperOf(client).hold({ ttlMs }))
  // The store has let it go; the client's monotonic clock stood still.
  await world.settle(world.backend.revoke(lease.lease))
  client.clock.jumpWallClock(60_000)
  await assert.rejects(world.settle(lease.confirm()), hasCode('STORE_LEASE_LOST'))
  assert.equal(lease.signal.aborted, true)
})

test('a lease that the store does not know is lost at once', async () => {
  const world = new World(7)
  const client = world.client()
  const lease = await world.settle(keeperOf(client).hold({ ttlMs }))
  await world.settle(world.backend.revoke(lease.lease))
  await world.pass(ttlMs / 3 + 20)
  assert.equal(lease.signal.aborted, true)
})

test('closing gives the lease back, also where the store cannot be reached', async () => {
  const world = new World(8)
  const client = world.client()
  const keeper = keeperOf(client)
  const first = await world.settle(keeper.hold({ ttlMs }))
  const second = await world.settle(keeper.hold({ ttlMs }))
  await world.settle(first.close())
  assert.equal((await world.backend.leases()).length, 1)
  assert.equal(first.isHeld(), false)
  client.store.isCutOff = true
  await world.settle(keeper.close())
  assert.equal(second.signal.aborted, true)
  assert.equal(keeper.size, 0)
  await world.pass(ttlMs)
  assert.equal((await world.backend.leases()).length, 0)
})

test('LH-6: a short lease is held over a line that is slow against its time to live', async () => {
  const world = new World(10)
  const client = world.client()
  const lease = await world.settle(keeperOf(client).hold({ ttlMs: 1_000 }))
  // Both ways: most answers take longer than an eighth of the time to live.
  client.store.means.faults = { ...noFaults, delayMsMax: 230 }
  await world.pass(60_000)
  assert.equal(lease.isHeld(), true)
  await world.settle(lease.close())
  assert.deepEqual(await world.backend.leases(), [])
})

test('LH-6: few keep-alives are under way at a time, also where none is answered', async () => {
  const world = new World(11)
  const client = world.client()
  const lease = await world.settle(keeperOf(client).hold({ ttlMs }))
  client.store.isCutOff = true
  client.store.keepAlives = 0
  await world.pass(ttlMs)
  assert.equal(lease.signal.aborted, true)
  assert.ok(client.store.keepAlives >= 3 && client.store.keepAlives <= 5, `${client.store.keepAlives}`)
})

const leases = 150

test('LH-6: many leases cost as many times one, and share their timers', async () => {
  const world = new World(9)
  const client = world.client()
  let timers = 0
  const after = client.clock.after.bind(client.clock)
  client.clock.after = (delayMs, action) => {
    timers++
    return after(delayMs, action)
  }
  const keeper = keeperOf(client)
  const holders = await world.settle(
    Promise.all(Array.from({ length: leases }, () => keeper.hold({ ttlMs }))),
  )
  timers = 0
  client.store.keepAlives = 0
  await world.pass(10 * ttlMs)
  assert.ok(holders.every((holder) => holder.isHeld()))
  assert.ok(client.store.keepAlives <= 31 * leases, `${client.store.keepAlives}`)
  // The simulated line sets a timer for each keep-alive; those of the keeper are shared.
  assert.ok(timers < client.store.keepAlives + 500, `${timers}`)
})
