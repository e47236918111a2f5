import { machineClock } from '../../../src/base/clock.ts'
import { systemRandom } from '../../../src/base/random.ts'
import { openCollections } from '../../../src/store/collections/index.ts'
import { put } from '../../../src/store/operations.ts'
import { LeaseKeeper, TaskQueue } from '../../../src/store/recipes/index.ts'
import type { LeaseHolder } from '../../../src/store/recipes/lease-holder.ts'
import { openStore } from '../../../src/stores.ts'
import { patienceMs, patient } from '../../support/store/patient-store.ts'
import { isExpected, untilAborted } from '../../support/store/recipes.ts'
import type { TakerOrder, Told } from './takers.ts'

/**
 * A process that takes from a queue, a list and a queue of tasks, and increments an entry of a map, until it is told to end or
 * is ended. What it has done it tells before it goes on: so a process that was killed has done one thing more of each kind at
 * most than it has told.
 */

const { url, name, ttlMs } = JSON.parse(process.argv[2]!) as TakerOrder
const ending = new AbortController()
const { signal } = ending
process.on('message', () => ending.abort())
process.on('disconnect', () => process.exit())

function tell(told: Told): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!(told, undefined, {}, (error) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
}

const means = { clock: machineClock, random: systemRandom }
// Of a call whose outcome was unknown nobody could tell: it would be counted as one of a process that was killed.
const store = patient(await openStore(url, machineClock, { timeoutMs: patienceMs }))
const collections = openCollections(store, means)
const keeper = new LeaseKeeper(store, means)
const queue = collections.queue<number>('queue')
const list = collections.list<number>('list')
const map = collections.map<number>('map')
const tasks = new TaskQueue(store, 'tasks/', means)
const client = { name, store, ...means }

async function takeElement(): Promise<void> {
  await tell({ type: 'queue', value: await queue.take(signal) })
}

async function takeFirst(): Promise<void> {
  const value = await list.remove(0)
  if (value !== undefined) await tell({ type: 'list', value })
}

async function increment(): Promise<void> {
  await map.update('count', (old = 0) => old + 1)
  await tell({ type: 'map', value: 1 })
}

/** The lease of the tasks, anew where it was lost. */
let lease: LeaseHolder | undefined

/** What is written with the completion says how often there was one: a key that is made once has version 1. */
async function doTask(): Promise<void> {
  if (lease?.isHeld() !== true) lease = await keeper.hold({ ttlMs })
  const task = await tasks.take(lease, signal)
  const value = task.value as number
  try {
    await task.complete({ then: [put(`done/${value}`, Buffer.from(name))] })
  } catch (error) {
    await task.release()
    throw error
  }
  await tell({ type: 'task', value })
}

const loops = [takeElement, takeFirst, increment, doTask]
await tell({ type: 'ready', value: 0 })
await Promise.all(loops.map((act) => untilAborted(client, signal, act)))
try {
  await keeper.close()
  await collections.close()
  await store.close()
} catch (error) {
  if (!isExpected(error)) throw error
}
process.disconnect?.()
