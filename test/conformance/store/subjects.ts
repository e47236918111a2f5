import { MessageChannel } from 'node:worker_threads'
import { systemClock } from '../../../src/base/clock.ts'
import { storeOver } from '../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../src/store/memory/memory-backend.ts'
import { PortBackend } from '../../../src/store/port/port-backend.ts'
import { servePort } from '../../../src/store/port/serve-port.ts'
import type { Store } from '../../../src/store/store.ts'
import type { StoreFixture, StoreSubject } from './fixture.ts'

/** Gives a test a fresh store, and ends it whatever the test does. */
export type Use = (test: (store: Store, fixture: StoreFixture) => Promise<void>) => Promise<void>

export function useOf(subject: StoreSubject): Use {
  return async (test) => {
    const fixture = await subject.make()
    try {
      await test(await fixture.open(), fixture)
    } finally {
      await fixture.close()
    }
  }
}

const memory: StoreSubject = {
  name: 'memory',
  ttlMsMin: 200,
  async make() {
    const backend = new MemoryBackend({ clock: systemClock })
    const stores: Store[] = []
    return {
      async open() {
        const store = storeOver(backend, systemClock)
        stores.push(store)
        return store
      },
      async compact(revision) {
        backend.compact(revision)
      },
      async close() {
        await Promise.all(stores.map((store) => store.close()))
      },
    }
  },
}

/** The memory store as worker threads reach it: over a port. */
const port: StoreSubject = {
  name: 'port',
  ttlMsMin: 200,
  async make() {
    const backend = new MemoryBackend({ clock: systemClock })
    const stores: Store[] = []
    return {
      async open() {
        const { port1, port2 } = new MessageChannel()
        servePort(backend, port1)
        const store = storeOver(new PortBackend(port2, systemClock), systemClock)
        stores.push(store)
        return store
      },
      async compact(revision) {
        backend.compact(revision)
      },
      async close() {
        await Promise.all(stores.map((store) => store.close()))
        await backend.close()
      },
    }
  },
}

export const subjects: readonly StoreSubject[] = [memory, port]
