import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { type OpenCollections, openCollections } from '../../../src/store/collections/index.ts'
import { TaskQueue } from '../../../src/store/recipes/index.ts'
import {
  addNumbers,
  changeMap,
  type CollectionsClient,
  countOverAndOver,
  incrementEntries,
  lastKey,
  mirrorMap,
  publishNumbers,
  takeNumbers,
} from '../../support/store/collections.ts'
import type { Client } from '../../support/store/client.ts'
import { checkLog, LogRecorder } from '../../support/store/log.ts'
import { addTasks, leadAndWrite, lockAndWrite, takeTasks } from '../../support/store/recipes.ts'
import type { StoreFixture } from './fixture.ts'
import { subjects } from './subjects.ts'
import { until } from './support.ts'

/**
 * Recipes and collections over every backend: several connections at once, in real time and without faults. What comes of
 * faults is found by simulation over the memory store (`test/unit/store`), where a seed can be run again.
 */
interface Crowd {
  readonly clients: readonly (Client & { readonly collections: OpenCollections })[]
  readonly watcher: CollectionsClient
}

const clientsMax = 3
const plan = { ttlMs: 1_000, writesMax: 5, pauseMsMax: 4 }

async function withCrowd(fixture: StoreFixture, act: (crowd: Crowd) => Promise<void>): Promise<void> {
  const open = async (name: string, seed: number): Promise<Crowd['clients'][number]> => {
    const means = { clock: systemClock, random: seededRandom(seed) }
    const store = await fixture.open()
    return { name, store, ...means, collections: openCollections(store, means) }
  }
  try {
    const names = Array.from({ length: clientsMax }, (_, i) => `client-${i}`)
    const clients = await Promise.all(names.map((name, i) => open(name, i + 1)))
    const watcher = await open('watcher', 99)
    await act({ clients, watcher })
    await Promise.all([...clients, watcher].map(({ collections }) => collections.close()))
  } finally {
    await fixture.close()
  }
}

for (const subject of subjects) {
  const use = async (act: (crowd: Crowd) => Promise<void>): Promise<void> =>
    withCrowd(await subject.make(), act)

  describe(`recipes and collections over ${subject.name}`, () => {
    if (subject.missing !== undefined) {
      test('keep what they promise', { skip: subject.missing }, () => undefined)
      return
    }
    for (const [name, act] of Object.entries({ election: leadAndWrite, lock: lockAndWrite })) {
      test(`${name}: only one writes at a time, and everybody has a turn`, () =>
        use(async ({ clients, watcher }) => {
          const recorder = new LogRecorder(watcher.store, 'log')
          const stop = new AbortController()
          const acting = Promise.all(clients.map((client) => act(client, plan, stop.signal)))
          await Promise.race([
            acting,
            until(
              'everybody has written and there are 60 writes',
              () =>
                recorder.lines.length >= 60 &&
                new Set(recorder.lines.map(({ by }) => by)).size === clientsMax,
            ),
          ])
          stop.abort(new Error('the scenario is over'))
          await acting
          checkLog(await recorder.stop())
        }))
    }

    test('tasks: each is acknowledged exactly once', () =>
      use(async ({ clients, watcher }) => {
        const stop = new AbortController()
        const taking = Promise.all(clients.map((client) => takeTasks(client, plan, stop.signal)))
        const added = (await Promise.all(clients.map((client, i) => addTasks(client, i * 100, 10)))).flat()
        const queue = new TaskQueue(watcher.store, 'tasks/', watcher)
        await Promise.race([taking, until('no task is left', async () => (await queue.size()) === 0)])
        stop.abort(new Error('the scenario is over'))
        await taking
        const { entries } = await watcher.store.range('done/')
        assert.deepEqual(
          entries.map(({ version }) => version),
          added.map(() => 1),
        )
      }))

    test('counter and map: no addition is lost', () =>
      use(async ({ clients, watcher }) => {
        const [sums, counts] = await Promise.all([
          Promise.all(clients.map((client) => countOverAndOver(client, 40))),
          Promise.all(clients.map((client) => incrementEntries(client, 20))),
        ])
        assert.equal(
          await watcher.collections.counter('sum').get(),
          sums.reduce((a, b) => a + b, 0),
        )
        const expected = new Map<string, number>()
        for (const one of counts)
          for (const [key, count] of one) expected.set(key, (expected.get(key) ?? 0) + count)
        assert.deepEqual(new Map(await watcher.collections.map('counts').entries()), expected)
      }))

    test('queue: each element is taken exactly once', () =>
      use(async ({ clients, watcher }) => {
        const stop = new AbortController()
        const taking = Promise.all(clients.map((client) => takeNumbers(client, stop.signal)))
        const added = await Promise.all(clients.map((client, i) => addNumbers(client, i * 1000, 40)))
        const queue = watcher.collections.queue('numbers')
        await Promise.race([taking, until('the queue is empty', async () => (await queue.size()) === 0)])
        stop.abort(new Error('the scenario is over'))
        const ascending = (a: number, b: number): number => a - b
        assert.deepEqual((await taking).flat().toSorted(ascending), added.flat().toSorted(ascending))
      }))

    test('map: the state from events is the state that is read', () =>
      use(async ({ clients, watcher }) => {
        const mirroring = mirrorMap(watcher, AbortSignal.timeout(120_000))
        await Promise.all(clients.map((client) => changeMap(client, 30)))
        await until('entries with a time to live are gone', async () => {
          const leases = await watcher.store.leases()
          return !leases.some(({ keys }) => keys.some((key) => key.startsWith('shared/map/')))
        })
        const map = watcher.collections.map<number>('changing')
        await map.set(lastKey, 1)
        assert.deepEqual(await mirroring, new Map(await map.entries()))
      }))

    test('topic: every subscriber gets every message in order', () =>
      use(async ({ clients, watcher }) => {
        const topic = watcher.collections.topic<{ by: string; number: number }>('news')
        const messages = await topic.subscribe()
        const published = await Promise.all(clients.map((client) => publishNumbers(client, 20)))
        const total = published.flat().length
        const all: { by: string; number: number }[] = []
        for await (const { message, number } of messages) {
          assert.equal(number, all.length)
          all.push(message)
          if (all.length === total) break
        }
        for (const [i, { name }] of clients.entries())
          assert.deepEqual(
            all.filter(({ by }) => by === name).map(({ number }) => number),
            published[i],
          )
      }))
  })
}
