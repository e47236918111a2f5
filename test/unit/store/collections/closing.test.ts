import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCollections } from '../../../../src/store/collections/index.ts'
import { LeaseKeeper } from '../../../../src/store/recipes/lease-keeper.ts'
import { collectionsClient } from '../support/collections-client.ts'
import { hasCode } from '../support/errors.ts'
import { World } from '../support/world.ts'

/** What happens to calls of collections that are closed, over a store that goes on. */

const isClosed = hasCode('STORE_CLOSED')
const slow = { delayMsMax: 20, slow: 0, lost: 0, unanswered: 0, unknown: 0 }

/** Rejects with STORE_CLOSED; false as long as it does not. */
function closedSoon(promise: Promise<unknown>): { readonly seen: Promise<void> } {
  const seen = assert.rejects(promise, isClosed)
  seen.catch(() => undefined)
  return { seen }
}

async function drained(changes: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of changes);
}

test('who waits hears that the collections were closed, and takes nothing', async () => {
  const world = new World(1)
  const { collections } = collectionsClient(world)
  const other = collectionsClient(world).collections
  const held = await world.settle(other.lock('l').acquire())
  const queue = collections.queue('q')
  const topic = await world.settle(collections.topic('t').subscribe())
  const changes = await world.settle(collections.map('m').watch())
  const waiting = [
    queue.take(),
    // The second waits for its turn behind the first.
    queue.take(),
    collections.lock('l').acquire(),
    drained(topic),
    drained(changes),
  ].map(closedSoon)
  await world.pass(1_000)
  await world.settle(collections.close())
  await world.settle(Promise.all(waiting.map(({ seen }) => seen)))
  await world.settle(other.queue('q').add('precious'))
  await world.settle(held.release())
  await world.pass(1_000)
  assert.equal(await world.settle(other.queue('q').size()), 1)
})

test('who ended a watch himself hears of no closing', async () => {
  const world = new World(2)
  const { collections } = collectionsClient(world)
  const stop = new AbortController()
  const aborted = await world.settle(collections.map('m').watch({ signal: stop.signal }))
  const closed = await world.settle(collections.topic('t').subscribe())
  const reading = Promise.all([drained(aborted), drained(closed)])
  await world.pass(10)
  stop.abort()
  closed.close()
  await world.settle(collections.close())
  await world.settle(reading)
})

test('calls of all kinds are refused after closing', async () => {
  const world = new World(3)
  const { collections } = collectionsClient(world)
  const map = collections.map<number>('m')
  const queue = collections.queue('q')
  const list = collections.list('l')
  const topic = collections.topic('t')
  const counter = collections.counter('c')
  const lock = collections.lock('o')
  assert.equal(await world.settle(map.size({ cached: true })), 0)
  await world.settle(collections.close())
  const calls = [
    () => map.get('a'),
    () => map.set('a', 1),
    () => map.set('a', 1, { ttlMs: 1_000 }),
    () => map.update('a', () => 1),
    () => map.size({ cached: true }),
    () => map.watch(),
    () => queue.add(1),
    () => queue.take(),
    () => queue.tryTake(),
    () => list.push(1),
    () => topic.publish(1),
    () => topic.subscribe(),
    () => counter.add(),
    () => lock.acquire(),
    () => lock.tryAcquire(),
  ]
  for (const call of calls) await world.settle(assert.rejects(call(), isClosed, String(call)))
  assert.throws(() => collections.map('m'), isClosed)
  assert.equal((await world.backend.leases()).length, 0)
  assert.equal((await world.backend.range('', {})).entries.length, 0)
})

test('PA-1: calls under way are done to their end before the closing is; those that wait are not', async () => {
  const world = new World(4)
  const { collections } = collectionsClient(world, slow, { opsPerSecondMax: 100 })
  const map = collections.map('m')
  // Ten go at once, the others wait for their turn.
  const calls = Array.from({ length: 30 }, (_, i) => map.set(`k${i}`, i))
  const results = Promise.allSettled(calls)
  await world.pass(1)
  await world.settle(collections.close())
  const { entries } = await world.backend.range('', {})
  const settled = await world.settle(results)
  const done = settled.filter(({ status }) => status === 'fulfilled').length
  assert.equal(done, entries.length)
  assert.ok(done >= 10 && done < 15, `${done} calls were done`)
  for (const result of settled)
    if (result.status === 'rejected') assert.ok(isClosed(result.reason as unknown))
})

test('a lease that is granted while all is closed is given back', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const world = new World(seed)
    const { collections } = collectionsClient(world, slow, { sessionTtlMs: 500 })
    const lock = closedSoon(collections.lock('l').acquire())
    await world.pass(seed * 2)
    await world.settle(collections.close())
    await world.settle(lock.seen)
    assert.equal((await world.backend.leases()).length, 0, `seed ${seed}`)
  }
})

test('a keeper that was closed grants no more leases', async () => {
  const world = new World(5)
  const client = world.client(slow)
  const keeper = new LeaseKeeper(client.store, client)
  const racing = closedSoon(keeper.hold({ ttlMs: 500 }))
  await world.settle(keeper.close())
  await world.settle(racing.seen)
  await world.settle(assert.rejects(keeper.hold({ ttlMs: 500 }), isClosed))
  await world.settle(keeper.close())
  assert.equal(keeper.size, 0)
  assert.equal((await world.backend.leases()).length, 0)
})

test('collections over a store that was closed end as well', async () => {
  const world = new World(6)
  const { store, clock, random } = world.client()
  const collections = openCollections(store, { clock, random })
  await world.settle(store.close())
  await assert.rejects(world.settle(collections.map('m').get('a')), isClosed)
  await world.settle(collections.close())
})
