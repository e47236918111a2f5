import { asError } from '../../base/errors.ts'
import type { AgentWorker, AgentWorkerEvents, PeerPlace } from '../../cluster/agent/agent-worker.ts'
import { InProcessWorker, type InProcessWorkerMeans } from '../../cluster/agent/in-process-worker.ts'
import type { Address, WorkerNumber } from '../../cluster/protocol/index.ts'
import { DataEndpoint } from '../../cluster/node/data-endpoint.ts'
import type { SnapshotCommand } from '../../snapshot/part.ts'
import type { Link } from '../../transport/link.ts'
import type { WorkerAssignment } from '../../worker/assignment.ts'
import type { ClusterWatcher, WatchedWorker } from './watcher.ts'
import type { SimulatedLines } from './simulated-lines.ts'
import type { SimulatedJournals } from './simulated-journals.ts'
import { withSinkSteps } from './stepped-kind.ts'
import { never, type Reach, type StepMoment, type StepName } from './steps.ts'
import type { ThreadClock } from './thread-clock.ts'
import type { WireEnd, Wires } from './wires.ts'

export interface SimulatedWorkerMeans extends Omit<InProcessWorkerMeans, 'link' | 'listens'> {
  readonly network: string
  readonly end: WireEnd
  readonly thread: ThreadClock
  readonly wires: Wires
  readonly lines: SimulatedLines
  /** See `LineLimits`. */
  readonly linkLossMs: number
  readonly watcher: ClusterWatcher
  readonly reach: Reach
  readonly disks: SimulatedJournals
  /** The one at an address. */
  readonly at: (address: Address) => SimulatedWorker
}

/** A worker of a simulated node, with what is known of it from outside. */
export class SimulatedWorker implements AgentWorker, WatchedWorker {
  readonly number: WorkerNumber
  readonly network: string
  readonly end: WireEnd
  readonly thread: ThreadClock
  /** What it runs. */
  inForce: WorkerAssignment | undefined
  isHeld = false
  phase: 'lives' | 'closed' | 'lost' = 'lives'
  /** Its thread is about to end, and does nothing more. */
  private isEnding = false
  private prepared: WorkerAssignment | undefined
  /** Of the newest assignment, as a thread has it. */
  private newest: WorkerAssignment | undefined
  private readonly data: DataEndpoint
  private readonly stopListening: () => void
  private readonly inner: InProcessWorker
  private readonly means: SimulatedWorkerMeans

  constructor(number: WorkerNumber, events: AgentWorkerEvents, means: SimulatedWorkerMeans) {
    const {
      network,
      end,
      thread,
      wires: _,
      lines,
      linkLossMs: __,
      watcher,
      at: ___,
      reach: ____,
      disks,
      load,
      ...inner
    } = means
    this.number = number
    this.network = network
    this.end = end
    this.thread = thread
    this.means = means
    this.inner = new InProcessWorker(
      number,
      {
        ...events,
        finished: (instance) => {
          watcher.finished(this, instance)
          events.finished(instance)
        },
        failed: (instance, error) => {
          if (instance !== undefined) watcher.failed(this, instance, error)
          events.failed(instance, error)
        },
        died: (error) => {
          this.lost(error.message)
          events.died(error)
        },
        part: (report) => {
          if (this.endsAt('tell-part', 'before')) return
          watcher.partTold?.(this, report)
          events.part?.(report)
          this.endsAt('tell-part', 'after')
        },
        linkFailed: (peer, error) => {
          watcher.troubled(this.name, `link to worker ${peer}`, error)
          events.linkFailed(peer, error)
        },
      },
      {
        ...inner,
        load: async (module) => withSinkSteps(await load(module), this.stopsAt),
        journals: disks.of({
          node: end.node,
          clock: thread,
          endsAt: this.stopsAt,
          isOver: () => this.isOver,
        }),
        listens: end.address,
        link: (peer) => this.watched(this.link(peer), peer),
      },
    )
    this.data = this.endpoint(events)
    this.stopListening = lines.listen(end, (line) => this.data.endpoint.accepted(line))
    watcher.workerMade(this)
  }

  get name(): string {
    return `${this.network}/${this.number}@${this.end.node}`
  }

  get channels(): WatchedWorker['channels'] {
    return this.inner.channels
  }

  async prepare(assignment: WorkerAssignment): Promise<{ readonly listens: Address } | undefined> {
    if (this.endsAt('prepare', 'before')) return never()
    this.prepared = undefined
    this.newest = assignment
    const result = await this.inner.prepare(assignment)
    if (result !== undefined) this.prepared = assignment
    return this.endsAt('prepare', 'after') ? never() : result
  }

  switchOver(peers: readonly PeerPlace[]): void {
    if (this.endsAt('switch-over', 'before')) return
    const before = this.inForce
    this.inForce = this.prepared
    this.isHeld = false
    this.means.watcher.switched(this, before)
    // As a thread does: an instance that was taken out may have to be told of its end by one that shares nothing else.
    for (const { worker, isLocal } of peers) if (!isLocal) this.inner.asked(worker)
    this.inner.switchOver(peers)
    this.endsAt('switch-over', 'after')
  }

  asked(peer: WorkerNumber): void {
    if (this.phase === 'lives') this.inner.asked(peer)
  }

  hold(): void {
    if (this.endsAt('hold', 'before')) return
    this.inner.hold()
    this.isHeld = true
    this.endsAt('hold', 'after')
  }

  release(): void {
    if (this.endsAt('release', 'before')) return
    this.isHeld = false
    this.inner.release()
    this.endsAt('release', 'after')
  }

  snapshot(command: SnapshotCommand): void {
    const step = command.type === 'begin' ? 'begin-snapshot' : 'end-snapshot'
    if (this.endsAt(step, 'before')) return
    this.means.watcher.snapshotTold?.(this, command)
    this.inner.snapshot(command)
    this.endsAt(step, 'after')
  }

  async close(): Promise<void> {
    if (this.endsAt('end-worker', 'before')) return never()
    if (this.phase === 'lives') {
      this.phase = 'closed'
      this.means.watcher.workerEnded(this, 'closed', 'its agent was done with it')
    }
    await this.inner.close()
    this.stopListening()
    this.data.endpoint.close()
    if (this.endsAt('end-worker', 'after')) return never()
  }

  async terminate(): Promise<void> {
    this.lost('it was terminated')
    await this.inner.terminate()
  }

  /** As when its thread ends by itself. */
  die(error: Error): void {
    this.inner.die(error)
  }

  /** Its process is no more. */
  lost(why: string): void {
    if (this.phase !== 'lives') return
    this.phase = 'lost'
    this.means.wires.lose(this.end.address)
    this.means.lines.lose(this.end.address)
    this.data.endpoint.close()
    this.means.watcher.workerEnded(this, 'lost', why)
  }

  /** SP-1: whether its process is no more. A worker that ends alone is told to in an event of its own, as threads end. */
  private endsAt(name: StepName, moment: StepMoment): boolean {
    const { end, reach } = this.means
    reach(name, moment, {
      endWorker: () => {
        this.isEnding = true
        end.clock.soon(() => this.die(new Error(`the thread ended ${moment} "${name}", on purpose`)))
      },
    })
    return end.isDead()
  }

  private get isOver(): boolean {
    return this.phase === 'lost' || this.isEnding || this.means.end.isDead()
  }

  /** The same where the thread itself is at work: what it was told to do next, it does not do any more. */
  private readonly stopsAt = (name: StepName, moment: StepMoment): boolean =>
    this.isOver || this.endsAt(name, moment) || this.isOver

  private link(peer: PeerPlace): Link {
    const { end, wires, lines } = this.means
    const { node, worker, address } = peer
    if (peer.isLocal) return wires.link(end, address)
    return this.data.open({ node, worker, dial: () => lines.dial(end, address) })
  }

  /** A link on which somebody looks. */
  private watched(link: Link, { address }: PeerPlace): Link {
    const { watcher, at } = this.means
    return {
      send: (frame) => {
        watcher.sent(this, frame)
        link.send(frame)
      },
      receive: (onFrame) =>
        link.receive((frame) => {
          watcher.delivered(at(address), this, frame)
          onFrame(frame)
        }),
      close: () => link.close(),
    }
  }

  private endpoint(events: AgentWorkerEvents): DataEndpoint {
    const { network, end, clock, random, watcher } = this.means
    const standing = (other: number): 'current' | 'unknown' | 'gone' => {
      const workers: readonly number[] = this.newest?.workers ?? []
      if (workers.includes(other)) return 'current'
      return other > Math.max(...workers, this.number) ? 'unknown' : 'gone'
    }
    return new DataEndpoint(
      { cluster: 'sim', network, node: end.node },
      {
        worker: this.number,
        clock,
        random,
        generation: () => this.newest?.generation ?? 0,
        standing,
        failed: (peer, error) => {
          if (this.phase !== 'lives') return
          watcher.troubled(this.name, `link to worker ${peer}`, asError(error))
          events.linkFailed(peer as WorkerNumber, asError(error))
        },
        turnedAway: () => undefined,
      },
      { limits: { linkLossMs: this.means.linkLossMs } },
    )
  }
}
