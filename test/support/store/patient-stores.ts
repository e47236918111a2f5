import type { MessagePort } from 'node:worker_threads'
import type { Clock } from '../../../src/base/clock.ts'
import { storeOver } from '../../../src/store/checked-store.ts'
import { openLmdbBackend } from '../../../src/store/lmdb/open.ts'
import { servePort } from '../../../src/store/port/serve-port.ts'
import { parseStoreUrl } from '../../../src/store/url.ts'
import * as stores from '../../../src/stores.ts'
import { patienceMs, patient } from './patient-store.ts'

/** For a run over a store in a folder: its stores, whose calls wait as long as the test. */

export * from '../../../src/stores.ts'

export const patientStoresUrl = import.meta.url

export const createRunStore: typeof stores.createRunStore = async (clock, url) => {
  const address = url === undefined ? undefined : parseStoreUrl(url)
  if (address?.type !== 'lmdb') return stores.createRunStore(clock, url)
  const backend = await openLmdbBackend({ folder: address.folder, openTimeoutMs: patienceMs })
  return {
    store: patient(storeOver(backend, clock)),
    serve: (port, failed) => servePort(backend, port, failed),
  }
}

export const connectStore = async (port: MessagePort, clock: Clock): ReturnType<typeof stores.connectStore> =>
  patient(await stores.connectStore(port, clock))
