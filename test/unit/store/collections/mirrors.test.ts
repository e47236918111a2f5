import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mirrorIdleMs, Mirrors, mirrorsMax } from '../../../../src/store/collections/mirrors.ts'
import { PacedStore } from '../../../../src/store/collections/paced-store.ts'
import { encodeValue } from '../../../../src/store/envelope.ts'
import { put } from '../../../../src/store/operations.ts'
import type { Store } from '../../../../src/store/store.ts'
import { collectionsClient } from '../support/collections-client.ts'
import { hasCode } from '../support/errors.ts'
import { World } from '../support/world.ts'

interface Opened {
  readonly store: Store
  readonly mirrors: Mirrors
}

function open(world: World): Opened {
  const { store, clock } = world.client()
  return { store, mirrors: new Mirrors(new PacedStore(store, clock, 1_000_000), clock) }
}

test('MI-1: a copy that nobody reads is dropped, and made anew by the next read', async () => {
  const world = new World(1)
  const { store, mirrors } = open(world)
  await world.settle(mirrors.read('idle/'))
  await world.settle(mirrors.read('read/'))
  for (let ms = 0; ms < 2 * mirrorIdleMs; ms += mirrorIdleMs / 4) {
    await world.pass(mirrorIdleMs / 4)
    await world.settle(mirrors.read('read/'))
  }
  assert.equal(mirrors.revision('idle/'), undefined)
  assert.notEqual(mirrors.revision('read/'), undefined)
  await world.settle(store.transact({ then: [put('idle/a', encodeValue(1))] }))
  assert.deepEqual([...(await world.settle(mirrors.read('idle/'))).keys()], ['idle/a'])
  await world.pass(2 * mirrorIdleMs)
  assert.equal(mirrors.size, 0)
  await world.settle(mirrors.close())
})

test('MI-1, MI-2: there are no more copies than may be, and none is dropped while it is waited for', async () => {
  const world = new World(2)
  const { store, mirrors } = open(world)
  await world.settle(store.transact({ then: [put('c7/a', encodeValue(1)), put('c150/a', encodeValue(1))] }))
  const prefixes = Array.from({ length: 2 * mirrorsMax }, (_, i) => `c${i}/`)
  const all = await world.settle(Promise.all(prefixes.map((prefix) => mirrors.read(prefix))))
  assert.deepEqual([...all[7]!.keys()], ['c7/a'])
  assert.deepEqual([...all[150]!.keys()], ['c150/a'])
  assert.equal(mirrors.size, mirrorsMax)
  // The one that was not read for the longest goes.
  await world.settle(mirrors.read('c0/'))
  await world.settle(mirrors.read('another/'))
  assert.equal(mirrors.size, mirrorsMax)
  assert.notEqual(mirrors.revision('c0/'), undefined)
  assert.equal(mirrors.revision('c1/'), undefined)
  await world.settle(mirrors.close())
})

test('MI-3: where the watch of a copy has ended, a cached read rejects rather than show what was', async () => {
  const world = new World(3)
  const { store, collections } = collectionsClient(world)
  const map = collections.map<number>('m')
  await world.settle(map.set('a', 1))
  assert.equal(await world.settle(map.get('a', { cached: true })), 1)
  await world.settle(store.close())
  await assert.rejects(world.settle(map.get('a', { cached: true })), hasCode('STORE_CLOSED'))
  await world.settle(collections.close())
})
