import type { Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { OpenCollections } from '../store/collections/index.ts'
import type { Store, Watch, WatchBatch, WatchOptions } from '../store/store.ts'
import { LazyCollections } from './lazy-collections.ts'

/** Gives the store behind `context.shared`, the same each time; called by each use of it. Whoever gives the store closes it. */
export type OpenSharedStore = () => Promise<Store>

/**
 * The shared collections of a worker. Their code is loaded where a component asks for a collection: most ask for none, and
 * every thread would pay for it before its first message. The store is opened by the first call that needs it.
 */
export function workerCollections(
  open: OpenSharedStore | undefined,
  means: { readonly clock: Clock; readonly random: Random },
): OpenCollections {
  return new LazyCollections(async () => {
    const { openCollections } = await import('../store/collections/index.ts')
    return openCollections(lazyStore(open ?? noStore), means)
  })
}

function noStore(): Promise<Store> {
  return Promise.reject(
    new VertigoError('USAGE', 'There is no store for `context.shared` where this component runs.'),
  )
}

function lazyStore(open: OpenSharedStore): Store {
  return {
    get: async (...args) => (await open()).get(...args),
    range: async (...args) => (await open()).range(...args),
    async *pages(...args) {
      yield* (await open()).pages(...args)
    },
    transact: async (...args) => (await open()).transact(...args),
    grant: async (...args) => (await open()).grant(...args),
    keepAlive: async (...args) => (await open()).keepAlive(...args),
    revoke: async (...args) => (await open()).revoke(...args),
    leases: async (...args) => (await open()).leases(...args),
    watch: (prefix, options) => new LazyWatch(open(), prefix, options),
    close: async () => undefined,
  }
}

class LazyWatch implements Watch {
  private readonly inner: Promise<Watch>
  private readonly ending = new AbortController()

  constructor(store: Promise<Store>, prefix: string, options: WatchOptions = {}) {
    const { signal: given } = options
    const signal = given === undefined ? this.ending.signal : AbortSignal.any([given, this.ending.signal])
    // Begun at once, not at the first look: a watch is in force from the moment it was made.
    this.inner = store.then((opened) => opened.watch(prefix, { ...options, signal }))
    // The iteration tells of it.
    this.inner.catch(() => undefined)
  }

  close(): void {
    this.ending.abort()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchBatch, void, undefined> {
    if (this.ending.signal.aborted) return
    yield* await this.inner
  }
}
