import type { AgentWorker, AgentWorkerEvents, PeerPlace } from '../../cluster/agent/agent-worker.ts'
import { InProcessWorker, type InProcessWorkerMeans } from '../../cluster/agent/in-process-worker.ts'
import type { Address, WorkerNumber } from '../../cluster/protocol/index.ts'
import type { WorkerAssignment } from '../../worker/assignment.ts'
import type { ClusterWatcher, WatchedWorker } from './watcher.ts'
import type { WireEnd, Wires } from './wires.ts'

export interface SimulatedWorkerMeans extends Omit<InProcessWorkerMeans, 'link' | 'listens'> {
  readonly network: string
  readonly end: WireEnd
  readonly wires: Wires
  readonly watcher: ClusterWatcher
}

/** A worker of a simulated node, with what is known of it from outside. */
export class SimulatedWorker implements AgentWorker, WatchedWorker {
  readonly number: WorkerNumber
  readonly network: string
  readonly end: WireEnd
  /** What it runs. */
  inForce: WorkerAssignment | undefined
  isHeld = false
  phase: 'lives' | 'closed' | 'lost' = 'lives'
  private prepared: WorkerAssignment | undefined
  private readonly inner: InProcessWorker
  private readonly means: SimulatedWorkerMeans

  constructor(number: WorkerNumber, events: AgentWorkerEvents, means: SimulatedWorkerMeans) {
    const { network, end, wires, watcher, ...inner } = means
    this.number = number
    this.network = network
    this.end = end
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
        linkFailed: (peer, error) => {
          watcher.troubled(this.name, `link to worker ${peer}`, error)
          events.linkFailed(peer, error)
        },
      },
      { ...inner, listens: end.address, link: (peer) => wires.link(end, peer.address) },
    )
    watcher.workerMade(this)
  }

  get name(): string {
    return `${this.network}/${this.number}@${this.end.node}`
  }

  get channels(): WatchedWorker['channels'] {
    return this.inner.channels
  }

  async prepare(assignment: WorkerAssignment): Promise<{ readonly listens: Address } | undefined> {
    this.prepared = undefined
    const result = await this.inner.prepare(assignment)
    if (result !== undefined) this.prepared = assignment
    return result
  }

  switchOver(peers: readonly PeerPlace[]): void {
    const before = this.inForce
    this.inForce = this.prepared
    this.isHeld = false
    this.means.watcher.switched(this, before)
    this.inner.switchOver(peers)
  }

  asked(peer: WorkerNumber): void {
    if (this.phase === 'lives') this.inner.asked(peer)
  }

  hold(): void {
    this.inner.hold()
    this.isHeld = true
  }

  release(): void {
    this.isHeld = false
    this.inner.release()
  }

  async close(): Promise<void> {
    if (this.phase === 'lives') {
      this.phase = 'closed'
      this.means.watcher.workerEnded(this, 'closed', 'its agent was done with it')
    }
    await this.inner.close()
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
    this.means.watcher.workerEnded(this, 'lost', why)
  }
}
