import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Barrier } from '../../../../src/store/recipes/barrier.ts'
import type { LeaseHolder } from '../../../../src/store/recipes/lease-holder.ts'
import { LeaseKeeper } from '../../../../src/store/recipes/lease-keeper.ts'
import { Presence, type PresenceEvent } from '../../../../src/store/recipes/presence.ts'
import { hasCode } from '../support/errors.ts'
import { type SimulatedClient, World } from '../support/world.ts'

const ttlMs = 2_000

async function member(world: World): Promise<{ client: SimulatedClient; lease: LeaseHolder }> {
  const client = world.client()
  return { client, lease: await world.settle(new LeaseKeeper(client.store, client).hold({ ttlMs })) }
}

test('BA-1, BA-2: a barrier is ready while all parties are there', async () => {
  const world = new World(1)
  const members = [await member(world), await member(world), await member(world)]
  const watcher = new Barrier(world.client().store, 'b/', 3)
  const seen: boolean[] = []
  const stop = new AbortController()
  const watching = (async () => {
    for await (const isReady of watcher.watch(stop.signal)) seen.push(isReady)
  })()
  const ready = watcher.whenReady()
  const barriers = members.map(({ client }) => new Barrier(client.store, 'b/', 3))
  for (const [i, barrier] of barriers.entries()) {
    assert.deepEqual(seen, i === 0 ? [] : [false])
    await world.settle(barrier.arrive(`party/${i}`, members[i]!.lease))
    // Twice counts once.
    await world.settle(barrier.arrive(`party/${i}`, members[i]!.lease))
    await world.pass(1)
  }
  await world.settle(ready)
  assert.equal(await world.settle(watcher.count()), 3)
  members[1]!.client.store.isCutOff = true
  await world.pass(ttlMs * 2)
  assert.deepEqual(seen, [false, true, false])
  await world.settle(barriers[0]!.leave('party/0'))
  assert.equal(await world.settle(watcher.count()), 1)
  stop.abort()
  await world.settle(watching)
})

test('whoever waits for a barrier can give up', async () => {
  const world = new World(2)
  const barrier = new Barrier(world.client().store, 'b/', 1)
  const stop = new AbortController()
  const ready = barrier.whenReady(stop.signal)
  await world.pass(1)
  stop.abort(new Error('enough'))
  await assert.rejects(world.settle(ready), /enough/)
})

test('PR-1: those who are there are listed, and watchers hear who comes, changes and goes', async () => {
  const world = new World(3)
  const a = await member(world)
  const b = await member(world)
  const presenceOf = ({ client }: { readonly client: SimulatedClient }): Presence =>
    new Presence(client.store, 'p/')
  await world.settle(presenceOf(a).announce('a/1', { port: 1 }, a.lease))
  const events: PresenceEvent[] = []
  const stop = new AbortController()
  const watching = (async () => {
    for await (const event of presenceOf(b).watch(stop.signal)) events.push(event)
  })()
  await world.pass(1)
  const announced = await world.settle(presenceOf(b).announce('b%', { port: 2 }, b.lease))
  await world.settle(announced.update({ port: 3 }))
  assert.deepEqual(
    await world.settle(presenceOf(a).list()),
    new Map([
      ['a/1', { port: 1 }],
      ['b%', { port: 3 }],
    ]),
  )
  a.client.pause()
  await world.pass(2 * ttlMs)
  await world.settle(announced.withdraw())
  await world.pass(1)
  stop.abort()
  await world.settle(watching)
  assert.deepEqual(events, [
    { type: 'join', id: 'a/1', value: { port: 1 } },
    { type: 'join', id: 'b%', value: { port: 2 } },
    { type: 'change', id: 'b%', value: { port: 3 }, old: { port: 2 } },
    { type: 'leave', id: 'a/1', old: { port: 1 } },
    { type: 'leave', id: 'b%', old: { port: 3 } },
  ])
})

test('PR-2: an id belongs to who announced it last', async () => {
  const world = new World(4)
  const a = await member(world)
  const b = await member(world)
  const first = await world.settle(new Presence(a.client.store, 'p/').announce('id', 'a', a.lease))
  const second = await world.settle(new Presence(b.client.store, 'p/').announce('id', 'b', b.lease))
  await assert.rejects(world.settle(first.update('a again')), hasCode('STORE_HOLD_LOST'))
  await world.settle(first.withdraw())
  await world.settle(a.lease.close())
  await world.settle(second.update('b again'))
  assert.deepEqual(
    await world.settle(new Presence(a.client.store, 'p/').list()),
    new Map([['id', 'b again']]),
  )
})

test('PR-1: what was written with an outcome that is unknown is withdrawn all the same', async () => {
  const world = new World(5)
  const { client, lease } = await member(world)
  const presence = new Presence(client.store, 'p/')
  const { faults } = client.store.means
  const unknown = { ...faults, unknown: 1 }
  const announced = await world.settle(presence.announce('id', 'a', lease))
  client.store.means.faults = unknown
  await assert.rejects(world.settle(announced.update('b')), hasCode('STORE_OUTCOME_UNKNOWN'))
  client.store.means.faults = faults
  assert.deepEqual(await world.settle(presence.list()), new Map([['id', 'b']]))
  await world.settle(announced.withdraw())
  assert.deepEqual(await world.settle(presence.list()), new Map())
})
