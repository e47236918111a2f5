import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeValue, encodeValue } from '../../../../src/store/envelope.ts'
import { put } from '../../../../src/store/operations.ts'
import { LeaseKeeper } from '../../../../src/store/recipes/lease-keeper.ts'
import { TaskQueue } from '../../../../src/store/recipes/task-queue.ts'
import { addTasks, takeTasks } from '../../../support/store/recipes.ts'
import { hasCode } from '../support/errors.ts'
import { noFaults, someFaults } from '../support/faulty-store.ts'
import { disturb } from '../support/pauses.ts'
import { World } from '../support/world.ts'

const ttlMs = 2_000

for (let seed = 1; seed <= 10; seed++) {
  test(`TQ-2, TQ-3: each task is acknowledged exactly once, seed ${seed}`, async () => {
    const world = new World(seed)
    const adders = [world.client(someFaults), world.client(someFaults)]
    const takers = [1, 2, 3, 4].map(() => world.client(someFaults))
    const stop = new AbortController()
    const taking = Promise.all(
      takers.map((client) => takeTasks(client, { ttlMs, writesMax: 1, pauseMsMax: 300 }, stop.signal)),
    )
    const adding = Promise.all(adders.map((client, i) => addTasks(client, i * 1000, 25)))
    const stopDisturbing = disturb(world, takers, ttlMs)
    const added = (await world.settle(adding)).flat()
    await world.pass(60_000)
    stopDisturbing()
    await world.pass(6 * ttlMs)
    for (const client of takers) {
      client.resume()
      client.store.isCutOff = false
      client.store.means.faults = noFaults
    }
    await world.pass(60_000)
    stop.abort(new Error('the scenario is over'))
    await world.settle(taking)
    const { entries } = await world.backend.range('done/', {})
    const done = new Map(entries.map(({ key, version }) => [Number(key.slice('done/'.length)), version]))
    for (const number of added) assert.equal(done.get(number), 1, `task ${number}`)
    for (const version of done.values()) assert.equal(version, 1)
    assert.equal(await world.settle(new TaskQueue(world.client().store, 'tasks/', adders[0]!).size()), 0)
    assert.equal((await world.backend.range('tasks/', {})).entries.length, 1, 'the head is what is left')
  })
}

test('TQ-4: a queue takes no more tasks than it may hold, claimed ones among them', async () => {
  const world = new World(1)
  const client = world.client()
  const queue = new TaskQueue(client.store, 't/', { clock: client.clock, random: client.random, tasksMax: 2 })
  const lease = await world.settle(new LeaseKeeper(client.store, client).hold({ ttlMs }))
  await world.settle(queue.add('a'))
  await world.settle(queue.add('b'))
  const task = await world.settle(queue.take(lease))
  await assert.rejects(world.settle(queue.add('c')), hasCode('STORE_COLLECTION_FULL'))
  await world.settle(task.complete())
  await world.settle(queue.add('c'))
})

test('TQ-5: tasks come in order, one that is given back first; waiting ends by the signal', async () => {
  const world = new World(2)
  const client = world.client()
  const queue = new TaskQueue(client.store, 't/', client)
  const lease = await world.settle(new LeaseKeeper(client.store, client).hold({ ttlMs }))
  for (const value of ['a', 'b', 'c']) await world.settle(queue.add(value))
  const first = await world.settle(queue.take(lease))
  const second = await world.settle(queue.take(lease))
  assert.deepEqual([first.value, second.value], ['a', 'b'])
  await world.settle(first.release())
  const again = await world.settle(queue.take(lease))
  assert.equal(again.value, 'a')
  assert.equal((await world.settle(queue.take(lease))).value, 'c')
  const stop = new AbortController()
  const waiting = queue.take(lease, stop.signal)
  await world.pass(1)
  stop.abort(new Error('enough'))
  await assert.rejects(world.settle(waiting), /enough/)
})

test('TQ-3: what another has taken since cannot be completed', async () => {
  const world = new World(3)
  const slow = world.client()
  const quick = world.client()
  const [slowLease, quickLease] = await world.settle(
    Promise.all([slow, quick].map((client) => new LeaseKeeper(client.store, client).hold({ ttlMs }))),
  )
  const queue = new TaskQueue(slow.store, 't/', slow)
  await world.settle(queue.add('a'))
  const late = await world.settle(queue.take(slowLease!))
  slow.store.isCutOff = true
  const other = await world.settle(new TaskQueue(quick.store, 't/', quick).take(quickLease!))
  slow.store.isCutOff = false
  const completing = late.complete({ then: [put('by', encodeValue('slow'))] })
  await assert.rejects(world.settle(completing), hasCode('STORE_LEASE_LOST'))
  await world.settle(other.complete({ then: [put('by', encodeValue('quick'))] }))
  const { entry } = await world.backend.get('by')
  assert.ok(entry !== undefined)
  assert.equal(decodeValue(entry), 'quick')
})
