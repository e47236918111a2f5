import type { Clock } from '../base/clock.ts'
import { asError, isVertigoError, VertigoError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { LogRecord } from '../component/context.ts'
import type { OutputChannel } from '../messaging/output-channel.ts'
import { Peer } from '../messaging/remote.ts'
import type { Link } from '../transport/link.ts'
import type { InstanceAssignment, ModuleAddress, WorkerAssignment } from './assignment.ts'
import type { InstanceHost, RejectedMessage, Schedulable } from './host.ts'
import type { Instance } from './instance.ts'
import { makeInstance } from './make-instance.ts'
import type { MetricRecord } from './metrics.ts'
import { RecordWindow } from './record-window.ts'
import { Scheduler } from './scheduler.ts'
import { runSetups, setupMsMaxDefault } from './setups.ts'
import { type OpenSharedStore, workerCollections } from './shared.ts'
import { suspects } from './suspects.ts'
import type { OpenCollections } from '../store/collections/index.ts'
import { Wiring } from './wiring.ts'

/** Imports what an address names: a kind, a hook, a selector, or anything else of the user's. */
export type Load = (module: ModuleAddress) => Promise<unknown>

/** What the worker tells. */
export interface WorkerEvents {
  /** All instances have finished. */
  finished(): void
  failed(error: unknown): void
  /** `taken` is called when the record waits nowhere any more; with many that wait, those who report are paused. */
  rejected(record: RejectedMessage, taken: () => void): void
  logged(record: LogRecord, taken: () => void): void
  /** An instance has made a metric. */
  metric(record: MetricRecord): void
}

/** Counters of the instances, by their index; written once a slice, read by whoever shows them. */
export interface CounterSink {
  write(index: number, counters: InstanceCounters): void
  /** The instance that has its turn; -1 between turns. */
  running(index: number): void
  /** The instance has been set up. */
  ready(index: number): void
}

export interface InstanceCounters {
  readonly received: number
  readonly sent: number
  readonly queued: number
  readonly rejected: number
  /** An output has no credit, or what it reported waits to be taken. */
  readonly isBlocked: boolean
  readonly isFinished: boolean
}

export interface WorkerMeans {
  readonly clock: Clock
  readonly random: Random
  readonly load: Load
  /** Ends of the links to the peers, by worker. */
  readonly links: ReadonlyMap<number, Link>
  readonly events: WorkerEvents
  readonly counters: CounterSink
  /** What kinds in the main thread reach the caller's code by. */
  readonly bridge?: object
  /** The store behind `context.shared`; without it, using that is an error. */
  readonly openStore?: OpenSharedStore
  /** Whether messages are checked against schemas of ports: at the network's edges, everywhere, or not at all. */
  readonly check: 'edges' | 'all' | 'none'
  /** Development mode: messages and state cannot be changed in place, and every message is a copy. Default false. */
  readonly dev?: boolean
  /** How long loading, and then `setup`, of an instance may take, in milliseconds. Default 60,000. */
  readonly setupMsMax?: number
  /** Asked between slices: an error where the worker uses more than it may. */
  readonly overLimit?: () => VertigoError | undefined
}

/**
 * Whether a worker has come to rest. A network with cycles is at its end when all its workers are quiet and all frames
 * that were sent have been received, twice in a row with the same numbers (Mattern's four-counter method, 1987).
 */
export interface QuietProbe {
  /** Sources have ended, and nothing waits, runs or is about to. */
  readonly isQuiet: boolean
  readonly framesSent: number
  readonly framesReceived: number
}

/** How long the authors' `close` may take before the worker goes on without it. */
const closeMsMax = 5_000

/** How long a `setup` that is under way may take to notice the signal when the worker is closed. */
const lateSetupMsMax = 500

/**
 * Hosts instances of one network in one thread. It needs no thread of its own: simulations and `--workers 0` run
 * several in one.
 *
 * Order of calls: `prepare`, `start`, then `drain` or nothing, `close`. All are idempotent.
 */
export class Worker {
  readonly assignment: WorkerAssignment
  private readonly means: WorkerMeans
  private readonly scheduler: Scheduler
  private readonly shared: OpenCollections
  private readonly peers = new Map<number, Peer>()
  private readonly instances: Instance[] = []
  private readonly indexOf = new Map<Schedulable, number>()
  private readonly records = new RecordWindow()
  private creditDue: Peer[] = []
  private creditWaits = false
  private touched = new Set<Instance>()
  private unfinished = 0
  private backEdges: readonly OutputChannel[] = []
  private lastTurn: Instance | undefined
  /** Aborted by `close`, for what `prepare` still waits for. */
  private readonly preparing = new AbortController()
  private state: 'new' | 'prepared' | 'running' | 'failed' | 'closed' = 'new'

  constructor(assignment: WorkerAssignment, means: WorkerMeans) {
    this.assignment = assignment
    this.means = means
    this.shared = workerCollections(means.openStore, means)
    this.scheduler = new Scheduler(means.clock, {
      turn: (instance) => this.onTurn(instance),
      sliceEnd: (isIdle) => this.onSliceEnd(isIdle),
    })
  }

  /**
   * Loads kinds, makes instances, runs every `setup`. Errors name the component; the first one ends it, whatever the
   * other instances still do: `close` frees what they have opened.
   */
  async prepare(): Promise<void> {
    const host = this.makeHost()
    for (const peer of this.assignment.peers) this.peers.set(peer, this.makePeer(peer))
    const made = await this.forEach((assigned) => makeInstance(assigned, host, this.means))
    const wiring = new Wiring(this.assignment, this.peers, this.means)
    for (const [i, instance] of made.entries()) {
      this.instances.push(instance)
      this.indexOf.set(instance, this.assignment.instances[i]!.index)
    }
    await wiring.connect(this.instances)
    this.backEdges = wiring.backEdges
    await this.forEach(async (assigned, i) => {
      await this.instances[i]!.setup()
      this.means.counters.ready(assigned.index)
    })
    this.preparing.signal.throwIfAborted()
    this.unfinished = this.instances.length
    this.state = 'prepared'
  }

  /** The whole network is ready: messages may flow. */
  start(): void {
    if (this.state !== 'prepared') return
    this.state = 'running'
    for (const peer of this.peers.values()) peer.open((error) => this.fail(error))
    for (const instance of this.instances) {
      this.touched.add(instance)
      instance.start()
    }
    if (this.instances.length === 0) this.means.events.finished()
  }

  /** Sources end; what is on its way is handled. */
  drain(): void {
    for (const instance of this.instances) instance.drain()
  }

  /** Stops at once. Errors of the authors' `close` come as one, after all were called. */
  async close(): Promise<void> {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.preparing.abort(new VertigoError('STOPPED', 'the worker was closed while it was being prepared'))
    this.scheduler.stop()
    for (const peer of this.peers.values()) peer.close()
    const closing = new Set(this.instances)
    const closed = Promise.allSettled(
      this.instances.map((instance) => {
        // Told, so that a `close` that blocks the thread for ever can be named.
        this.onTurn(instance)
        return instance.close().finally(() => closing.delete(instance))
      }),
    )
    this.onTurn(undefined)
    const results = await this.within(closed, closeMsMax)
    // A `setup` that goes on all the same closes what it has opened when it is done.
    await this.within(
      Promise.allSettled(this.instances.map((instance) => instance.lateSetup)),
      lateSetupMsMax,
    )
    await this.shared.close()
    if (results === 'late') throw closeTimeout([...closing].map(({ place }) => place))
    const failures = results.flatMap((result, i) =>
      result.status === 'rejected' ? [this.closeError(this.instances[i]!, result.reason)] : [],
    )
    const [first] = failures
    if (first !== undefined) throw first
  }

  /** The instances in the order of the assignment, for testers, which look at them. */
  get hosted(): readonly Instance[] {
    return this.instances
  }

  /** What the end of a network with cycles is recognized by; see `QuietProbe`. */
  probe(): QuietProbe {
    let framesSent = 0
    let framesReceived = 0
    for (const peer of this.peers.values()) {
      framesSent += peer.framesSent
      framesReceived += peer.framesReceived
    }
    const isQuiet = this.scheduler.isIdle && this.instances.every((instance) => instance.isQuiet)
    return { isQuiet, framesSent, framesReceived }
  }

  /** Ends the edges that close cycles, once nothing is on its way any more. */
  endBackEdges(): void {
    for (const channel of this.backEdges) channel.end()
  }

  /** Who may be to blame where the worker uses too much memory: the last at work, and where messages wait. */
  memorySuspects(): { readonly component: string | undefined; readonly text: string } {
    const { component, name, hosts } = suspects(
      this.lastTurn?.place,
      this.instances.map((instance) => instance.place),
    )
    const waiting = this.instances.filter((instance) => instance.queuedMessages > 0)
    const queues = waiting
      .map((instance) => `${instance.queuedMessages} messages at ${instance.place}`)
      .join(', ')
    return {
      component,
      text: `${name} was at work last. ${hosts}${queues === '' ? '' : ` Waiting: ${queues}.`}`,
    }
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
      schedule: (instance) => this.scheduler.schedule(instance),
      framesPending: (instance) => this.scheduler.framesPending(instance),
      finished: () => {
        this.unfinished--
        if (this.unfinished > 0) return
        // The last frames and counters go out before anyone is told.
        clock.soon(() => {
          this.writeCounters(this.instances)
          if (this.state === 'running') events.finished()
        })
      },
      failed: (_instance, error) => this.fail(error),
      rejected: (reporter, record) => {
        this.records.reported(reporter)
        events.rejected(record, taken)
      },
      logged: (reporter, record) => {
        this.records.reported(reporter)
        events.logged(record, taken)
      },
      metricMade: (record) => events.metric(record),
    }
  }

  private makePeer(worker: number): Peer {
    const link = this.means.links.get(worker)
    if (link === undefined) throw new VertigoError('INTERNAL', `no link to worker ${worker}`)
    return new Peer(
      link,
      () => this.scheduler.run(),
      (peer) => {
        this.creditDue.push(peer)
        this.scheduler.request()
      },
    )
  }

  private onTurn(instance: Schedulable | undefined): void {
    if (instance === undefined) {
      this.means.counters.running(-1)
      return
    }
    this.lastTurn = instance as Instance
    this.touched.add(this.lastTurn)
    this.means.counters.running(this.indexOf.get(instance) ?? -1)
  }

  private onSliceEnd(isIdle: boolean): boolean {
    const waits = this.sendCredit(isIdle)
    this.writeCounters(this.touched)
    this.touched.clear()
    const error = this.means.overLimit?.()
    if (error !== undefined) this.fail(error)
    return waits
  }

  /**
   * Where nothing else is to be done, credit waits for one turn of the event loop, and goes with a parcel if one is sent
   * by then: an answer that is under way would else be a second message. Gives whether it waits.
   */
  private sendCredit(isIdle: boolean): boolean {
    if (this.creditDue.length === 0) return false
    if (isIdle && !this.creditWaits && this.creditDue.some((peer) => peer.owesCredit)) {
      this.creditWaits = true
      return true
    }
    this.creditWaits = false
    const due = this.creditDue
    this.creditDue = []
    for (const peer of due) peer.flushCredit()
    return false
  }

  private writeCounters(instances: Iterable<Instance>): void {
    for (const instance of instances) {
      this.means.counters.write(this.indexOf.get(instance)!, {
        received: instance.received,
        sent: instance.sent,
        queued: instance.queuedMessages,
        rejected: instance.rejectedCount,
        isBlocked: instance.outbox.blocked > 0,
        isFinished: instance.state === 'finished',
      })
    }
  }

  private fail(error: unknown): void {
    if (this.state === 'failed' || this.state === 'closed') return
    this.state = 'failed'
    this.scheduler.stop()
    this.means.events.failed(error)
  }

  /** One step of all instances. Errors name the instance. */
  private forEach<T>(action: (assigned: InstanceAssignment, i: number) => Promise<T>): Promise<readonly T[]> {
    const { clock, setupMsMax = setupMsMaxDefault } = this.means
    const steps = this.assignment.instances.map((assigned, i) => {
      const place = `${assigned.component}[${assigned.instance}]`
      const run = async (): Promise<T> => {
        try {
          return await action(assigned, i)
        } catch (error) {
          throw namedError(place, 'could not be set up', error)
        }
      }
      return { place, run }
    })
    return runSetups(steps, clock, setupMsMax, this.preparing.signal)
  }

  private async within<T>(promise: Promise<T>, msMax: number): Promise<T | 'late'> {
    let cancel = (): void => undefined
    const late = new Promise<'late'>((resolve) => {
      cancel = this.means.clock.after(msMax, () => resolve('late'))
    })
    const result = await Promise.race([promise, late])
    cancel()
    return result
  }

  private closeError(instance: Instance, error: unknown): VertigoError {
    return namedError(instance.place, 'failed while it was closed', error)
  }
}

function closeTimeout(places: readonly string[]): VertigoError {
  const component = places.length === 1 ? places[0] : undefined
  return new VertigoError(
    'CLOSE_TIMEOUT',
    `${places.join(', ')} took longer than ${closeMsMax} ms to close`,
    {
      place: { component },
    },
  )
}

function namedError(place: string, what: string, error: unknown): VertigoError {
  if (isVertigoError(error) && error.place.component !== undefined) return error
  const text = asError(error).message
  return new VertigoError(
    isVertigoError(error) ? error.code : 'COMPONENT_FAILED',
    `${place} ${what}: ${text}`,
    {
      cause: isVertigoError(error) ? error.cause : error,
      place: { ...(isVertigoError(error) ? error.place : {}), component: place },
      remedy: isVertigoError(error) ? error.remedy : undefined,
    },
  )
}
