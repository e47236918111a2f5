import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { type EtcdRelease, provideEtcd } from '../../../scripts/servers/etcd.ts'
import { MessageChannel } from 'node:worker_threads'
import { systemClock } from '../../../src/base/clock.ts'
import { storeOver } from '../../../src/store/checked-store.ts'
import { openEtcdStore } from '../../../src/store/etcd/open.ts'
import { openLmdbStore } from '../../../src/store/lmdb/open.ts'
import { MemoryBackend } from '../../../src/store/memory/memory-backend.ts'
import { PortBackend } from '../../../src/store/port/port-backend.ts'
import { servePort } from '../../../src/store/port/serve-port.ts'
import type { Store } from '../../../src/store/store.ts'
import { EtcdCluster } from '../../support/etcd-cluster.ts'
import { MovedClock } from '../../support/store/moved-clock.ts'
import { patienceMs, patient } from '../../support/store/patient-store.ts'
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
  async make() {
    const clock = new MovedClock()
    const backend = new MemoryBackend({ clock })
    const stores: Store[] = []
    return {
      clock,
      async open() {
        const store = patient(storeOver(backend, clock))
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

const lmdb: StoreSubject = {
  name: 'lmdb',
  async make() {
    const parent = await mkdtemp(join(tmpdir(), 'vertigo-conformance-'))
    const clock = new MovedClock()
    const folder = join(parent, 'store')
    const stores: Store[] = []
    return {
      clock,
      async open() {
        const store = patient(await openLmdbStore({ folder, clock, openTimeoutMs: patienceMs }))
        stores.push(store)
        return store
      },
      async close() {
        await Promise.all(stores.map((store) => store.close()))
        await rm(parent, { recursive: true, force: true })
      },
    }
  },
}

/** The memory store as worker threads reach it: over a port. */
const port: StoreSubject = {
  name: 'port',
  async make() {
    const clock = new MovedClock()
    const backend = new MemoryBackend({ clock })
    const stores: Store[] = []
    return {
      clock,
      async open() {
        const { port1, port2 } = new MessageChannel()
        servePort(backend, port1, (error) => {
          throw error
        })
        const store = patient(storeOver(new PortBackend(port2, systemClock), systemClock))
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

/** All tests of a release share one server: each has a prefix of its own. */
async function etcd(release: EtcdRelease): Promise<StoreSubject> {
  const provided = await provideEtcd(release)
  let cluster: Promise<EtcdCluster> | undefined
  let prefixes = 0
  const start = (): Promise<EtcdCluster> => {
    if (!('path' in provided)) throw new Error(provided.missing)
    cluster ??= EtcdCluster.start({ path: provided.path })
    return cluster
  }
  after(async () => (await cluster)?.stop())
  return {
    name: `etcd (${release})`,
    missing: 'missing' in provided ? provided.missing : undefined,
    async make() {
      const { endpoints } = await start()
      const prefix = `conformance-${++prefixes}`
      const stores: Store[] = []
      return {
        async open() {
          const store = patient(await openEtcdStore({ endpoints, prefix }))
          stores.push(store)
          return store
        },
        async compact(revision) {
          await (await start()).compact(revision)
        },
        async close() {
          await Promise.all(stores.map((store) => store.close()))
        },
      }
    },
  }
}

export const subjects: readonly StoreSubject[] = [
  memory,
  port,
  lmdb,
  await etcd('distribution'),
  await etcd('current'),
]
