import assert from 'node:assert/strict'
import { systemClock } from '../../../src/base/clock.ts'
import { seededRandom } from '../../../src/base/random.ts'
import {
  defineComponent,
  type Kind,
  port,
  type SharedCollections,
  type SharedWrite,
  type Sink,
} from '../../../src/component/index.ts'
import { collectionSink } from '../../../src/connectors/collection-sink.ts'
import type { Json } from '../../../src/model/network.ts'
import { openCollections } from '../../../src/store/collections/index.ts'
import { storeOver } from '../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../src/store/memory/memory-backend.ts'
import type { SinkSubject } from './subjects.ts'
import type { Message } from './world.ts'

function subject(
  name: string,
  kind: Kind,
  config: Readonly<Record<string, Json>>,
  read: (shared: SharedCollections) => Promise<readonly Message[]>,
): SinkSubject {
  return {
    name,
    keepsOrder: false,
    async open() {
      const store = storeOver(new MemoryBackend({ clock: systemClock }), systemClock)
      const shared = openCollections(store, { clock: systemClock, random: seededRandom(1) })
      return {
        kind,
        config,
        store,
        read: () => read(shared),
        close: async () => {
          await shared.close()
          await store.close()
        },
      }
    },
  }
}

/** Each message under a key of its own, and beside it how many there were of its key: that shows what came twice. */
const counting = defineComponent({
  inputs: { in: port<Message>() },
  setup({ shared }) {
    let received: SharedWrite[] = []
    const sink: Sink<readonly SharedWrite[]> = {
      prepare() {
        const changes = received
        received = []
        return changes.length === 0 ? undefined : changes
      },
      commit: ({ writer, snapshot, staged }) => shared.publish({ writer, snapshot, changes: staged }),
      recover: (writer) => shared.published(writer),
    }
    return {
      on: {
        in: (message) => {
          received.push({ type: 'put', map: 'rows', key: String(message.number), value: message })
          received.push({ type: 'add', counter: `of ${message.key}`, delta: 1 })
        },
      },
      sink,
    }
  },
})

async function rows(shared: SharedCollections): Promise<readonly Message[]> {
  return [...(await shared.map<Message>('rows').entries()).values()]
}

async function countedRows(shared: SharedCollections): Promise<readonly Message[]> {
  for (;;) {
    const found = await rows(shared)
    const counts = new Map<string, number>()
    for (const key of new Set(found.map(({ key }) => key)))
      counts.set(key, await shared.counter(`of ${key}`).get())
    // A transaction may have come between the reads.
    if ((await rows(shared)).length !== found.length) continue
    for (const [key, count] of counts)
      assert.equal(count, found.filter((row) => row.key === key).length, `the counter of ${key}`)
    return found
  }
}

export const collectionSubjects: readonly SinkSubject[] = [
  subject('a shared map', collectionSink, { map: 'rows', key: 'number' }, rows),
  subject('shared counters', counting, {}, countedRows),
]
