import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collectionsClient } from '../support/collections-client.ts'
import { World } from '../support/world.ts'

/** FC-1: of calls that are done in one transaction, only those at fault fail. */

/** What each call gave, or the code of its error. */
async function outcomes(world: World, calls: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await world.settle(Promise.allSettled(calls))
  return settled.map((result) =>
    result.status === 'fulfilled' ? result.value : (result.reason as { code?: unknown }).code,
  )
}

const tooLong = 'x'.repeat(1.1e6)

test('queue: a value that is too large is refused alone', async () => {
  const world = new World(1)
  const queue = collectionsClient(world).collections.queue<string>('q')
  const calls = ['first', 'small', tooLong, 'last'].map((value) => queue.add(value))
  assert.deepEqual(await outcomes(world, calls), [undefined, undefined, 'STORE_VALUE_TOO_LARGE', undefined])
  assert.equal(await world.settle(queue.size()), 3)
})

test('topic: a message that is too large is refused alone', async () => {
  const world = new World(2)
  const topic = collectionsClient(world).collections.topic<string>('t')
  const calls = ['first', 'small', tooLong, 'last'].map((message) => topic.publish(message))
  assert.deepEqual(await outcomes(world, calls), [undefined, undefined, 'STORE_VALUE_TOO_LARGE', undefined])
})

test('counter: an addition beyond what it can count is refused alone', async () => {
  const world = new World(3)
  const counter = collectionsClient(world).collections.counter('n')
  const calls = [1, 1, Number.MAX_SAFE_INTEGER, 2].map((delta) => counter.add(delta))
  assert.deepEqual(await outcomes(world, calls), [1, 2, 'USAGE', 4])
  assert.equal(await world.settle(counter.get()), 4)
  assert.deepEqual(await outcomes(world, [counter.add(Number.MAX_SAFE_INTEGER)]), ['USAGE'])
  assert.equal(await world.settle(counter.get()), 4)
})

test('values that fill a transaction each are added one after the other', async () => {
  const world = new World(4)
  const queue = collectionsClient(world).collections.queue<string>('q'.repeat(500))
  const large = 'x'.repeat(1024 * 1024 - 20)
  const calls = ['first', large, large, large].map((value) => queue.add(value))
  assert.deepEqual(
    await outcomes(world, calls),
    calls.map(() => undefined),
  )
})
