import { once } from 'node:events'
import { systemClock } from '../../../src/base/clock.ts'
import { systemRandom } from '../../../src/base/random.ts'
import { openCollections } from '../../../src/store/collections/index.ts'
import type { SharedOrder, SharedReport } from './collections.test.ts'
import { openPatiently } from './support.ts'

/** A process that changes collections at the same time as others, and tells what it has seen. */

const { folder, name, rounds, processes } = JSON.parse(process.argv[2]!) as SharedOrder

const store = await openPatiently(folder)
const collections = openCollections(store, { clock: systemClock, random: systemRandom })
const list = collections.list<string>('list')
const set = collections.set<number>('set')
const multimap = collections.multimap<string>('multimap')
const topic = collections.topic<string>('topic')

const messages = await topic.subscribe()
const going = once(process, 'message')
process.send!({ word: 'ready' })
await going

let added = 0
let removed = 0
for (let round = 0; round < rounds; round++) {
  const [isNew] = await Promise.all([
    set.add(round),
    list.push(`${name}/${round}`),
    multimap.add(`${round}`, name),
    multimap.add('all', `${name}/${round}`),
    topic.publish(`${name}/${round}`),
  ])
  if (isNew) added++
  // Each value that is there is removed by one.
  if (round % 2 === 1 && (await set.delete(round))) removed++
}

const heard: string[] = []
let missed = 0
for await (const message of messages) {
  heard.push(message.message)
  missed += message.missed
  if (heard.length === rounds * processes) break
}
await collections.close()
await store.close()
const report: SharedReport = { word: 'report', added, removed, heard, missed }
process.send!(report)
process.disconnect?.()
