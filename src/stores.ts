import type { MessagePort } from 'node:worker_threads'
import type { Clock } from './base/clock.ts'
import { assert } from './base/assert.ts'
import { VertigoError } from './base/errors.ts'
import type { RunWhole } from './base/native-gate.ts'
import { systemRandom } from './base/random.ts'
import type { SnapshotStorage } from './snapshot/storage/storage.ts'
import type { NewKeyedState, StateSettings } from './state/keyed-state.ts'
import type { StoreBackend } from './store/backend.ts'
import type { Store } from './store/store.ts'
import { parseStoreUrl } from './store/url.ts'

/** Chooses the backend of a store, or of a storage of snapshots, by its address; and that of keyed state. Backends are loaded when they are needed. */

/** For `run`: the address of this module, in the sources and in the package. */
export const storesUrl = import.meta.url

/** A store that nobody else sees: for tests, and for trying things out. */
const memoryUrl = 'memory:'

/** Errors: STORE_URL_INVALID. */
export function checkStoreUrl(url: string): void {
  if (url !== memoryUrl) parseStoreUrl(url)
}

export interface OpenStoreOptions {
  /** Whether a store is made where there is none. Default true; else it is an error, STORE_NOT_FOUND. */
  readonly create?: boolean
  /** How long a server may be tried to be reached, or the lock of a folder waited for. Default 5000 ms. */
  readonly timeoutMs?: number
}

/** Errors: STORE_URL_INVALID, STORE_REFUSED for a file of the address that cannot be read, and those of the backend. */
export async function openStore(url: string, clock: Clock, options: OpenStoreOptions = {}): Promise<Store> {
  if (url === memoryUrl) return (await createRunStore(clock)).store
  const address = parseStoreUrl(url)
  const { create, timeoutMs } = options
  if (address.type === 'lmdb') {
    const { openLmdbStore } = await import('./store/lmdb/open.ts')
    return openLmdbStore({
      folder: address.folder,
      ...(create !== undefined && { create }),
      ...(timeoutMs !== undefined && { openTimeoutMs: timeoutMs }),
    })
  }
  const { openEtcdAddress } = await import('./store/etcd/open-address.ts')
  return openEtcdAddress(address, { clock, ...options })
}

/**
 * A store that all threads of a process use through one of them: in memory where none was chosen, or the one in a folder. Nobody ends
 * that thread while a transaction is under way, which has the lock of the whole store.
 */
export async function createRunStore(
  clock: Clock,
  url = memoryUrl,
): Promise<{
  readonly store: Store
  /** `failed`: another thread could not be answered. */
  readonly serve: (port: MessagePort, failed: (error: unknown) => void) => void
}> {
  const [backend, { storeOver }, { servePort }] = await Promise.all([
    openServed(clock, url),
    import('./store/checked-store.ts'),
    import('./store/port/serve-port.ts'),
  ])
  return { store: storeOver(backend, clock), serve: (port, failed) => servePort(backend, port, failed) }
}

async function openServed(clock: Clock, url: string): Promise<StoreBackend> {
  const address = url === memoryUrl ? undefined : parseStoreUrl(url)
  if (address?.type === 'lmdb') {
    const { openLmdbBackend } = await import('./store/lmdb/open.ts')
    return openLmdbBackend({ folder: address.folder })
  }
  assert(address === undefined, 'threads have connections of their own to a server')
  const { MemoryBackend } = await import('./store/memory/memory-backend.ts')
  return new MemoryBackend({ clock })
}

/** In a thread: the store of the run, at the other end of the port. */
export async function connectStore(port: MessagePort, clock: Clock): Promise<Store> {
  const [{ PortBackend }, { storeOver }] = await Promise.all([
    import('./store/port/port-backend.ts'),
    import('./store/checked-store.ts'),
  ])
  return storeOver(new PortBackend(port, clock), clock)
}

/**
 * Where snapshots are kept: `file:///folder` (with `?shared` where all machines see the same), or `s3://bucket/prefix` (with
 * `?endpoint=http://host:9000` for a service that is not AWS, and `&region=`).
 *
 * Errors: SNAPSHOT_STORAGE_URL_INVALID, and those of the backend.
 */
export async function openSnapshotStorage(address: string, clock: Clock): Promise<SnapshotStorage> {
  const url = checkSnapshotAddress(address)
  const { storageOver } = await import('./snapshot/storage/checked-storage.ts')
  if (url.protocol === 'file:') {
    const [{ FolderStorageBackend }, { fileURLToPath }] = await Promise.all([
      import('./snapshot/storage/folder/folder-backend.ts'),
      import('node:url'),
    ])
    const isShared = url.searchParams.has('shared')
    url.search = ''
    const folder = fileURLToPath(url)
    return storageOver(
      await FolderStorageBackend.open({ folder, isShared, clock, random: systemRandom }),
      clock,
    )
  }
  const { openS3Backend } = await import('./snapshot/storage/s3/open.ts')
  const prefix = url.pathname.replaceAll(/^\/+|\/+$/g, '')
  const [endpoint, region] = [url.searchParams.get('endpoint'), url.searchParams.get('region')]
  const backend = await openS3Backend({
    bucket: url.hostname,
    ...(prefix !== '' && { prefix }),
    ...(endpoint !== null && { endpoint }),
    ...(region !== null && { region }),
  })
  return storageOver(backend, clock)
}

/** Errors: SNAPSHOT_STORAGE_URL_INVALID. */
export function checkSnapshotAddress(address: string): URL {
  const url = URL.parse(address)
  const isFolder = url?.protocol === 'file:' && url.hostname === '' && url.pathname.length > 1
  if (url !== null && (isFolder || (url.protocol === 's3:' && url.hostname !== ''))) return url
  throw new VertigoError(
    'SNAPSHOT_STORAGE_URL_INVALID',
    `"${address}" is no place for snapshots: it is file:///folder or s3://bucket/prefix.`,
  )
}

/** The backend of keyed state that a network has chosen. `whole`: how a thread that may be ended runs native code; see `throughGate`. */
export async function openStates(settings: StateSettings, whole?: RunWhole): Promise<NewKeyedState> {
  if (settings.backend === 'lmdb') return (await import('./state/lmdb/open.ts')).lmdbStates(settings, whole)
  const { MemoryState } = await import('./state/memory/memory-state.ts')
  return (slots) => new MemoryState(slots)
}
