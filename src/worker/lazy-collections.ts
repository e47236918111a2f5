import { VertigoError } from '../base/errors.ts'
import type {
  QueueOptions,
  SharedBatch,
  SharedCollections,
  SharedCounter,
  SharedList,
  SharedLock,
  SharedMap,
  SharedMultimap,
  SharedQueue,
  SharedSet,
  SharedTopic,
  TopicOptions,
} from '../component/shared.ts'
import type { SinkSnapshot } from '../component/sink.ts'
import type { OpenCollections } from '../store/collections/index.ts'
import { encodeSegment } from '../store/recipes/key-text.ts'

/**
 * Collections whose code is loaded by the first one that is asked for. What was called before it is there waits, and is
 * called in its order; all methods of collections give promises, so nobody notices.
 */
export class LazyCollections implements OpenCollections {
  private readonly open: () => Promise<OpenCollections>
  private opened: Promise<OpenCollections> | undefined
  /** `opened`, once it is there. */
  private inner: OpenCollections | undefined
  private isClosed = false

  /** `open` is called once at most. */
  constructor(open: () => Promise<OpenCollections>) {
    this.open = open
  }

  map<V>(name: string): SharedMap<V> {
    return this.collection(name, (all) => all.map<V>(name))
  }

  multimap<V>(name: string): SharedMultimap<V> {
    return this.collection(name, (all) => all.multimap<V>(name))
  }

  set<V>(name: string): SharedSet<V> {
    return this.collection(name, (all) => all.set<V>(name))
  }

  list<V>(name: string): SharedList<V> {
    return this.collection(name, (all) => all.list<V>(name))
  }

  queue<V>(name: string, options?: QueueOptions): SharedQueue<V> {
    return this.collection(name, (all) => all.queue<V>(name, options))
  }

  counter(name: string): SharedCounter {
    return this.collection(name, (all) => all.counter(name))
  }

  lock(name: string): SharedLock {
    return this.collection(name, (all) => all.lock(name))
  }

  topic<V>(name: string, options?: TopicOptions): SharedTopic<V> {
    return this.collection(name, (all) => all.topic<V>(name, options))
  }

  async publish(batch: SharedBatch): Promise<void> {
    await (await this.all()).publish(batch)
  }

  async published(writer: string): Promise<SinkSnapshot | undefined> {
    return (await this.all()).published(writer)
  }

  async close(): Promise<void> {
    this.isClosed = true
    // Who could not be given them has heard why.
    const [opened] = await Promise.allSettled([this.opened])
    if (opened.status === 'fulfilled') await opened.value?.close()
  }

  private collection<T extends Later<T>>(name: string, get: (all: SharedCollections) => T): T {
    if (this.inner !== undefined) return get(this.inner)
    // The check of the name, whose error is thrown here and not by the first call.
    encodeSegment(name)
    return later(this.all().then(get))
  }

  private all(): Promise<OpenCollections> {
    if (this.isClosed) throw new VertigoError('STORE_CLOSED', 'The collections were closed.')
    this.opened ??= this.open().then((all) => {
      this.inner = all
      return all
    })
    return this.opened
  }
}

/** What can be called later without a difference: all that it has are methods that give promises, and `cachedRevision`. */
type Later<T> = {
  readonly [Name in keyof T]: Name extends 'cachedRevision'
    ? number | undefined
    : (...args: never[]) => Promise<unknown>
}

function later<T extends object & Later<T>>(coming: Promise<T>): T {
  let here: T | undefined
  coming.then(
    (collection) => {
      here = collection
    },
    // Each call tells of it.
    () => undefined,
  )
  const call = (target: T, name: string, args: readonly unknown[]): unknown =>
    (target as Record<string, (...given: readonly unknown[]) => unknown>)[name]!(...args)
  return new Proxy({} as T, {
    get(_, name) {
      // One that `await` looks at is no promise.
      if (typeof name === 'symbol' || name === 'then') return undefined
      if (name === 'cachedRevision') return (here as { cachedRevision?: number } | undefined)?.cachedRevision
      return (...args: readonly unknown[]) =>
        here === undefined ? coming.then((target) => call(target, name, args)) : call(here, name, args)
    },
  })
}
