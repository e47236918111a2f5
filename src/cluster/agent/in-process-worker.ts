import type { Cancel, Clock } from '../../base/clock.ts'
import { asError, VertigoError } from '../../base/errors.ts'
import type { SnapshotCommand } from '../../snapshot/part.ts'
import type { Link } from '../../transport/link.ts'
import type { WorkerAssignment } from '../../worker/assignment.ts'
import { type CounterSink, Worker, type WorkerMeans } from '../../worker/worker.ts'
import type { Address, InstanceId, WorkerNumber } from '../protocol/index.ts'
import type { AgentWorker, AgentWorkerEvents, PeerPlace } from './agent-worker.ts'

export interface InProcessWorkerMeans extends Omit<
  WorkerMeans,
  'links' | 'events' | 'counters' | 'isolates'
> {
  readonly listens: Address
  /** A link to a worker of this generation or a later one, which asks for it as well. */
  readonly link: (peer: PeerPlace) => Link
  readonly counters?: CounterSink
}

/** A worker in the thread of its agent: for simulations, and wherever a thread of its own is too much. */
export class InProcessWorker implements AgentWorker {
  readonly number: WorkerNumber
  private readonly means: InProcessWorkerMeans
  private readonly events: AgentWorkerEvents
  private readonly clock: EndingClock
  private worker: Worker | undefined
  private readonly links = new Map<number, Link>()
  private readonly asking = new Set<number>()
  private places: ReadonlyMap<number, PeerPlace> = new Map()
  private isOver = false
  /** What is still being prepared when it ends comes to nothing: as with a thread, nobody waits for it. */
  private readonly preparing = new Set<(error: Error) => void>()

  constructor(number: WorkerNumber, events: AgentWorkerEvents, means: InProcessWorkerMeans) {
    this.number = number
    this.events = events
    this.means = means
    this.clock = new EndingClock(means.clock)
  }

  async prepare(assignment: WorkerAssignment): Promise<{ readonly listens: Address } | undefined> {
    this.worker ??= this.make(assignment)
    const { promise: ended, reject } = Promise.withResolvers<never>()
    this.preparing.add(reject)
    try {
      const isPrepared = await Promise.race([this.worker.prepareNext(assignment), ended])
      return isPrepared ? { listens: this.means.listens } : undefined
    } finally {
      this.preparing.delete(reject)
    }
  }

  /**
   * Links with all peers of the assignment, with those that it has to hear the end of a channel from, and with those of the
   * plan that have asked for it.
   */
  switchOver(peers: readonly PeerPlace[]): void {
    const { worker } = this
    if (worker === undefined || this.isOver) return
    this.places = new Map(peers.map((peer) => [peer.worker, peer]))
    for (const number of this.links.keys()) if (!this.places.has(number)) this.links.delete(number)
    worker.switchOver(this.linksTo([...worker.assignment.peers, ...worker.unlinkedPeers, ...this.asking]))
  }

  /** A peer asks for a link: at once where it is of the plan in force, else when one with it is. */
  asked(peer: WorkerNumber): void {
    this.asking.add(peer)
    if (this.places.has(peer)) this.worker?.attach(this.linksTo([peer]))
  }

  hold(): void {
    this.worker?.hold()
  }

  release(): void {
    this.worker?.release()
  }

  snapshot(command: SnapshotCommand): void {
    this.worker?.snapshot(command)
  }

  async close(): Promise<void> {
    if (this.isOver) return
    this.isOver = true
    await this.worker?.close()
    this.clock.end()
  }

  async terminate(): Promise<void> {
    this.end()
  }

  /** Both kinds of ends of its channels, for those who compare them with a plan. */
  get channels(): Worker['channels'] {
    return this.worker?.channels ?? { inputs: [], outputs: [] }
  }

  /** As when its thread ends by itself. */
  die(error: Error): void {
    if (this.isOver) return
    this.end()
    this.events.died(error)
  }

  private linksTo(peers: Iterable<number>): ReadonlyMap<number, Link> {
    const added = new Map<number, Link>()
    for (const number of peers) {
      const place = this.places.get(number)
      this.asking.delete(number)
      if (place === undefined || this.links.has(number)) continue
      const link = this.means.link(place)
      added.set(number, link)
      this.links.set(number, link)
    }
    return added
  }

  private end(): void {
    this.isOver = true
    this.clock.end()
    for (const reject of this.preparing)
      reject(new VertigoError('STOPPED', `worker ${this.number} has ended`))
    for (const link of this.links.values()) link.close()
  }

  private make(assignment: WorkerAssignment): Worker {
    const { events } = this
    const { listens: _, link: __, counters = noCounters, ...means } = this.means
    return new Worker(assignment, {
      ...means,
      clock: this.clock,
      counters,
      isolates: true,
      events: {
        // Each of its instances has told.
        finished: () => undefined,
        instanceFinished: (id) => this.tell(() => events.finished(id as InstanceId)),
        awaitsSnapshot: (id, awaits) => this.tell(() => events.awaitsSnapshot?.(id as InstanceId, awaits)),
        failed: (error, id) =>
          this.tell(() => {
            if (id === undefined) this.die(asError(error))
            else events.failed(id as InstanceId, asError(error))
          }),
        linkFailed: (peer, error) => this.tell(() => events.linkFailed(peer as WorkerNumber, asError(error))),
        rejected: (record, taken) => events.rejected(record, taken),
        logged: (record, taken) => events.logged(record, taken),
        metric: () => undefined,
        part: (report) => this.tell(() => events.part?.(report)),
      },
    })
  }

  /** Whoever ends a worker hears nothing from it any more. */
  private tell(what: () => void): void {
    if (!this.isOver) what()
  }
}

const noCounters: CounterSink = {
  write: () => undefined,
  running: () => undefined,
  ready: () => undefined,
}

/** Calls nobody back after its end: a thread that ended would not either. */
class EndingClock implements Clock {
  private readonly inner: Clock
  private isOver = false

  constructor(inner: Clock) {
    this.inner = inner
  }

  end(): void {
    this.isOver = true
  }

  now(): number {
    return this.inner.now()
  }

  monotonic(): number {
    return this.inner.monotonic()
  }

  after(delayMs: number, action: () => void, options?: { background?: boolean }): Cancel {
    return this.inner.after(delayMs, () => this.run(action), options)
  }

  every(periodMs: number, action: () => void, options?: { background?: boolean }): Cancel {
    return this.inner.every(periodMs, () => this.run(action), options)
  }

  soon(action: () => void): void {
    this.inner.soon(() => this.run(action))
  }

  private run(action: () => void): void {
    if (!this.isOver) action()
  }
}
