import { sleep } from '../../../src/base/clock.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import type { SharedCollections } from '../../../src/component/shared.ts'
import type { Client } from './client.ts'
import { isExpected, untilAborted } from './recipes.ts'

/** What clients do with the shared collections, over any store; the checks are beside. Each gives what it knows to have happened. */
export interface CollectionsClient extends Client {
  readonly collections: SharedCollections
}

/** Adds the numbers from `from` on; gives those whose adding was acknowledged. */
export async function addNumbers(client: CollectionsClient, from: number, count: number): Promise<number[]> {
  const queue = client.collections.queue<number>('numbers')
  const added: number[] = []
  for (let number = from; number < from + count; number++)
    if (await happened(() => queue.add(number))) added.push(number)
  return added
}

/** Takes until the signal; gives what was taken, in its order. */
export async function takeNumbers(client: CollectionsClient, signal: AbortSignal): Promise<number[]> {
  const queue = client.collections.queue<number>('numbers')
  const taken: number[] = []
  await untilAborted(client, signal, async () => {
    try {
      taken.push(await queue.take(signal))
    } catch (error) {
      if (isUnknown(error)) throw new Error('nobody knows whether an element was taken', { cause: error })
      throw error
    }
  })
  return taken
}

/** Counts up and down; gives the sum of what was acknowledged. */
export async function countOverAndOver(client: CollectionsClient, times: number): Promise<number> {
  const counter = client.collections.counter('sum')
  const deltas = Array.from({ length: times }, () => client.random.int(20) - 5)
  const adding = deltas.map(async (delta, i) => {
    await sleep(client.clock, i * 3 * client.random.next())
    return (await happened(() => counter.add(delta))) ? delta : 0
  })
  return (await Promise.all(adding)).reduce((sum, delta) => sum + delta, 0)
}

/** Adds one to entries of a map by compare-and-set; gives how often for each. */
export async function incrementEntries(
  client: CollectionsClient,
  times: number,
): Promise<Map<string, number>> {
  const map = client.collections.map<number>('counts')
  const counts = new Map<string, number>()
  for (let i = 0; i < times; i++) {
    const key = `key/${client.random.int(3)}`
    if (await happened(() => map.update(key, (old = 0) => old + 1)))
      counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

/** Writes to a map in all ways there are. */
export async function changeMap(client: CollectionsClient, times: number): Promise<void> {
  const map = client.collections.map<number>('changing')
  for (let i = 0; i < times; i++) {
    const key = `k${client.random.int(8)}`
    const ways = [
      () => map.set(key, i),
      () => map.putIfAbsent(key, i),
      () => map.delete(key),
      () => map.update(key, (old) => (old === undefined ? i : undefined)),
      () => map.replace(key, i - 1, i),
      () => map.set(key, i, { ttlMs: 500 }),
    ]
    await happened(ways[client.random.int(ways.length)]!)
    if (client.random.next() < 0.02) await happened(() => map.clear())
    await sleep(client.clock, client.random.next() * 100)
  }
}

/** Who sets it is the last to write: what was built by then is what is there. */
export const lastKey = 'the last'

/** Builds a map from its events, until `lastKey` comes or the signal. */
export async function mirrorMap(
  client: CollectionsClient,
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const state = new Map<string, number>()
  const changes = await client.collections.map<number>('changing').watch({ initial: true, signal })
  for await (const change of changes) {
    const known = state.get(change.key)
    const old = change.type === 'create' ? undefined : change.old
    if (known !== old) throw new Error(`the event says that ${old} was there, not ${known}`)
    if (change.type === 'delete') state.delete(change.key)
    else state.set(change.key, change.value)
    if (change.key === lastKey) break
  }
  return state
}

/** Publishes numbered messages; gives the numbers that were acknowledged. */
export async function publishNumbers(client: CollectionsClient, count: number): Promise<number[]> {
  const topic = client.collections.topic<{ by: string; number: number }>('news')
  const published: number[] = []
  for (let number = 0; number < count; number++) {
    if (await happened(() => topic.publish({ by: client.name, number }))) published.push(number)
    await sleep(client.clock, client.random.next() * 30)
  }
  return published
}

/** False where a write was lost on its way. Outcomes that nobody knows are no part of these scenarios: they end them by their name. */
async function happened(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write()
    return true
  } catch (error) {
    if (isUnknown(error) || !isExpected(error)) throw error
    return false
  }
}

function isUnknown(error: unknown): boolean {
  return isVertigoError(error) && error.code === 'STORE_OUTCOME_UNKNOWN'
}
