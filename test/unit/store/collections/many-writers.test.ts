import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addNumbers,
  changeMap,
  countOverAndOver,
  incrementEntries,
  mirrorMap,
  publishNumbers,
  takeNumbers,
} from '../../../support/store/collections.ts'
import { collectionsClient, type SimulatedCollections } from '../support/collections-client.ts'
import { type Faults, someFaults } from '../support/faulty-store.ts'
import { disturb } from '../support/pauses.ts'
import { World } from '../support/world.ts'

/** Answers get lost and writes are repeated, but in the end it is known what happened: so sums have to be right. */
const faults: Faults = { ...someFaults, unknown: 0 }
const seeds = Array.from({ length: 8 }, (_, i) => i + 1)

function crowd(world: World, count: number): SimulatedCollections[] {
  return Array.from({ length: count }, () => collectionsClient(world, faults))
}

function disturbAll(world: World, clients: readonly SimulatedCollections[]): () => void {
  return disturb(
    world,
    clients.map(({ client }) => client),
    2_000,
  )
}

for (const seed of seeds) {
  test(`counter: the sum is right, seed ${seed}`, async () => {
    const world = new World(seed)
    const clients = crowd(world, 4)
    const stop = disturbAll(world, clients)
    const sums = await world.settle(Promise.all(clients.map((client) => countOverAndOver(client, 60))))
    stop()
    const sum = await world.settle(collectionsClient(world).collections.counter('sum').get())
    assert.equal(
      sum,
      sums.reduce((a, b) => a + b, 0),
    )
  })

  test(`queue: each element is taken exactly once, in the order of adding, seed ${seed}`, async () => {
    const world = new World(seed)
    const adders = crowd(world, 3)
    const takers = crowd(world, 3)
    const stopDisturbing = disturbAll(world, [...adders, ...takers])
    const stop = new AbortController()
    const taking = Promise.all(takers.map((client) => takeNumbers(client, stop.signal)))
    const added = await world.settle(Promise.all(adders.map((client, i) => addNumbers(client, i * 1000, 40))))
    await world.pass(20_000)
    stopDisturbing()
    await world.pass(60_000)
    const queue = collectionsClient(world).collections.queue('numbers')
    assert.equal(await world.settle(queue.size()), 0)
    stop.abort(new Error('the scenario is over'))
    const taken = await world.settle(taking)
    assert.deepEqual(
      taken.flat().toSorted((a, b) => a - b),
      added.flat().toSorted((a, b) => a - b),
    )
    for (const one of taken)
      for (const i of adders.keys()) {
        const ofAdder = one.filter((number) => Math.floor(number / 1000) === i)
        assert.deepEqual(
          ofAdder,
          ofAdder.toSorted((a, b) => a - b),
          'a taker gets an adder’s elements in their order',
        )
      }
  })

  test(`map: no update is lost, seed ${seed}`, async () => {
    const world = new World(seed)
    const clients = crowd(world, 4)
    const stop = disturbAll(world, clients)
    const counts = await world.settle(Promise.all(clients.map((client) => incrementEntries(client, 30))))
    stop()
    const expected = new Map<string, number>()
    for (const one of counts)
      for (const [key, count] of one) expected.set(key, (expected.get(key) ?? 0) + count)
    const map = collectionsClient(world).collections.map<number>('counts')
    assert.deepEqual(new Map(await world.settle(map.entries())), expected)
  })

  test(`map: the state from events is the state that is read, seed ${seed}`, async () => {
    // So short a history is gone whenever a watcher was away.
    const world = new World(seed, 10)
    const writers = crowd(world, 3)
    const watchers = crowd(world, 3)
    const stopDisturbing = disturbAll(world, watchers)
    const stop = new AbortController()
    const mirroring = Promise.all(
      watchers.map(async (client) => {
        for (;;) {
          try {
            return await mirrorMap(client, stop.signal)
          } catch (error) {
            // The first read was lost on its way.
            if (stop.signal.aborted || !String(error).includes('lost')) throw error
          }
        }
      }),
    )
    await world.settle(Promise.all(writers.map((client) => changeMap(client, 120))))
    stopDisturbing()
    await world.pass(60_000)
    const map = collectionsClient(world).collections.map<number>('changing')
    const read = await world.settle(map.entries())
    stop.abort()
    for (const state of await world.settle(mirroring)) assert.deepEqual(state, new Map(read))
  })

  test(`topic: every subscriber gets every message in order, seed ${seed}`, async () => {
    const world = new World(seed)
    const publishers = crowd(world, 3)
    const subscribers = [1, 2].map(() => collectionsClient(world, { ...faults, lost: 0 }))
    const stop = new AbortController()
    const received = await world.settle(
      Promise.all(
        subscribers.map(async ({ collections }) => {
          const topic = collections.topic<{ by: string; number: number }>('news')
          return topic.subscribe({ signal: stop.signal })
        }),
      ),
    )
    const reading = received.map(async (messages) => {
      const all = []
      for await (const { message, number } of messages) all.push({ ...message, at: number })
      return all
    })
    const stopDisturbing = disturbAll(world, [...publishers, ...subscribers])
    const published = await world.settle(Promise.all(publishers.map((client) => publishNumbers(client, 30))))
    stopDisturbing()
    await world.pass(20_000)
    stop.abort()
    for (const all of await world.settle(Promise.all(reading))) {
      assert.deepEqual(
        all.map(({ at }) => at),
        all.map((_, i) => i),
      )
      for (const [i, publisher] of publishers.entries()) {
        const own = all.filter(({ by }) => by === publisher.name).map(({ number }) => number)
        assert.deepEqual(own, published[i])
      }
    }
  })
}
