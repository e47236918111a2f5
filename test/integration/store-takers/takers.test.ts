import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { provideEtcd } from '../../../scripts/servers/etcd.ts'
import { machineClock } from '../../../src/base/clock.ts'
import { systemRandom } from '../../../src/base/random.ts'
import { openCollections } from '../../../src/store/collections/index.ts'
import { TaskQueue } from '../../../src/store/recipes/index.ts'
import { openStore } from '../../../src/stores.ts'
import { EtcdCluster } from '../../support/etcd-cluster.ts'
import { patienceMs, patient } from '../../support/store/patient-store.ts'
import { Takers } from './takers.ts'

/**
 * Several processes take from the same collections over a real store, while some of them are killed: each element goes to one
 * of them, and none is lost but what a process that was killed had in its hands.
 */

const elements = 90
const tasksMax = 45
const takersMax = 4
/** A taker is killed each time so many elements of the queue were told. */
const killEach = 15

async function takeWhileKilled(t: TestContext, url: string): Promise<void> {
  const store = patient(await openStore(url, machineClock, { timeoutMs: patienceMs }))
  const means = { clock: machineClock, random: systemRandom }
  const collections = openCollections(store, means)
  t.after(async () => {
    await collections.close()
    await store.close()
  })
  const queue = collections.queue<number>('queue')
  const list = collections.list<number>('list')
  const tasks = new TaskQueue(store, 'tasks/', means)
  const added = Array.from({ length: elements }, (_, index) => index)
  await Promise.all(added.map((value) => queue.add(value)))
  await list.push(...added)
  for (let value = 0; value < tasksMax; value++) await tasks.add(value)

  const takers = new Takers(t, takersMax, { url, ttlMs: 2_000 })
  for (let count = killEach; count < elements - killEach; count += killEach)
    await takers.killAfter('queue', count)
  await takers.until('the queue is empty', async () => (await queue.size()) === 0)
  await takers.until('the list is empty', async () => (await list.size()) === 0)
  await takers.until('all tasks are completed', async () => (await tasks.size()) === 0)
  await takers.end()

  const { killed } = takers
  assert.ok(killed >= 3, `${killed} were killed`)
  for (const type of ['queue', 'list'] as const) {
    const taken = takers.told(type)
    assert.equal(new Set(taken).size, taken.length, `${type}: nothing was taken twice`)
    assert.ok(taken.every((value) => added.includes(value)))
    const lost = elements - taken.length
    assert.ok(lost <= killed, `${type}: ${lost} are missing, and ${killed} takers were killed`)
  }
  const { entries } = await store.range('done/')
  assert.equal(entries.length, tasksMax)
  assert.ok(
    entries.every(({ version }) => version === 1),
    'each task was completed once',
  )
  const told = takers.told('task')
  assert.equal(new Set(told).size, told.length)

  const incremented = takers.told('map').length
  const count = (await collections.map<number>('map').get('count')) ?? 0
  assert.ok(
    count >= incremented && count <= incremented + killed,
    `the entry is ${count}, ${incremented} increments were told, and ${killed} takers were killed`,
  )
}

test('takers over a folder, some of them killed', async (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'vertigo-takers-'))
  t.after(() => rmSync(parent, { recursive: true, force: true }))
  await takeWhileKilled(t, `lmdb:${parent}/store`)
})

const provided = await provideEtcd('distribution')
const skip = 'missing' in provided ? provided.missing : false

test('takers over etcd, some of them killed', { skip }, async (t) => {
  assert.ok('path' in provided)
  const cluster = await EtcdCluster.start({ path: provided.path, members: 3 })
  t.after(() => cluster.stop())
  await takeWhileKilled(t, `etcd://${cluster.endpoints.join(',')}/takers`)
})
