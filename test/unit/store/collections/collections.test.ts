import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import type { SharedChange, SharedCollections } from '../../../../src/component/shared.ts'
import { put } from '../../../../src/store/operations.ts'
import { collectionsClient } from '../support/collections-client.ts'
import { hasCode } from '../support/errors.ts'
import { World } from '../support/world.ts'

/** Runs with time that passes by itself. */
async function withCollections(
  act: (collections: SharedCollections, world: World) => Promise<void>,
): Promise<void> {
  const world = new World(1)
  await world.settle(act(collectionsClient(world).collections, world))
}

async function firstOf<T>(changes: AsyncIterable<T>, count: number): Promise<T[]> {
  const first: T[] = []
  for await (const change of changes) {
    first.push(change)
    if (first.length === count) break
  }
  return first
}

/** Without what differs from run to run. */
function plain<V>({ revision: _, ...change }: SharedChange<V>): object {
  return change
}

test('map: set, get, delete, putIfAbsent, replace, update, clear', () =>
  withCollections(async (collections) => {
    const map = collections.map<{ n: number }>('a map/with % in its name')
    assert.equal(await map.get('x'), undefined)
    await map.set('x', { n: 1 })
    assert.deepEqual(await map.get('x'), { n: 1 })
    assert.deepEqual(await map.putIfAbsent('x', { n: 2 }), { n: 1 })
    assert.equal(await map.putIfAbsent('y/%', { n: 2 }), undefined)
    assert.equal(await map.replace('x', { n: 5 }, { n: 6 }), false)
    assert.equal(await map.replace('missing', { n: 5 }, { n: 6 }), false)
    assert.equal(await map.replace('x', { n: 1 }, { n: 6 }), true)
    assert.deepEqual(await map.update('x', (old) => ({ n: (old?.n ?? 0) + 1 })), { n: 7 })
    // What is given may be what was given back changed.
    await map.update('x', (old) => {
      old!.n = 8
      return old
    })
    assert.deepEqual(
      await map.entries(),
      new Map([
        ['x', { n: 8 }],
        ['y/%', { n: 2 }],
      ]),
    )
    assert.equal(await map.update('x', () => undefined), undefined)
    assert.equal(await map.has('x'), false)
    assert.equal(await map.delete('y/%'), true)
    assert.equal(await map.delete('y/%'), false)
    await map.set('z', { n: 0 })
    await map.clear()
    assert.equal(await map.size(), 0)
  }))

test('map: events are typed, with what was there before, and chosen by type', () =>
  withCollections(async (collections) => {
    const map = collections.map<number>('m')
    await map.set('a', 0)
    const all = await map.watch()
    const changed = await map.watch({ on: 'change', initial: true })
    const deleted = await map.watch({ on: 'delete' })
    await map.set('a', 1)
    await map.set('b', 2)
    await map.delete('a')
    assert.deepEqual((await firstOf(all, 3)).map(plain), [
      { type: 'update', key: 'a', value: 1, old: 0 },
      { type: 'create', key: 'b', value: 2 },
      { type: 'delete', key: 'a', old: 1 },
    ])
    assert.deepEqual((await firstOf(changed, 3)).map(plain), [
      { type: 'create', key: 'a', value: 0 },
      { type: 'update', key: 'a', value: 1, old: 0 },
      { type: 'create', key: 'b', value: 2 },
    ])
    assert.deepEqual((await firstOf(deleted, 1)).map(plain), [{ type: 'delete', key: 'a', old: 1 }])
  }))

test('multimap: values of a key, each once', () =>
  withCollections(async (collections) => {
    const multimap = collections.multimap('m')
    const changes = await multimap.watch()
    assert.equal(await multimap.add('a', { x: 1, y: 2 }), true)
    assert.equal(await multimap.add('a', { y: 2, x: 1 }), false)
    assert.equal(await multimap.add('a', 'other'), true)
    assert.equal(await multimap.add('a/b', 1), true)
    assert.equal((await multimap.get('a')).length, 2)
    assert.equal(await multimap.has('a', 'other'), true)
    assert.deepEqual([...(await multimap.entries()).keys()].toSorted(), ['a', 'a/b'])
    assert.equal(await multimap.remove('a', 'other'), true)
    assert.equal(await multimap.remove('a', 'other'), false)
    await multimap.removeAll('a')
    assert.deepEqual([...(await multimap.entries()).keys()], ['a/b'])
    const seen = await firstOf(changes, 5)
    assert.deepEqual(
      seen.map(({ type, key }) => `${type} ${key}`),
      ['create a', 'create a', 'create a/b', 'delete a', 'delete a'],
    )
  }))

test('set: each value once', () =>
  withCollections(async (collections) => {
    const set = collections.set('s')
    assert.equal(await set.add([1, { a: null }]), true)
    assert.equal(await set.add([1, { a: null }]), false)
    await set.add('x')
    assert.equal(await set.size(), 2)
    assert.equal(await set.has('x'), true)
    assert.equal(await set.delete('x'), true)
    assert.deepEqual(await set.values(), [[1, { a: null }]])
    await set.clear()
    assert.equal(await set.size(), 0)
  }))

test('list: in the order of pushing', () =>
  withCollections(async (collections) => {
    const list = collections.list<number>('l')
    await list.push(1, 2, 3)
    await list.push(4)
    assert.deepEqual(await list.values(), [1, 2, 3, 4])
    assert.equal(await list.set(1, 20), true)
    assert.equal(await list.set(9, 20), false)
    assert.equal(await list.remove(0), 1)
    assert.equal(await list.get(0), 20)
    assert.equal(await list.get(5), undefined)
    assert.equal(await list.size(), 3)
    await assert.rejects(list.push(...Array.from({ length: 101 }, () => 0)), hasCode('USAGE'))
    await list.clear()
    assert.deepEqual(await list.values(), [])
  }))

test('list: connections with the same randomness do not overwrite each other', async () => {
  const [world, same] = [new World(1), new World(1)]
  const first = collectionsClient(world)
  const second = collectionsClient(world)
  // The randomness of another world's first client is that of this one's.
  const twin = collectionsClient(same)
  second.client.random.int = (below) => twin.random.int(below)
  await world.settle(first.collections.list('l').push('a'))
  await world.settle(second.collections.list('l').push('b'))
  assert.deepEqual(await world.settle(first.collections.list('l').values()), ['a', 'b'])
})

test('queue: first in, first out; a bound; waiting takers', () =>
  withCollections(async (collections) => {
    const queue = collections.queue<string>('q', { elementsMax: 2 })
    assert.equal(await queue.tryTake(), undefined)
    await queue.add('a')
    const [second, third] = await Promise.allSettled([queue.add('b'), queue.add('c')])
    assert.equal(second.status, 'fulfilled')
    assert.equal(third.status, 'rejected')
    await assert.rejects(queue.add('c'), hasCode('STORE_COLLECTION_FULL', /"q" holds 2 elements/))
    assert.equal(await queue.peek(), 'a')
    assert.equal(await queue.take(), 'a')
    await queue.add('c')
    assert.equal(await queue.size(), 2)
    assert.deepEqual([await queue.take(), await queue.tryTake()], ['b', 'c'])
    const stop = new AbortController()
    const [first, given, next] = [queue.take(), queue.take(stop.signal), queue.take()]
    stop.abort(new Error('enough'))
    await assert.rejects(given, /enough/)
    await queue.add('d')
    await queue.add('e')
    assert.deepEqual([await first, await next], ['d', 'e'])
  }))

test('counter: adds, and says the sum of each addition', () =>
  withCollections(async (collections) => {
    const counter = collections.counter('c')
    assert.equal(await counter.get(), 0)
    const changes = await counter.watch({ initial: true })
    assert.deepEqual(await Promise.all([counter.add(), counter.add(5), counter.add(-2)]), [1, 6, 4])
    await counter.set(10)
    assert.equal(await counter.get(), 10)
    await assert.rejects(counter.add(0.5), hasCode('USAGE'))
    const seen = await firstOf(changes, 2)
    assert.equal(seen[0]!.type, 'create')
    assert.equal(seen.at(-1)!.type, 'update')
  }))

test('lock: one holder at a time, tokens grow', () =>
  withCollections(async (collections, world) => {
    const other = collectionsClient(world).collections
    const first = await collections.lock('l').acquire()
    assert.equal(await other.lock('l').tryAcquire(), undefined)
    const waiting = other.lock('l').acquire()
    assert.equal(first.isHeld(), true)
    await first.release()
    const second = await waiting
    assert.equal(first.isHeld(), false)
    assert.ok(second.token > first.token)
    await second.release()
  }))

test('lock: the lease of a connection that was lost is replaced', () =>
  withCollections(async (collections, world) => {
    const hold = await collections.lock('l').acquire()
    for (const { lease } of await world.backend.leases()) await world.backend.revoke(lease)
    await new Promise<void>((resolve) => {
      hold.signal.addEventListener('abort', () => resolve())
    })
    assert.throws(() => hold.assertHeld(), hasCode('STORE_HOLD_LOST'))
    await new Promise<void>((resolve) => {
      world.clock.after(10_000, resolve)
    })
    const again = await collections.lock('l').acquire()
    assert.ok(again.token > hold.token)
  }))

test('topic: what is retained, from now or from the oldest', () =>
  withCollections(async (collections) => {
    const topic = collections.topic<number>('t', { retainMax: 3 })
    for (const message of [0, 1, 2, 3, 4]) await topic.publish(message)
    const oldest = await topic.subscribe({ from: 'oldest' })
    const now = await topic.subscribe()
    await topic.publish(5)
    const messages = await firstOf(oldest, 4)
    assert.deepEqual(
      messages.map(({ message, number }) => [message, number]),
      [2, 3, 4, 5].map((n) => [n, n]),
    )
    assert.deepEqual(await firstOf(now, 1), [{ message: 5, number: 5, missed: 0 }])
  }))

test('TO-2: a subscriber that falls too far behind is told', async () => {
  const world = new World(1, 5)
  const { collections } = collectionsClient(world)
  const topic = collections.topic<number>('t', { retainMax: 3 })
  await world.settle(topic.publish(0))
  const strict = await world.settle(topic.subscribe({ from: 'oldest' }))
  const lenient = await world.settle(topic.subscribe({ from: 'oldest', onMissed: 'skip' }))
  const publishing = async (): Promise<void> => {
    for (let n = 1; n <= 12_000; n += 50)
      await Promise.all(Array.from({ length: 50 }, (_, i) => topic.publish(n + i)))
  }
  await world.settle(publishing())
  const seen = await world.settle(firstOf(lenient, 2))
  assert.deepEqual(seen[0], { message: 0, number: 0, missed: 0 })
  assert.equal(seen[1]!.missed, seen[1]!.number - 1)
  assert.ok(seen[1]!.missed > 0)
  await assert.rejects(world.settle(firstOf(strict, 2)), hasCode('STORE_MESSAGES_MISSED', /topic "t"/))
})

test('cached reads come from a copy that follows, and say of when it is', () =>
  withCollections(async (collections, world) => {
    const map = collections.map<number>('m')
    await map.set('a', 1)
    assert.equal(map.cachedRevision, undefined)
    assert.equal(await map.get('a', { cached: true }), 1)
    const seen = map.cachedRevision!
    assert.ok(seen >= 2)
    const writer = collectionsClient(world).collections.map<number>('m')
    await writer.set('b', 2)
    await new Promise<void>((resolve) => {
      world.clock.after(10, resolve)
    })
    assert.deepEqual([...(await map.entries({ cached: true }))], [...(await map.entries())])
    assert.equal(map.cachedRevision, seen + 1)
    assert.equal(await map.has('c', { cached: true }), false)
    const set = collections.set('s')
    await set.add('x')
    assert.equal(await set.has('x', { cached: true }), true)
    assert.deepEqual(await set.values({ cached: true }), ['x'])
  }))

test('values that JSON would lose are refused, and nothing is written', () =>
  withCollections(async (collections, world) => {
    const map = collections.map('m')
    const circular: unknown[] = []
    circular.push(circular)
    const bad = [
      undefined,
      NaN,
      1n,
      () => 0,
      new Date(0),
      new Map(),
      [undefined],
      { a: Symbol('s') },
      circular,
    ]
    for (const value of bad) await assert.rejects(map.set('a', value), hasCode('STORE_VALUE_INVALID'))
    await assert.rejects(
      map.set('a', { b: [1, { c: 2n }] }),
      hasCode('STORE_VALUE_INVALID', /value\.b\[1\]\.c is a bigint/),
    )
    await assert.rejects(
      map.set('a', 'x'.repeat(1024 * 1024)),
      hasCode('STORE_VALUE_TOO_LARGE', /shared\/map\/m\/a/),
    )
    await assert.rejects(map.set('x'.repeat(2000), 1), hasCode('STORE_KEY_INVALID'))
    await assert.rejects(async () => map.set('\ud800', 1), hasCode('STORE_KEY_INVALID'))
    assert.equal((await world.backend.range('', {})).entries.length, 0)
    // Members that are undefined are members that are not there.
    await map.set('a', { b: undefined, c: null })
    assert.deepEqual(await map.get('a'), { c: null })
  }))

test('what is damaged in the store is named by its key', () =>
  withCollections(async (collections, world) => {
    const damage = async (key: string, text: string): Promise<void> => {
      await world.backend.transact({ then: [put(key, Buffer.from(text))] })
    }
    await damage('shared/map/m/a', 'rubbish')
    await damage('shared/map/n/a', '{"v":2,"d":1}')
    await damage('shared/counter/c/value', '{"v":1,"d":"three"}')
    await damage('shared/topic/t/head', '{"v":1,"d":{"next":1}}')
    const map = collections.map('m')
    const corrupt = hasCode('STORE_CORRUPT', /"shared\/map\/m\/a"/)
    await assert.rejects(map.get('a'), corrupt)
    await assert.rejects(map.entries(), corrupt)
    await assert.rejects(map.get('a', { cached: true }), corrupt)
    await assert.rejects(collections.map('n').get('a'), hasCode('STORE_FORMAT_NEWER', /"shared\/map\/n\/a"/))
    await assert.rejects(
      collections.counter('c').add(1),
      hasCode('STORE_CORRUPT', /"shared\/counter\/c\/value"/),
    )
    await assert.rejects(
      collections.topic('t').publish(1),
      hasCode('STORE_CORRUPT', /"shared\/topic\/t\/head"/),
    )
    await map.set('a', 'mended')
    assert.equal(await map.get('a'), 'mended')
  }))

test('after closing, calls say so; the store stays open', async () => {
  const world = new World(1)
  const { collections, store } = collectionsClient(world)
  await world.settle(collections.lock('l').acquire())
  await world.settle(collections.map('m').get('a', { cached: true }))
  await world.settle(collections.close())
  assert.throws(() => collections.map('m'), hasCode('STORE_CLOSED'))
  assert.equal((await world.backend.leases()).length, 0)
  await world.settle(store.get('a'))
})
