import { machineClock, sleep } from '../../../src/base/clock.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { openCollections } from '../../../src/store/collections/index.ts'
import { openStore } from '../../../src/stores.ts'
import { performCall, randomCall, readExpected } from '../../support/histories.ts'
import { isExpected, leadAndWrite, lockAndWrite, untilAborted } from '../../support/store/recipes.ts'
import type { ActorOrder, Told } from './actors.ts'

/**
 * A process that takes part in a scenario, over a real store, until it is told to end or is ended. Whatever it tells has
 * left it before it goes on: so what is known of it is true also when it is killed.
 */

const order = JSON.parse(process.argv[2]!) as ActorOrder
const { url, name, seed, ttlMs } = order
const ended = new AbortController()
process.on('message', () => ended.abort())
process.on('disconnect', () => process.exit())

function tell(told: Told): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!(told, undefined, {}, (error) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
}

// It may be born in the middle of a fault.
const store = await openStore(url, machineClock, { timeoutMs: 60_000 })
await tell({ type: 'ready' })
const client = { name, store, clock: machineClock, random: seededRandom(seed) }
const plan = { ttlMs, writesMax: 20, pauseMsMax: 10 }
const { signal } = ended

const scenarios: Readonly<Record<ActorOrder['scenario'], () => Promise<void>>> = {
  lead: () => leadAndWrite(client, plan, signal),
  lock: () => lockAndWrite(client, plan, signal),
  count,
  queue,
  register,
}

/** Adds to a counter; says before what it is about to add, and after that it was acknowledged. */
async function count(): Promise<void> {
  const collections = openCollections(store, client)
  const counter = collections.counter('sum')
  await untilAborted(client, signal, async () => {
    const delta = 1 + client.random.int(9)
    await tell({ type: 'adding', amount: delta })
    await counter.add(delta)
    await tell({ type: 'added', amount: delta })
  })
  await collections.close()
}

/** Adds numbers of its own to a queue, and takes what comes. */
async function queue(): Promise<void> {
  const collections = openCollections(store, client)
  const numbers = collections.queue<string>('numbers')
  let next = 0
  await untilAborted(client, signal, async () => {
    if (client.random.int(2) === 0) {
      const element = `${name}/${next++}`
      await numbers.add(element)
      await tell({ type: 'queued', element })
    } else {
      await tell({ type: 'taking' })
      const element = await numbers
        .take(AbortSignal.any([signal, AbortSignal.timeout(300)]))
        .catch((error: unknown) => {
          // Nothing came in time.
          if (isExpected(error)) throw error
          return undefined
        })
      await tell({ type: 'took', ...(element !== undefined && { element }) })
    }
  })
  await collections.close()
}

/** Reads, writes and swaps registers, and tells of each call and its answer, for the checker. */
async function register(): Promise<void> {
  const { random } = client
  let number = 0
  while (!signal.aborted) {
    const key = `r/${random.int(3)}`
    const id = `${name}.${number++}`
    const call = await readExpected(store, key, randomCall(random, id))
    await tell({ type: 'call', key, id, call, atMs: machineClock.monotonic() })
    const answer = await performCall(store, key, call)
    await tell({ type: 'answer', id, answer, atMs: machineClock.monotonic() })
    await sleep(machineClock, random.int(4))
  }
}

try {
  await scenarios[order.scenario]()
  await store.close()
  await tell({ type: 'ended' })
  process.exit()
} catch (error) {
  process.stderr.write(`${name}: ${(error as Error).stack}\n`)
  process.exit(1)
}
