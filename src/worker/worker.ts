import { assert } from '../base/assert.ts'
import { VertigoError } from '../base/errors.ts'
import type { SnapshotCommand } from '../snapshot/part.ts'
import type { Link } from '../transport/link.ts'
import { type WorkerAssignment, writerOf } from './assignment.ts'
import { Closer } from './closer.ts'
import { CycleWatch } from './cycles.ts'
import { Endings } from './endings.ts'
import { Finishing } from './finishing.ts'
import type { InstanceHost, Schedulable } from './host.ts'
import type { HostedInstance, PreparedInstance } from './hosted.ts'
import { channelsOf, endBackEdgesOf, switchingPortsOf } from './hosted-channels.ts'
import type { Instance } from './instance.ts'
import { PeerSet } from './peer-set.ts'
import { Preparation } from './preparation.ts'
import { RecordWindow } from './record-window.ts'
import { Scheduler } from './scheduler.ts'
import { HostedSnapshots } from './snapshots/hosted-snapshots.ts'
import { Secrets, withoutSecrets } from './secrets.ts'
import { setupMsMaxDefault } from './setups.ts'
import { workerCollections } from './shared.ts'
import { SwitchLimit } from './switch-limit.ts'
import { WorkerTracking } from './tracking/worker-tracking.ts'
import { memorySuspects } from './suspects.ts'
import { neverAsked } from './turn-pace.ts'
import type { OpenCollections } from '../store/collections/index.ts'
import { Wiring } from './wiring.ts'
import type { QuietProbe, WorkerMeans } from './worker-means.ts'

export type {
  CounterSink,
  InstanceCounters,
  Load,
  QuietProbe,
  WorkerEvents,
  WorkerMeans,
} from './worker-means.ts'

const always = (): boolean => true

/**
 * Hosts instances of one network in one thread. It needs no thread of its own: simulations and `--workers 0` run
 * several in one.
 *
 * What it hosts changes in two steps, over and over: `prepareNext` sets up what is new beside what runs, `switchOver`
 * puts it in force between two turns. `prepare` and `start` are the first of each, for a worker whose assignment never
 * changes. Then `drain` or nothing, `close`. All are idempotent.
 *
 * - WO-1 An instance whose id is in both assignments is not touched but for its channels.
 * - WO-2 While the worker is held, and before it has switched over, nothing is emitted and no handler is called.
 * - WO-3 When all ports have switched, each peer is told: what it has not been told before will not come.
 * - WO-4 What was received from an instance that is gone is handled all the same, up to where it ends. Its open groups
 *   are given up, without a call of their `end`.
 * - WO-5 In a plan that may change, an instance is said to have finished when all that it has sent has arrived: a plan
 *   without it closes the links of its worker.
 */
export class Worker {
  /** The latest that was prepared, or is being. */
  assignment: WorkerAssignment
  private readonly means: WorkerMeans
  private readonly scheduler: Scheduler
  private readonly shared: OpenCollections
  private readonly peers: PeerSet
  private readonly wiring: Wiring
  private readonly tracking: WorkerTracking
  private readonly host: InstanceHost
  /** By id: those that are made and not yet started, and those that run, have finished or failed. */
  private readonly prepared = new Map<number, HostedInstance>()
  private readonly running = new Map<number, HostedInstance>()
  private readonly hostedOf = new Map<Schedulable, HostedInstance>()
  private readonly closer: Closer
  /** Of its instances. */
  readonly secrets = new Secrets()
  private readonly records = new RecordWindow()
  private readonly finishing: Finishing
  private readonly endings: Endings
  private readonly cycles: CycleWatch
  private readonly snapshots: HostedSnapshots
  private preparation: Preparation | undefined
  private next: readonly PreparedInstance[] | undefined
  /** Of the assignment that is in force. */
  private generation = 0
  private alive: ReadonlySet<number> = new Set()
  private isSwitching = false
  private owesSwitched = false
  private isHeld = false
  private onRelease: (() => void)[] = []
  private readonly switchLimit: SwitchLimit
  private touched = new Set<Instance>()
  private lastTurn: Instance | undefined
  private state: 'open' | 'failed' | 'closed' = 'open'

  constructor(assignment: WorkerAssignment, means: WorkerMeans) {
    this.assignment = assignment
    this.means = { ...means, events: withoutSecrets(means.events, this.secrets) }
    this.shared = workerCollections(means.openStore, means)
    const { mayAct = always } = means
    this.scheduler = new Scheduler(means.clock, {
      mayAct,
      turn: (instance) => this.onTurn(instance),
      sliceEnd: (isIdle, isOwnTurn) => this.onSliceEnd(isIdle, isOwnTurn),
    })
    this.tracking = new WorkerTracking({
      worker: assignment.worker,
      random: means.random,
      peer: (worker) => this.peers.known(worker),
      requestFlush: () => this.scheduler.request(),
    })
    this.peers = new PeerSet({
      mayAct,
      arrived: () => this.scheduler.run(),
      creditDue: () => this.scheduler.request(),
      switched: () => this.endStaleInputs(),
      cycle: (worker, frame) => this.cycles.received(worker, frame),
      tracking: this.tracking,
      failed: (worker, error) => {
        if (means.events.linkFailed === undefined) this.fail(error)
        else means.events.linkFailed(worker, error)
      },
    })
    this.wiring = new Wiring(assignment.worker, this.peers, means)
    this.finishing = new Finishing(this.peers, ({ id }) => means.events.instanceFinished?.(id))
    this.endings = new Endings(this.means, this.running, {
      finished: (hosted) => this.snapshots.finished(hosted),
      over: (hosted, isLast) => this.onOver(hosted, isLast),
    })
    this.cycles = new CycleWatch({
      clock: means.clock,
      peers: this.peers,
      hosted: (id) => this.running.get(id),
      mayEnd: () => !this.isHeld && this.hasSwitched,
    })
    const requestStep = (): void => this.scheduler.request()
    this.snapshots = new HostedSnapshots(this.means, this.assignment.network, requestStep, this.records)
    this.host = this.makeHost()
    this.closer = new Closer(means.clock)
    this.switchLimit = new SwitchLimit(means.clock, means.portSwitchMsMax, {
      isHeld: () => this.isHeld,
      switching: () => switchingPortsOf(this.running.values()),
    })
  }

  /** Prepares the assignment that it was made with. */
  async prepare(): Promise<void> {
    await this.prepareNext(this.assignment)
  }

  /** The whole network is ready: messages may flow. */
  start(): void {
    if (this.next !== undefined) this.switchOver(this.means.links ?? new Map())
  }

  /**
   * Loads kinds, makes the instances that are new, runs every `setup`. What runs goes on untouched, also where this
   * fails: then what was prepared is closed. Errors name the component; the first one ends it, whatever the other
   * instances still do.
   *
   * A call while another one is under way takes its place, and what both have in common; the earlier one is fulfilled
   * with false.
   */
  async prepareNext(assignment: WorkerAssignment): Promise<boolean> {
    if (this.state !== 'open') throw new VertigoError('STOPPED', 'the worker has ended')
    this.preparation?.supersede()
    this.next = undefined
    this.assignment = assignment
    this.closePrepared(new Set(assignment.instances.map(({ id }) => id)))
    const preparation = this.makePreparation(assignment)
    this.preparation = preparation
    try {
      this.next = await preparation.run()
      return true
    } catch (error) {
      if (this.preparation !== preparation && this.isOpen) return false
      this.closePrepared(new Set())
      throw error
    } finally {
      if (this.preparation === preparation) this.preparation = undefined
    }
  }

  /**
   * The generation that was prepared is open: its channels are in force from now on, its new instances begin, and what
   * is not in it any more ends. Ports with an open group or batch follow when that is closed.
   *
   * `links`: to all peers of the assignment, and `unlinkedPeers`, whose link is new. Those that are known keep theirs.
   */
  switchOver(links: ReadonlyMap<number, Link>): void {
    const { next, assignment } = this
    if (this.state !== 'open') return
    assert(next !== undefined, 'a switch comes after its preparation')
    this.next = undefined
    this.generation = assignment.generation
    this.alive = new Set([...assignment.workers, assignment.worker])
    this.isSwitching = true
    this.owesSwitched = assignment.generation > 0
    const isAlive = (worker: number): boolean => this.alive.has(worker)
    const removed = this.takeRemoved(next)
    this.snapshots.switched(removed)
    for (const { hosted, assigned } of next) hosted.assigned = assigned
    for (const hosted of removed) hosted.assigned = { ...hosted.assigned, inputs: [], outputs: [] }
    const all = [...this.running.values(), ...removed]
    for (const hosted of all) this.wiring.dropOutputs(hosted, isAlive)
    for (const hosted of [...next.map((each) => each.hosted), ...removed])
      this.wiring.switchInputs(hosted, isAlive)
    for (const each of next) this.wiring.switchOutputs(each, assignment, () => this.onPortSwitched())
    for (const hosted of removed) this.remove(hosted)
    this.peers.keepOnly(isAlive)
    this.release()
    this.begin(next)
    this.isSwitching = false
    this.peers.attach(links)
    this.onPortSwitched()
    this.endStaleInputs()
    this.switchLimit.begin()
    this.cycles.begin(assignment)
    this.scheduler.request()
    if (this.running.size === 0) this.means.events.finished()
  }

  /**
   * Peers without a link. More than those of the assignment: a channel that was prepared and is in no plan any more has to
   * hear of its end as well.
   */
  get unlinkedPeers(): readonly number[] {
    return this.peers.unlinked
  }

  /** Links that peers of the plan ask for by themselves. */
  attach(links: ReadonlyMap<number, Link>): void {
    if (this.state !== 'open') return
    this.peers.attach(new Map([...links].filter(([worker]) => this.alive.has(worker))))
  }

  /** Nothing is emitted until `release` or the next `switchOver`; what arrives waits. */
  hold(): void {
    if (this.isHeld || this.state !== 'open') return
    this.isHeld = true
    this.scheduler.hold()
    this.peers.hold()
    for (const { instance } of this.running.values()) instance.hold()
  }

  /** The generation of before is open again. Frames that have waited go last: where they may not leave, all of it is held anew. */
  release(): void {
    if (!this.isHeld) return
    this.isHeld = false
    this.scheduler.release()
    for (const { instance } of this.running.values()) instance.goOn()
    this.peers.release()
    while (!this.isHeld && this.onRelease.length > 0) this.onRelease.shift()!()
  }

  /** What is said about snapshots of another generation is not for it (PT-1). */
  snapshot(command: SnapshotCommand): void {
    this.host.whenOpen(() => {
      if (this.state !== 'open' || command.generation !== this.generation) return
      this.snapshots.obey(command, this.running.values(), () => this.hold())
    })
  }

  /** Sources end; what is on its way is handled. */
  drain(): void {
    for (const { instance } of this.running.values()) instance.drain()
  }

  /** Stops at once. Errors of the authors' `close` come as one, after all were called. */
  async close(): Promise<void> {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.preparation?.supersede()
    this.switchLimit.cancel()
    this.cycles.stop()
    this.scheduler.stop()
    this.snapshots.close()
    this.peers.close()
    // Told of each, so that a `close` that blocks the thread for ever can be named.
    const closed = this.closer.closeAll(this.allHosted(), (instance) => this.onTurn(instance))
    try {
      await closed
    } finally {
      await this.shared.close()
    }
  }

  /** The instances in the order of the assignment, for testers, which look at them. */
  get hosted(): readonly Instance[] {
    return this.allHosted().map(({ instance }) => instance)
  }

  /** Both kinds of ends of channels by their numbers, as they are now: for those who compare them with a plan. */
  get channels(): { readonly inputs: readonly number[]; readonly outputs: readonly number[] } {
    return channelsOf([...this.running.values()])
  }

  /** What the end of a network with cycles is recognized by; see `QuietProbe`. */
  probe(): QuietProbe {
    const isQuiet = this.scheduler.isIdle && this.allHosted().every(({ instance }) => instance.isQuiet)
    return { isQuiet, framesSent: this.peers.framesSent, framesReceived: this.peers.framesReceived }
  }

  /** Ends the edges that close cycles, once nothing is on its way any more. */
  endBackEdges(): void {
    endBackEdgesOf(this.running.values())
  }

  /** Who may be to blame where the worker uses too much memory: the last at work, and where messages wait. */
  memorySuspects(): ReturnType<typeof memorySuspects> {
    return memorySuspects(this.lastTurn?.place, this.hosted)
  }

  /** All ports have followed the last switch: none waits for an open group or batch. */
  get hasSwitched(): boolean {
    return !this.owesSwitched
  }

  private get isOpen(): boolean {
    return this.state === 'open'
  }

  private allHosted(): readonly HostedInstance[] {
    const order = new Map(this.assignment.instances.map(({ id }, at) => [id, at]))
    const all = [...this.running.values(), ...this.prepared.values()]
    return all.toSorted((a, b) => (order.get(a.id) ?? -1) - (order.get(b.id) ?? -1))
  }

  private makePreparation(assignment: WorkerAssignment): Preparation {
    const { counters, setupMsMax = setupMsMaxDefault } = this.means
    const known = (id: number): HostedInstance | undefined => this.running.get(id) ?? this.prepared.get(id)
    return new Preparation(assignment, known, {
      ...this.means,
      setupMsMax,
      secrets: this.secrets,
      host: this.host,
      wiring: this.wiring,
      made: (hosted) => {
        this.prepared.set(hosted.id, hosted)
        this.hostedOf.set(hosted.instance, hosted)
      },
      restore: (hosted) => this.snapshots.begin(hosted),
      ready: (hosted) => counters.ready(hosted.assigned.index),
    })
  }

  /** Those that have been made and will not begin. */
  private closePrepared(keep: ReadonlySet<number>): void {
    for (const [id, hosted] of this.prepared) {
      if (keep.has(id)) continue
      this.prepared.delete(id)
      this.wiring.removeInputs(hosted, [...hosted.inputs.keys()])
      this.snapshots.forget(hosted)
      this.closer.close(hosted)
    }
  }

  /** Takes out what the next assignment is without, and moves what begins with it to what runs. */
  private takeRemoved(next: readonly PreparedInstance[]): readonly HostedInstance[] {
    const wanted = new Set(next.map(({ hosted }) => hosted.id))
    const removed = [...this.running.values()].filter(({ id }) => !wanted.has(id))
    for (const { id } of removed) this.running.delete(id)
    return removed
  }

  /** What has not come to its end by itself is cut off: its targets hear that it has ended, its sources are not held up. */
  private remove(hosted: HostedInstance): void {
    this.wiring.abandonOutputs(hosted)
    hosted.component?.inbox.discardAll()
    this.closer.close(hosted)
  }

  private begin(next: readonly PreparedInstance[]): void {
    for (const { hosted } of next) {
      this.running.set(hosted.id, hosted)
      const { component, assigned } = hosted
      component?.follow(assigned, this.generation > 0)
    }
    for (const { hosted } of next) {
      const { instance, id, assigned } = hosted
      if (this.prepared.delete(id)) {
        this.touched.add(instance)
        if (this.isHeld) instance.hold()
        this.host.whenOpen(() => {
          if (instance.state !== 'closed') instance.start()
        })
      }
      instance.isLeaving = assigned.draining
      if (assigned.draining) instance.drain()
      else instance.wake()
    }
  }

  private onPortSwitched(): void {
    if (this.isSwitching || !this.owesSwitched || switchingPortsOf(this.running.values()).length > 0) return
    this.owesSwitched = false
    this.switchLimit.cancel()
    this.peers.sendSwitched(this.generation)
    this.endStaleInputs()
  }

  /** Channels whose sources, as we know by now, will never end them. */
  private endStaleInputs(): void {
    const isStale = (worker: number): boolean => {
      if (!this.alive.has(worker)) return true
      return (this.peers.known(worker)?.generation ?? 0) >= this.generation
    }
    for (const hosted of this.running.values()) this.wiring.endStaleInputs(hosted, isStale)
  }

  private makeHost(): InstanceHost {
    const { clock, random, events } = this.means
    const taken = (): void => this.records.taken()
    return {
      clock,
      random,
      shared: this.shared,
      dev: this.means.dev ?? false,
      emitPerMessageMax: this.assignment.emitPerMessageMax,
      tracking: this.tracking,
      schedule: (instance) => this.scheduler.schedule(instance),
      framesPending: (instance) => this.scheduler.framesPending(instance),
      whenOpen: (action) => {
        if (this.isHeld) this.onRelease.push(action)
        else action()
      },
      finished: (instance) => this.endings.finished(this.hostedOf.get(instance)!),
      failed: (instance, error) => {
        if (this.means.isolates && this.isOpen) events.failed(error, this.hostedOf.get(instance)?.id)
        else this.fail(error)
      },
      rejected: (reporter, record) => events.rejected(record, this.records.rejected(reporter)),
      logged: (reporter, record) => {
        this.records.reported(reporter)
        events.logged(record, taken)
      },
      writerOf: (...copy) => writerOf(this.assignment, ...copy),
      mayAct: () => (this.means.mayAct ?? always)(),
      yieldAsked: this.means.counters.yieldAsked ?? neverAsked,
      publicationChanged: (instance) => this.endings.publicationChanged(this.hostedOf.get(instance)!),
      metricMade: (record) => events.metric(record),
      takesSnapshots: () => this.assignment.takesSnapshots === true,
      guarantee: () => this.assignment.guarantee,
      late: (instance, ...late) => this.snapshots.late(this.hostedOf.get(instance)!, ...late),
      inSlices: (work) => this.snapshots.inSlices(work),
      cut: (instance, ...cut) => this.snapshots.cut(this.hostedOf.get(instance)!, ...cut),
    }
  }

  private onOver(hosted: HostedInstance, isLast: boolean): void {
    this.writeCounters([hosted.instance])
    if (this.state !== 'open') return
    if (this.generation > 0) {
      this.closer.close(hosted)
      this.finishing.add(hosted)
    } else this.means.events.instanceFinished?.(hosted.id)
    if (isLast) this.means.events.finished()
  }

  private onTurn(instance: Schedulable | undefined): void {
    if (instance === undefined) {
      this.means.counters.running(-1)
      return
    }
    this.lastTurn = instance as Instance
    this.touched.add(this.lastTurn)
    this.means.counters.running(this.hostedOf.get(instance)?.assigned.index ?? -1)
  }

  private onSliceEnd(isIdle: boolean, isOwnTurn: boolean): boolean {
    if (this.state === 'open') this.finishing.check()
    this.tracking.flush()
    const waits = [this.peers.sendCredit(isIdle), this.snapshots.sliceEnd(isOwnTurn)].includes(true)
    this.writeCounters(this.touched)
    this.touched.clear()
    const error = this.means.overLimit?.()
    if (error !== undefined) this.fail(error)
    return waits
  }

  private writeCounters(instances: Iterable<Instance>): void {
    for (const instance of instances) {
      const hosted = this.hostedOf.get(instance)
      if (hosted === undefined) continue
      this.means.counters.write(hosted.assigned.index, hosted.counters)
    }
  }

  private fail(error: unknown): void {
    if (this.state !== 'open') return
    this.state = 'failed'
    this.cycles.stop()
    this.scheduler.stop()
    this.means.events.failed(error)
  }
}
