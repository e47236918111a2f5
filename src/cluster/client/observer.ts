import { type Clock, pause } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import { follow } from '../../store/recipes/index.ts'
import type { Revision, Store } from '../../store/store.ts'
import { type ClusterKeys, ClusterView } from '../protocol/index.ts'

/** Called with the names of the networks that changed, after the view shows it. It must not throw. */
export type ClusterListener = (networks: ReadonlySet<string>) => void

/** Sees a cluster and tells of its changes. */
export interface ClusterObserver {
  readonly view: ClusterView
  /** Of the store, to which the view is up to date. */
  readonly revision: Revision
  subscribe(listener: ClusterListener): () => void
}

export interface ObservedCluster extends ClusterObserver {
  close(): Promise<void>
}

export interface ObserveMeans {
  readonly store: Store
  readonly keys: ClusterKeys
  readonly clock: Clock
  /** The store could not be followed; it is tried again. */
  readonly troubled?: (error: Error) => void
}

const retryMs = 500

/** Follows what the store says of a cluster, until it is closed. Rejects where it cannot be read at the beginning. */
export async function observeCluster(means: ObserveMeans): Promise<ObservedCluster> {
  const observing = new Observing(means)
  await observing.begin()
  return observing
}

class Observing implements ObservedCluster {
  view: ClusterView
  revision: Revision = 0
  private readonly means: ObserveMeans
  private readonly listeners = new Set<ClusterListener>()
  private readonly ending = new AbortController()
  private running: Promise<void> = Promise.resolve()

  constructor(means: ObserveMeans) {
    this.means = means
    this.view = new ClusterView(means.keys)
  }

  subscribe(listener: ClusterListener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  async begin(): Promise<void> {
    const following = await this.read()
    this.running = this.run(following)
  }

  close(): Promise<void> {
    this.ending.abort()
    return this.running
  }

  private async run(first: Awaited<ReturnType<Observing['read']>>): Promise<void> {
    const { signal } = this.ending
    let following: typeof first | undefined = first
    while (!signal.aborted) {
      try {
        following ??= await this.read()
        for await (const { changes, revision } of following) {
          const networks = new Set<string>()
          for (const { key, entry } of changes) {
            const name = this.view.apply(key, entry)
            if (name !== undefined) networks.add(name)
          }
          this.revision = revision
          this.tell(networks)
        }
      } catch (error) {
        if (signal.aborted) return
        this.means.troubled?.(asError(error))
        await pause(this.means.clock, retryMs, signal)
      }
      following = undefined
    }
  }

  private async read(): ReturnType<typeof follow> {
    const { store, keys } = this.means
    const following = await follow(store, keys.prefix, { signal: this.ending.signal, damaged: 'tell' })
    const before = this.view
    this.view = new ClusterView(keys)
    for (const entry of following.entries) this.view.apply(entry.key, entry)
    this.revision = following.revision
    this.tell(new Set([...before.networks.keys(), ...this.view.networks.keys()]))
    return following
  }

  private tell(networks: ReadonlySet<string>): void {
    for (const listener of this.listeners) listener(networks)
  }
}
