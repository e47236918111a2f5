import { type Clock, steadyClock } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import { Election, follow, type LeaseHolder, type Leadership } from '../../store/recipes/index.ts'
import type { Store } from '../../store/store.ts'
import { asTerm, type ClusterKeys, ClusterView, type NodeId } from '../protocol/index.ts'
import type { ManagerEvents } from './manager-events.ts'
import { NetworkLoop } from './network-loop.ts'
import type { RestartPolicy } from './facts.ts'
import { SnapshotLoop, type SnapshotMeans } from './snapshot-loop.ts'

/**
 * The manager: one node at a time is elected to be it, and decides for all networks, each by itself.
 *
 * - MG-1 It decides from what it has followed since it was elected, and writes through its leadership only: a stale manager
 *   writes nothing.
 * - MG-2 It keeps nothing that the store does not have. A new one follows, decides, and finds nothing to do where nothing has
 *   changed.
 * - MG-3 A network that cannot be decided for, whatever the reason, does not keep it from the others.
 *
 * Neighbours: `decide.ts` decides, `network-loop.ts` carries decisions out.
 */
export interface ManagerMeans {
  readonly store: Store
  readonly keys: ClusterKeys
  readonly clock: Clock
  readonly lease: LeaseHolder
  readonly node: NodeId
  readonly restarts: RestartPolicy
  readonly events: ManagerEvents
  /** Without it no snapshots are taken. */
  readonly snapshots?: Pick<SnapshotMeans, 'takers' | 'storages' | 'places' | 'alignMsMax'>
}

/** Before the next try where following or being elected failed. */
const retryMs = 200

export class Manager {
  private readonly means: ManagerMeans
  private readonly ending = new AbortController()
  private readonly running: Promise<void>

  /** Becomes a candidate at once. */
  constructor(means: ManagerMeans) {
    this.means = means
    this.running = this.run()
  }

  /** Ends a candidacy or a leadership; another candidate leads then. Idempotent. */
  close(): Promise<void> {
    this.ending.abort()
    return this.running
  }

  private async run(): Promise<void> {
    const { store, keys, clock, lease, node, events } = this.means
    const signal = AbortSignal.any([this.ending.signal, lease.signal])
    const election = new Election(store, keys.manager, { clock })
    while (!signal.aborted) {
      try {
        const leadership = await election.campaign(lease, { node }, signal)
        events.elected()
        try {
          await this.lead(leadership, AbortSignal.any([signal, leadership.signal]))
        } finally {
          events.deposed()
          await leadership.resign()
        }
      } catch (error) {
        if (signal.aborted) return
        events.troubled('managing', asError(error))
        await pause(clock, retryMs, signal)
      }
    }
  }

  /** Until the signal is aborted; rejects where the store can no longer be followed. */
  private async lead(leadership: Leadership, signal: AbortSignal): Promise<void> {
    const { store, keys, clock, restarts, events, snapshots } = this.means
    const following = await follow(store, keys.prefix, { signal, damaged: 'tell' })
    const view = new ClusterView(keys)
    for (const entry of following.entries) view.apply(entry.key, entry)
    const loops = new Map<string, Loops>()
    /** Of networks that are gone. */
    const leaving = new Map<Loops, Promise<unknown>>()
    // What it counts and waits by, within one term: restarts are not to depend on who sets the time of day.
    const steady = steadyClock(clock)
    const term = asTerm(leadership.token)
    const isPlaceless = snapshots !== undefined && snapshots.storages.defaultAddress === undefined
    const means = { clock: steady, restarts, events, view, leadership, term, isPlaceless }
    const wake = (names: Iterable<string>, revision: number): void => {
      for (const name of names) {
        let loop = loops.get(name)
        if (loop === undefined) {
          loop = {
            network: new NetworkLoop(name, means),
            snapshots: snapshots && new SnapshotLoop(name, { ...means, ...snapshots }),
          }
          loops.set(name, loop)
        }
        loop.network.facts(revision)
        loop.snapshots?.facts(revision)
      }
    }
    try {
      wake(view.networks.keys(), following.revision)
      for await (const { changes, revision } of following) {
        const touched = new Set<string>()
        let isForAll = false
        for (const { key, entry } of changes) {
          const name = view.apply(key, entry)
          // What follows from a death is decided when the node is gone.
          if (name === undefined) isForAll ||= !key.startsWith(keys.manager) && !key.startsWith(keys.deaths)
          else {
            touched.add(name)
            // Workers of one network are room that others do not have.
            isForAll ||= key === keys.network(name).plan
          }
        }
        wake(isForAll ? new Set([...view.networks.keys(), ...touched]) : touched, revision)
        for (const [name, loop] of loops)
          if (!view.networks.has(name)) {
            loops.delete(name)
            leaving.set(
              loop,
              forgotten(loop).finally(() => leaving.delete(loop)),
            )
          }
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      following.close()
      await Promise.all([...loops.values(), ...leaving.keys()].map(closed))
      await Promise.all(leaving.values())
    }
  }
}

/** What a manager has for one network. */
interface Loops {
  readonly network: NetworkLoop
  readonly snapshots: SnapshotLoop | undefined
}

async function closed({ network, snapshots }: Loops): Promise<void> {
  network.close()
  await Promise.all([network.ended, snapshots?.close()])
}

async function forgotten({ network, snapshots }: Loops): Promise<void> {
  network.close()
  await Promise.all([network.ended, snapshots?.forgotten()])
}

/** Ends early, and does not reject, when the signal is aborted. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const done = (): void => {
      cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(ms, done)
    signal.addEventListener('abort', done, { once: true })
  })
}
