import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LeaseKeeper } from '../../../../src/store/recipes/lease-keeper.ts'
import { TtlLeases } from '../../../../src/store/collections/ttl-leases.ts'
import { Turns } from '../../../../src/store/collections/turns.ts'
import { collectionsClient } from '../support/collections-client.ts'
import { hasCode } from '../support/errors.ts'
import { noFaults } from '../support/faulty-store.ts'
import { World } from '../support/world.ts'

const fast = { opsPerSecondMax: 1_000_000 }

test('TL-1: an entry lives as long as it was told to, and little longer', async () => {
  for (const ttlMs of [100, 1_000, 7_777, 60_000, 2_700_000]) {
    const world = new World(ttlMs)
    const { collections } = collectionsClient(world, noFaults, fast)
    const map = collections.map('m')
    const born = new Map<string, number>()
    const lived = new Map<string, number>()
    const changes = await world.settle(map.watch({ on: 'delete' }))
    const watching = (async () => {
      for await (const { key } of changes) {
        lived.set(key, world.clock.now() - born.get(key)!)
        if (lived.size === 50) break
      }
    })()
    for (let i = 0; i < 50; i++) {
      born.set(String(i), world.clock.now())
      await world.settle(map.set(String(i), i, { ttlMs }))
      await world.pass((world.random.next() * ttlMs) / 10)
    }
    await world.settle(watching, 2 * ttlMs)
    for (const ms of lived.values())
      assert.ok(ms >= ttlMs && ms <= ttlMs * (1 + 1 / 6) + 2, `${ms} ms instead of ${ttlMs}`)
  }
})

test('TL-3: entries share leases', async () => {
  const world = new World(1)
  const { collections } = collectionsClient(world, noFaults, fast)
  const map = collections.map('m')
  for (let i = 0; i < 2_000; i++) {
    await world.settle(map.set(String(i), i, { ttlMs: 10_000 }))
    await world.pass(10)
  }
  const { length } = await world.backend.leases()
  assert.ok(length < 30, `${length} leases`)
  const leases = new TtlLeases(collectionsClient(world).store, world.clock)
  await assert.rejects(leases.leaseFor(99), hasCode('USAGE'))
  await assert.rejects(leases.leaseFor(2_700_001), hasCode('USAGE'))
})

test('a change keeps the time of an entry, unless told otherwise; `set` without one keeps it for good', async () => {
  const world = new World(2)
  const { collections } = collectionsClient(world, noFaults, fast)
  const map = collections.map<number>('m')
  for (const key of ['kept', 'longer', 'forever']) await world.settle(map.set(key, 1, { ttlMs: 1_000 }))
  await world.pass(500)
  await world.settle(map.update('kept', (old) => old! + 1))
  await world.settle(map.update('longer', (old) => old! + 1, { ttlMs: 1_000 }))
  await world.settle(map.set('forever', 2))
  await world.pass(700)
  assert.deepEqual([...(await world.settle(map.entries())).keys()], ['forever', 'longer'])
  await world.pass(10_000)
  assert.deepEqual([...(await world.settle(map.entries()))], [['forever', 2]])
})

test('a lease that somebody revoked is replaced', async () => {
  const world = new World(3)
  const { collections } = collectionsClient(world, noFaults, fast)
  const map = collections.map('m')
  await world.settle(map.set('a', 1, { ttlMs: 60_000 }))
  for (const { lease } of await world.backend.leases()) await world.backend.revoke(lease)
  await world.settle(map.set('b', 2, { ttlMs: 60_000 }))
  assert.deepEqual([...(await world.settle(map.entries()))], [['b', 2]])
})

test('a busy component goes at its pace, and leases are kept alive beside it', async () => {
  const world = new World(4)
  const client = collectionsClient(world, noFaults, { opsPerSecondMax: 100 })
  const lease = await world.settle(new LeaseKeeper(client.store, client).hold({ ttlMs: 1_000 }))
  const map = client.collections.map('m')
  const startMs = world.clock.now()
  await world.settle(Promise.all(Array.from({ length: 400 }, (_, i) => map.set(`k${i}`, i))))
  const tookMs = world.clock.now() - startMs
  assert.ok(tookMs >= 3_800 && tookMs <= 4_100, `${tookMs} ms`)
  assert.equal(lease.isHeld(), true)
})

test('more calls than can have their turn in time are refused', async () => {
  const world = new World(5)
  const { collections } = collectionsClient(world, noFaults, { opsPerSecondMax: 100 })
  const map = collections.map('m')
  const calls = Promise.allSettled(Array.from({ length: 1_000 }, (_, i) => map.set(`k${i}`, i)))
  const results = await world.settle(calls)
  const refused = results.filter(({ status }) => status === 'rejected')
  assert.ok(refused.length > 450 && refused.length < 500, `${refused.length}`)
  for (const result of refused)
    assert.ok(result.status === 'rejected' && hasCode('STORE_BUSY')(result.reason as unknown))
  assert.equal(await world.settle(map.size()), results.length - refused.length)
})

test('who is never as fast as the others is told so in the end', async () => {
  const world = new World(6)
  const slow = collectionsClient(world, noFaults, fast)
  const quick = collectionsClient(world, noFaults, fast)
  const get = slow.client.store.get.bind(slow.client.store)
  slow.client.store.get = async (key, options) => {
    const result = await get(key, options)
    // Another writes between the reading and the writing, each time.
    await quick.collections.map<number>('m').set('a', world.random.next())
    return result
  }
  const update = slow.collections.map<number>('m').update('a', () => 1)
  await assert.rejects(
    world.settle(update),
    hasCode('STORE_CONTENDED', /The map "m" was changed by others 100 times/),
  )
})

test('turns: in the order of asking, one at a time, also behind one who gave up', async () => {
  const turns = new Turns()
  const order: string[] = []
  let end: () => void = () => undefined
  const gate = new Promise<void>((resolve) => {
    end = resolve
  })
  const act = (name: string) => async (): Promise<void> => {
    order.push(`${name} begins`)
    await gate
    order.push(`${name} ends`)
  }
  const stop = new AbortController()
  const first = turns.run('key', undefined, act('first'))
  const given = turns.run('key', stop.signal, act('given up'))
  const third = turns.run('key', undefined, act('third'))
  const other = turns.run('another key', undefined, act('other'))
  stop.abort(new Error('enough'))
  await assert.rejects(given, /enough/)
  assert.deepEqual(order, ['first begins', 'other begins'])
  end()
  await Promise.all([first, third, other])
  assert.deepEqual(order, [
    'first begins',
    'other begins',
    'first ends',
    'other ends',
    'third begins',
    'third ends',
  ])
  await assert.rejects(
    turns.run('key', undefined, () => Promise.reject(new Error('failed'))),
    /failed/,
  )
  await turns.run('key', undefined, async () => undefined)
})

test('an entry with a time to live is written also where its turn comes later than that', async () => {
  const world = new World(8)
  const { collections } = collectionsClient(world, noFaults, { opsPerSecondMax: 10 })
  const map = collections.map<number>('m')
  const writing = Array.from({ length: 30 }, (_, i) => map.set(`${i}`, i, { ttlMs: 500 }))
  writing.push(map.update('updated', () => 1, { ttlMs: 500 }).then(() => undefined))
  await world.settle(Promise.all(writing))
  const { entry } = await world.settle(world.backend.get('shared/map/m/29'))
  assert.ok(entry?.lease !== undefined, 'the last one is there')
})

test('bounds of queues and topics are whole numbers', () => {
  const { collections } = collectionsClient(new World(9), noFaults, fast)
  for (const bound of [0, -1, 1.5, NaN, Infinity]) {
    assert.throws(() => collections.queue('q', { elementsMax: bound }), hasCode('USAGE'))
    assert.throws(() => collections.topic('t', { retainMax: bound }), hasCode('USAGE'))
  }
})
