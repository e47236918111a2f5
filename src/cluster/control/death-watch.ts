import type { Clock } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import { isUnchanged, put, remove, wasCreatedAt } from '../../store/operations.ts'
import type { LeaseHolder } from '../../store/recipes/index.ts'
import type { Store } from '../../store/store.ts'
import type { ClusterKeys, ClusterView, NodeId, NodeRecord, Recorded } from '../protocol/index.ts'
import { bereaved, deathOf, deathRecord, suspicionRecord } from '../protocol/index.ts'
import { pause } from './manager.ts'

/**
 * Notices that a node's process is no more long before its lease ends, and ends the lease. Every node does it for all
 * others, the manager's node included, so it does not depend on a manager.
 *
 * - DW-1 A broken connection alone says nothing: the node's own address must refuse a connection as well.
 * - DW-2 On the node's own machine its process must be gone, by number and start time. Elsewhere two nodes must find that its
 *   address refuses, in the same life of the node.
 * - DW-3 What ends is the lease of that life: a node that was started again meanwhile has another one.
 * - DW-4 Before that the death is in the store, with those that may be to blame (DR-1).
 *   Deaths of long ago that it has told are deleted then: nodes without names of their own would leave one each.
 * - DW-5 It may still be wrong (a firewall that refuses for two nodes). Nothing but time is lost then: the node fences itself
 *   as after any lost lease, and what it sends is refused by generation.
 */
export interface DeathWatchMeans {
  readonly store: Store
  readonly keys: ClusterKeys
  readonly clock: Clock
  readonly self: NodeId
  readonly lease: LeaseHolder
  readonly view: () => ClusterView
  /** Tries to connect to a node. `refused`: its machine answered that nobody listens there. */
  readonly probe: (record: NodeRecord) => Promise<'answers' | 'refused' | 'unknown'>
  /** Undefined where the process cannot be looked at from here. */
  readonly isGone: (record: NodeRecord) => boolean | undefined
  readonly events: DeathWatchEvents
}

export interface DeathWatchEvents {
  /** The lease of a node was ended. */
  declaredDead(node: NodeId): void
  troubled(what: string, error: Error): void
}

/** How often and how long a suspected node is looked at: a process that is being ended takes a moment. */
const lookMs = 25
const looksMax = 60
/** Plans without the node are made within moments, and then say themselves what follows from its death. */
export const deathKeptMs = 600_000
/** In one transaction. The rest goes with the next death. */
const forgottenMax = 50

export class DeathWatch {
  private readonly means: DeathWatchMeans
  private readonly ending = new AbortController()
  /** By the lease of the life that is looked at. */
  private readonly looking = new Map<string, Promise<void>>()

  constructor(means: DeathWatchMeans) {
    this.means = means
  }

  /** A connection to the node broke. */
  suspect(node: NodeId): void {
    const recorded = this.means.view().nodes.get(node)
    const lease = recorded?.entry.lease
    if (recorded === undefined || lease === undefined || node === this.means.self) return
    if (this.ending.signal.aborted || this.looking.has(lease)) return
    const looked = this.look(recorded).finally(() => this.looking.delete(lease))
    this.looking.set(lease, looked)
  }

  /** Fulfilled when it does nothing any more. Idempotent. */
  async close(): Promise<void> {
    this.ending.abort()
    await Promise.all(this.looking.values())
  }

  /** Never rejects. */
  private async look(recorded: Recorded<NodeRecord>): Promise<void> {
    const { clock, events } = this.means
    const { signal } = this.ending
    const { id } = recorded.value
    for (let looks = 0; looks < looksMax && !signal.aborted; looks++) {
      try {
        if (!this.isThere(recorded)) return
        if ((await this.verdict(recorded)) === 'dead') {
          await this.end(recorded)
          return
        }
      } catch (error) {
        if (signal.aborted) return
        events.troubled(`looking whether node "${id}" is alive`, asError(error))
      }
      await pause(clock, lookMs, signal)
    }
  }

  private isThere({ entry, value }: Recorded<NodeRecord>): boolean {
    return this.means.view().nodes.get(value.id)?.entry.createRevision === entry.createRevision
  }

  private async verdict(recorded: Recorded<NodeRecord>): Promise<'dead' | 'open'> {
    const { probe, isGone } = this.means
    const gone = isGone(recorded.value)
    // A process of this machine that is there is there.
    if (gone === false) return 'open'
    if ((await probe(recorded.value)) !== 'refused') return 'open'
    if (gone === true) return 'dead'
    await this.tellSuspicion(recorded)
    return this.othersAgree(recorded) ? 'dead' : 'open'
  }

  /** Under this node's own lease: who has left agrees to nothing. */
  private async tellSuspicion({ value, entry }: Recorded<NodeRecord>): Promise<void> {
    const { store, keys, self, lease, view } = this.means
    if (view().suspicions.get(value.id)?.get(self) === value.incarnation) return
    await store.transact(
      {
        compare: [wasCreatedAt(entry.key, entry.createRevision)],
        then: [
          put(
            keys.suspicion(value.id, self),
            suspicionRecord.encode({ incarnation: value.incarnation }),
            lease.lease,
          ),
        ],
      },
      { repeat: 'harmless', signal: this.ending.signal },
    )
  }

  private othersAgree({ value }: Recorded<NodeRecord>): boolean {
    const { view, self } = this.means
    for (const [by, incarnation] of view().suspicions.get(value.id) ?? [])
      if (by !== self && incarnation === value.incarnation && view().nodes.has(by)) return true
    return false
  }

  private async tellDeath({ entry, value }: Recorded<NodeRecord>): Promise<void> {
    const { store, keys, clock, lease, view } = this.means
    const record = deathRecord.encode(deathOf(bereaved(view()), value, clock.now()))
    await store.transact(
      {
        compare: [wasCreatedAt(entry.key, entry.createRevision)],
        then: [put(keys.death(value.id), record, lease.lease)],
      },
      { repeat: 'harmless', signal: this.ending.signal },
    )
  }

  private async end({ entry, value }: Recorded<NodeRecord>): Promise<void> {
    const { store, events } = this.means
    await this.tellDeath({ entry, value })
    await store.revoke(entry.lease!, { signal: this.ending.signal })
    events.declaredDead(value.id)
    await this.forgetDeaths()
  }

  /** Its own ones only, by its lease: others delete theirs, or they go with them. */
  private async forgetDeaths(): Promise<void> {
    const { store, clock, lease, view } = this.means
    const old = [...view().deaths.values()]
      .filter(({ entry, value }) => entry.lease === lease.lease && clock.now() - value.atMs > deathKeptMs)
      .slice(0, forgottenMax)
    if (old.length === 0) return
    await store.transact(
      {
        compare: old.map(({ entry }) => isUnchanged(entry.key, entry)),
        then: old.map(({ entry }) => remove(entry.key)),
      },
      { repeat: 'harmless', signal: this.ending.signal },
    )
  }
}
