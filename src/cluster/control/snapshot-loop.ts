import type { Cancel, Clock } from '../../base/clock.ts'
import { asError, errorFromData, isVertigoError, VertigoError } from '../../base/errors.ts'
import { SnapshotCoordinator, snapshotTimesOf } from '../../snapshot/coordinator.ts'
import type { AbortReason, CoordinatorEffect, CoordinatorEvent } from '../../snapshot/coordinator-events.ts'
import type { InstanceManifest } from '../../snapshot/manifest.ts'
import { defaultSnapshotMode, type PartReport, type SnapshotBegin } from '../../snapshot/part.ts'
import { inlineBytesMaxOf } from '../../snapshot/small-files.ts'
import { isHoldLost, type Leadership } from '../../store/recipes/index.ts'
import {
  type ClusterView,
  inlineProtocol,
  type NetworkView,
  type NodeId,
  type Plan,
  type SnapshotRecord,
} from '../protocol/index.ts'
import { LostFiles } from './lost-files.ts'
import type { ManagerEvents } from './manager-events.ts'
import { SnapshotCommit, type SnapshotPlace, type SnapshotStorages } from './snapshot-commit.ts'
import { SnapshotFailures } from './snapshot-failures.ts'
import { isGoneOnFrom, snapshotNeeds, type SnapshotNeeds } from './snapshot-needs.ts'
import { isOver, SnapshotTidying } from './snapshot-tidying.ts'
import { abortTransaction, takeIds } from './snapshot-transactions.ts'

/**
 * Takes the snapshots of one network as long as a manager leads: the shell around the coordinator.
 *
 * - SL-1 What the coordinator is told of generations and commits is what the store says. After a commit it goes on when the view shows
 *   that commit, so the next one stands on it.
 * - SL-2 Nothing is told over connections but what begins, what is given up, and the parts. Who does not hear of an end learns it from
 *   the store, or from the next beginning.
 * - SL-4 Where the files of the snapshots are gone, the next one is taken whole: what runs has all of it (`lost-files.ts`).
 * - SL-3 Errors of the store and of the storage abort a snapshot, never the network.
 */
export interface SnapshotMeans {
  readonly clock: Clock
  readonly events: ManagerEvents
  readonly view: ClusterView
  readonly leadership: Leadership
  readonly takers: SnapshotTakers
  readonly storages: SnapshotStorages
  /** See `SnapshotMode`; of networks that do not say it. */
  readonly alignMsMax?: number
  /** Default: every storage will do. */
  readonly places?: SnapshotPlaces
}

export interface SnapshotPlaces extends SnapshotPlace {
  /**
   * Rejects where a storage cannot hold the snapshots of a network: all of `hosts` have to see the same one. True where nothing is there of
   * what the network had in it.
   */
  check(network: string, address: string | undefined, hosts: readonly NodeId[]): Promise<boolean>
}

/** The nodes, as far as they have a part in snapshots. */
export interface SnapshotTakers {
  /**
   * Lets a node take its part: the parts of its instances, as they come. When the signal is aborted, the node is told that the snapshot has
   * come to nothing.
   */
  take(node: NodeId, network: string, begin: SnapshotBegin, signal: AbortSignal): AsyncIterable<PartReport>
}

/** Between two failures that are told, and between two times that a barrier is held up at the same instance. */
const troubledMs = 60_000

type Effect = CoordinatorEffect<InstanceManifest>
type Event = CoordinatorEvent<InstanceManifest>
type Coordinator = SnapshotCoordinator<InstanceManifest> | undefined

/** What a snapshot in flight was begun with. */
interface Flight {
  readonly plan: Plan
  readonly committed: SnapshotRecord | undefined
  readonly needs: SnapshotNeeds
  readonly incarnation: number
  readonly giveUp: AbortController
}

export class SnapshotLoop {
  private readonly network: string
  private readonly means: SnapshotMeans
  private readonly commit: SnapshotCommit
  private readonly tidying: SnapshotTidying
  private readonly failures = new SnapshotFailures()
  private readonly lost: LostFiles
  private coordinator: Coordinator
  private times = ''
  private ids: { next: number; readonly below: number; readonly incarnation: number } | undefined
  private flight: Flight | undefined
  private revision = 0
  private waitsForRevision: { readonly revision: number; readonly done: () => void } | undefined
  private cancel: Cancel = () => undefined
  private readonly working = new Set<Promise<void>>()
  private isClosed = false
  private toldMs = -Infinity
  /** By instance. */
  private readonly lateToldMs = new Map<number, number>()

  constructor(network: string, means: SnapshotMeans) {
    this.network = network
    this.means = means
    this.commit = new SnapshotCommit(network, means)
    this.lost = new LostFiles(network, (error) => this.troubled(`the snapshots of "${network}"`, error))
    this.tidying = new SnapshotTidying(network, { ...means, view: () => this.view })
  }

  /** The view shows this revision now. */
  facts(revision: number): void {
    this.revision = revision
    this.look()
    this.tidying.look()
    if (this.waitsForRevision !== undefined && revision >= this.waitsForRevision.revision)
      this.waitsForRevision.done()
  }

  /** What is in flight is left to the next manager, which gives it up. */
  async close(): Promise<void> {
    this.isClosed = true
    this.cancel()
    this.flight?.giveUp.abort()
    this.waitsForRevision?.done()
    this.commit.close()
    await Promise.all([...this.working, this.tidying.close()])
  }

  /** The network is gone from the store: so are its snapshots, and their files go as well. */
  async forgotten(): Promise<void> {
    await this.tidying.purge()
    await this.close()
  }

  private get view(): NetworkView | undefined {
    return this.means.view.networks.get(this.network)
  }

  /** Tells the coordinator what the store says. */
  private look(): void {
    const { view } = this
    const needs = view && snapshotNeeds(view)
    if (view !== undefined && isOver(view)) {
      // Files below the next block are nobody's then, and are deleted (CO-2).
      this.ids = undefined
      this.failures.over()
    }
    if (view === undefined || needs === undefined) {
      this.tell({ type: 'closed', reason: { type: 'generation' } })
      return
    }
    this.use(needs)
    const plan = view.plan!.value
    // A commit that was told but does not show yet would let the next one stand on the one before (SL-1).
    this.tell({ type: 'wanted', names: [...view.snapshots.wanted.keys()], isUrgent: needs.isUrgent })
    const instances = plan.instances.map(({ id }) => id as number)
    if (isGoneOnFrom(plan, view.snapshots.committed?.value))
      this.tell({ type: 'opened', generation: plan.generation, instances })
    else this.tell({ type: 'closed', reason: { type: 'generation' } })
  }

  /** A change of the times is one of the network's version, so of the generation. */
  private use({ options }: SnapshotNeeds): void {
    const times = snapshotTimesOf(options)
    const text = JSON.stringify(times)
    if (this.times === text) return
    this.tell({ type: 'closed', reason: { type: 'generation' } })
    this.times = text
    this.coordinator = new SnapshotCoordinator(times)
  }

  private tell(event: Event, to = this.coordinator): void {
    if (to === undefined || to !== this.coordinator || this.isClosed) return
    for (const effect of to.handle(event, this.means.clock.monotonic())) this.carryOut(effect, to)
    this.wakeInTime()
  }

  private wakeInTime(): void {
    this.cancel()
    const wakeAtMs = this.coordinator?.wakeAtMs
    if (wakeAtMs === undefined || this.isClosed) return
    const afterMs = Math.max(1, Math.ceil(wakeAtMs - this.means.clock.monotonic()))
    this.cancel = this.means.clock.after(afterMs, () => this.tell({ type: 'time' }))
  }

  private carryOut(effect: Effect, to: SnapshotCoordinator<InstanceManifest>): void {
    switch (effect.type) {
      case 'allocate':
        this.work(async () => this.tell(await this.allocated(), to))
        break
      case 'begin':
        this.begin(effect, to)
        break
      case 'commit':
        this.work(() => this.write(effect, to))
        break
      case 'abort':
        this.work(() => this.abort(effect))
        break
    }
  }

  private async allocated(): Promise<Event> {
    const { clock, leadership } = this.means
    try {
      const { view } = this
      if (view === undefined) return { type: 'not-allocated' }
      // An imported snapshot begins another incarnation.
      const isOld = this.ids?.incarnation !== view.snapshots.lineage?.value.incarnation
      if (this.ids === undefined || isOld || this.ids.next >= this.ids.below) {
        const { transaction, first, below, incarnation } = takeIds(
          view.snapshots,
          clock.now(),
          this.means.view.cluster?.restoredAtMs,
        )
        const { succeeded, revision } = await leadership.transact(transaction, { repeat: 'once' })
        await this.seen(revision)
        if (!succeeded) return { type: 'not-allocated' }
        this.ids = { next: first, below, incarnation }
      }
      return { type: 'allocated', id: this.ids.next++ }
    } catch (error) {
      this.troubled('taking numbers for snapshots', error)
      return { type: 'not-allocated' }
    }
  }

  private begin({ generation, id }: Extract<Effect, { type: 'begin' }>, to: Coordinator): void {
    const { view, ids } = this
    const needs = view && snapshotNeeds(view)
    const plan = view?.plan?.value
    if (view === undefined || needs === undefined || plan?.generation !== generation || ids === undefined) {
      this.tell({ type: 'failed', generation, id, reason: { type: 'superseded' } }, to)
      return
    }
    const committed = view.snapshots.committed?.value
    const giveUp = new AbortController()
    const flight: Flight = { plan, committed, needs, incarnation: ids.incarnation, giveUp }
    this.flight = flight
    const { alignMsMax = this.means.alignMsMax ?? defaultSnapshotMode.alignMsMax } = needs.options
    // A full sink takes messages again when it is late: a snapshot that was given up first would leave it standing for good.
    const { timeoutMs } = snapshotTimesOf(needs.options)
    const begin: SnapshotBegin = {
      type: 'begin',
      generation,
      snapshot: id,
      incarnation: ids.incarnation,
      predecessor: committed?.id ?? null,
      isAligned: needs.isAligned,
      alignMsMax:
        needs.isQuiet || alignMsMax === null ? null : Math.min(alignMsMax, Math.floor(timeoutMs / 2)),
      inlineBytesMax: this.areNewest
        ? inlineBytesMaxOf(plan.instances.length + plan.done.length, needs.options.inlineBytesMax)
        : 0,
    }
    const nodes = [...new Set(plan.workers.map(({ node }) => node))]
    this.work(() => this.gatherFrom(nodes, begin, flight, to))
  }

  /** SM-3 */
  private get areNewest(): boolean {
    const { nodes } = this.means.view
    return [...nodes.values()].every(({ value }) => value.protocol.max >= inlineProtocol)
  }

  private async gatherFrom(
    nodes: readonly NodeId[],
    begin: SnapshotBegin,
    { plan, committed, needs, giveUp: { signal } }: Flight,
    to: Coordinator,
  ): Promise<void> {
    const { generation, snapshot: id } = begin
    try {
      const isNew = await this.means.places?.check(this.network, needs.options.storage, nodes)
      if (isNew === true && begin.predecessor !== null) this.lost.noticed()
      // Before all of the state is written for nothing.
      if (this.lost.areLost) await this.commit.checkDone(plan, committed, needs)
    } catch (error) {
      this.tell({ type: 'failed', generation, id, reason: { type: 'failed', error: asError(error) } }, to)
      return
    }
    const wanted = this.lost.areLost ? { ...begin, isWhole: true } : begin
    if (!signal.aborted) await Promise.all(nodes.map((node) => this.gather(node, wanted, signal, to)))
  }

  private async gather(
    node: NodeId,
    begin: SnapshotBegin,
    signal: AbortSignal,
    to: Coordinator,
  ): Promise<void> {
    const { generation, snapshot: id } = begin
    const { takers } = this.means
    try {
      for await (const report of takers.take(node, this.network, begin, signal)) {
        if (report.type === 'part-stored') this.tell({ ...report, type: 'part', id }, to)
        else if (report.type === 'part-failed') throw errorFromData(report.error)
        else this.late(report)
      }
    } catch (error) {
      if (signal.aborted) return
      this.tell({ type: 'failed', generation, id, reason: { type: 'failed', error: asError(error) } }, to)
    }
  }

  private late({ snapshot, instance, waitsFor }: Extract<PartReport, { type: 'part-late' }>): void {
    const nowMs = this.means.clock.monotonic()
    for (const [id, toldMs] of this.lateToldMs) if (nowMs - toldMs >= troubledMs) this.lateToldMs.delete(id)
    // Where handlers are slow, it is so in each snapshot.
    if (this.lateToldMs.has(instance)) return
    this.lateToldMs.set(instance, nowMs)
    const text = `Its barrier is held up at ${this.nameOf(instance)}: ${waitsFor}.`
    this.troubled(`snapshot ${snapshot} of "${this.network}"`, new VertigoError('SNAPSHOT_LATE', text))
  }

  private async write(effect: Extract<Effect, { type: 'commit' }>, to: Coordinator): Promise<void> {
    const { id } = effect
    const { flight, view } = this
    this.flight = undefined
    flight?.giveUp.abort()
    let reason: AbortReason | undefined
    try {
      if (flight === undefined || view === undefined) reason = { type: 'superseded' }
      else {
        const revision = await this.commit.write(effect, { ...flight, view, isWhole: this.lost.areLost })
        if (revision === undefined) reason = { type: 'superseded' }
        else {
          this.lost.mended()
          this.tellSuccess(id, view)
          await this.seen(revision)
        }
      }
    } catch (error) {
      this.lost.failed(error)
      reason = isHoldLost(error) ? { type: 'superseded' } : { type: 'failed', error: asError(error) }
    }
    this.tell(reason === undefined ? { type: 'committed', id } : { type: 'not-committed', id, reason }, to)
  }

  private tellSuccess(id: number, view: NetworkView): void {
    const failing = this.failures.now(view)
    this.failures.over()
    if (failing === undefined) return
    const { times = 1 } = failing
    this.toldMs = -Infinity
    this.means.events.decided(
      this.network,
      `snapshot ${id} is committed, after ${times} that came to nothing`,
      'snapshots-mended',
    )
  }

  /** SL-1. Fulfilled early when this is closed: whoever goes on then is not heard. */
  private seen(revision: number): Promise<void> {
    if (this.revision >= revision || this.isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      this.waitsForRevision?.done()
      const done = (): void => {
        this.waitsForRevision = undefined
        resolve()
      }
      this.waitsForRevision = { revision, done }
    })
  }

  private async abort({ generation, id, reason }: Extract<Effect, { type: 'abort' }>): Promise<void> {
    const { flight, view, means } = this
    const isLast = flight?.needs.isLast ?? (view && snapshotNeeds(view)?.isLast) ?? false
    this.flight = undefined
    flight?.giveUp.abort()
    if (reason.type === 'generation' || reason.type === 'superseded' || view === undefined) return
    const error = this.errorOf(reason)
    const { sinceMs = means.clock.now(), times = 0 } = this.failures.now(view) ?? {}
    this.tellFailure(id, error, times)
    const record = {
      id,
      generation: generation as Plan['generation'],
      atMs: means.clock.now(),
      isLast,
      code: error.code,
      reason: error.message,
      remedy: error.remedy,
      sinceMs,
      times: times + 1,
    }
    this.failures.aborted(record)
    try {
      const transaction = abortTransaction(view, record)
      if (transaction !== undefined) await means.leadership.transact(transaction, { repeat: 'harmless' })
    } catch (failed) {
      // Where it is the same trouble, it is told.
      if (isVertigoError(failed) && failed.code === error.code) return
      this.troubled(`telling that snapshot ${id} of "${this.network}" came to nothing`, failed)
    }
  }

  /** Each of them would be too much to read. */
  private tellFailure(id: number, error: VertigoError, times: number): void {
    const { clock, events } = this.means
    const nowMs = clock.monotonic()
    if (times === 0)
      events.decided(
        this.network,
        `snapshot ${id} came to nothing: ${error.code}: ${error.message}`,
        'snapshots-failing',
      )
    if (times > 0 && nowMs - this.toldMs < troubledMs) return
    this.toldMs = nowMs
    this.troubled(`snapshot ${id} of "${this.network}"`, error)
  }

  private errorOf(reason: Extract<AbortReason, { type: 'failed' | 'timed-out' }>): VertigoError {
    if (reason.type === 'failed') {
      const { error } = reason
      return isVertigoError(error) ? error : new VertigoError('INTERNAL', error.message, { cause: error })
    }
    const [first, ...others] = reason.late
    const who = first === undefined ? 'nobody' : this.nameOf(first)
    const more = others.length === 0 ? '' : ` and ${others.length} more`
    const text = `It was not whole after ${reason.timeoutMs} ms: ${who}${more} had not given its part.`
    return new VertigoError('SNAPSHOT_TIMED_OUT', text)
  }

  private nameOf(id: number): string {
    const found = this.view?.plan?.value.instances.find((one) => (one.id as number) === id)
    return found === undefined ? `instance ${id}` : `${found.component}[${found.index}]`
  }

  private work(what: () => Promise<void>): void {
    const done: Promise<void> = what()
      .catch((error: unknown) => this.troubled(`the snapshots of "${this.network}"`, error))
      .finally(() => this.working.delete(done))
    this.working.add(done)
  }

  private troubled(what: string, error: unknown): void {
    if (!this.isClosed) this.means.events.troubled(what, asError(error))
  }
}
