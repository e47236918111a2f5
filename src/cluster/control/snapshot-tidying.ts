import type { Cancel, Clock } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import { filesUnknown, type NetworkView } from '../protocol/index.ts'
import type { ManagerEvents } from './manager-events.ts'
import { type CollectorFacts, SnapshotCollector } from './snapshot-collector.ts'
import type { SnapshotStorages } from './snapshot-commit.ts'

/** When files that nobody needs are deleted: a while after what is kept has changed, and beside everything else. */
export interface TidyingMeans {
  readonly clock: Clock
  readonly events: Pick<ManagerEvents, 'troubled'>
  readonly storages: SnapshotStorages
  readonly view: () => NetworkView | undefined
}

/** Listing costs: so long at least between two rounds. */
export const tidyMs = 10_000
const troubledMs = 60_000

export class SnapshotTidying {
  private readonly network: string
  private readonly means: TidyingMeans
  private readonly collector: SnapshotCollector
  private readonly ending = new AbortController()
  private cancel: Cancel | undefined
  private working: Promise<void> = Promise.resolve()
  /** What was kept at the last look, as text. */
  private seen = ''
  /** Of the last look, for when the network is gone. */
  private last: { readonly storage: string | undefined; readonly incarnation: number } | undefined
  private toldMs = -Infinity

  constructor(network: string, means: TidyingMeans) {
    this.network = network
    this.means = means
    this.collector = new SnapshotCollector(network)
  }

  /** The view may show something else now. */
  look(): void {
    const view = this.means.view()
    const incarnation = view?.snapshots.lineage?.value.incarnation
    if (view === undefined || incarnation === undefined || this.ending.signal.aborted) return
    const storage = storageOf(view)
    this.last = { storage, incarnation }
    const { committed, kept } = view.snapshots
    const seen = JSON.stringify([isOver(view), committed?.value.id, [...kept.keys()], storage])
    if (seen === this.seen) return
    this.seen = seen
    this.due(tidyMs)
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.ending.abort()
    this.cancel?.()
    await this.working
  }

  /** The network is gone from the store, and all that was kept with it. What is not deleted now stays. */
  async purge(): Promise<void> {
    const { last } = this
    this.cancel?.()
    await this.working
    if (last === undefined || this.ending.signal.aborted) return
    const { incarnation } = last
    const overBelow = Number.MAX_SAFE_INTEGER
    const facts: CollectorFacts = { incarnation, lastCommitted: undefined, overBelow, kept: [] }
    this.working = this.attempt(async (signal) => {
      const storage = await this.means.storages.open(last.storage)
      const collector = new SnapshotCollector(this.network)
      // Of earlier incarnations only what was found twice is deleted.
      for (let quiet = 0; quiet < 2 && !signal.aborted;) {
        const deleted = await collector.collect(storage, () => facts, signal)
        quiet = deleted === 0 && collector.isAtBegin ? quiet + 1 : 0
      }
    })
    await this.working
  }

  private due(afterMs: number): void {
    if (this.cancel !== undefined) return
    this.cancel = this.means.clock.after(afterMs, () => {
      this.cancel = undefined
      this.working = this.working.then(() => this.round())
    })
  }

  private async round(): Promise<void> {
    const { last, collector } = this
    if (last === undefined || this.ending.signal.aborted) return
    const deleted = await this.attempt(async (signal) => {
      const view = this.means.view()
      const unknown = view && filesUnknown(view)
      if (unknown !== undefined) throw unknown
      const storage = await this.means.storages.open(last.storage)
      return collector.collect(storage, () => factsOf(this.means.view()), signal)
    })
    if (this.ending.signal.aborted) return
    // Not through, or it found what only the next round deletes, or was kept from it.
    if (deleted === undefined || !collector.isAtBegin || collector.hasDoubts) this.due(tidyMs)
  }

  /** Never rejects. */
  private async attempt<T>(what: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const { signal } = this.ending
    const { clock, events } = this.means
    try {
      return await what(signal)
    } catch (error) {
      const nowMs = clock.monotonic()
      if (!signal.aborted && nowMs - this.toldMs >= troubledMs) {
        this.toldMs = nowMs
        events.troubled(`deleting old snapshots of "${this.network}"`, asError(error))
      }
      return undefined
    }
  }
}

/** Where the newest version keeps its snapshots. */
function storageOf({ desired, versions }: NetworkView): string | undefined {
  return desired && versions.get(desired.value.version)?.value.flat.snapshot?.storage
}

/** Nothing of it runs, and nothing that is planned may begin. */
export function isOver({ plan, open }: NetworkView): boolean {
  return open === undefined && (plan === undefined || plan.value.instances.length === 0)
}

function factsOf(view: NetworkView | undefined): CollectorFacts | undefined {
  const lineage = view?.snapshots.lineage?.value
  if (view === undefined || lineage === undefined || filesUnknown(view) !== undefined) return undefined
  const { committed, kept } = view.snapshots
  const isOwn = committed?.value.incarnation === lineage.incarnation
  return {
    incarnation: lineage.incarnation,
    lastCommitted: isOwn ? committed.value.id : undefined,
    ...(isOver(view) && { overBelow: lineage.below }),
    kept: [...kept.values()].map(({ value }) => value),
  }
}
