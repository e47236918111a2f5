import type { MessagePort } from 'node:worker_threads'
import type { Clock } from './base/clock.ts'
import { VertigoError } from './base/errors.ts'
import type { Store } from './store/store.ts'

/** Chooses the backend of a store by its address. Backends are loaded when they are needed. */

/** For `run`: the address of this module, in the sources and in the package. */
export const storesUrl = import.meta.url

type Open = (address: URL, clock: Clock) => Promise<Store>

/** By the scheme of the address. */
const schemes: Readonly<Record<string, Open>> = {
  // A store that nobody else sees: for tests, and for trying things out.
  'memory:': async (_, clock) => (await createRunStore(clock)).store,
}

/** Errors: STORE_URL_INVALID. */
export function checkStoreUrl(url: string): void {
  schemeOf(url)
}

/** Errors: STORE_URL_INVALID, and those of the backend. */
export async function openStore(url: string, clock: Clock): Promise<Store> {
  return schemeOf(url).open(new URL(url), clock)
}

function schemeOf(url: string): { readonly open: Open } {
  const { protocol } = URL.canParse(url) ? new URL(url) : { protocol: '' }
  if (Object.hasOwn(schemes, protocol)) return { open: schemes[protocol]! }
  throw new VertigoError('STORE_URL_INVALID', `"${url}" is no address of a store.`)
}

/** The store of a run for which none was chosen: in memory, for all threads of the run. */
export async function createRunStore(
  clock: Clock,
): Promise<{ readonly store: Store; readonly serve: (port: MessagePort) => void }> {
  const [{ MemoryBackend }, { storeOver }, { servePort }] = await Promise.all([
    import('./store/memory/memory-backend.ts'),
    import('./store/checked-store.ts'),
    import('./store/port/serve-port.ts'),
  ])
  const backend = new MemoryBackend({ clock })
  return { store: storeOver(backend, clock), serve: (port) => servePort(backend, port) }
}

/** In a thread: the store of the run, at the other end of the port. */
export async function connectStore(port: MessagePort, clock: Clock): Promise<Store> {
  const [{ PortBackend }, { storeOver }] = await Promise.all([
    import('./store/port/port-backend.ts'),
    import('./store/checked-store.ts'),
  ])
  return storeOver(new PortBackend(port, clock), clock)
}
