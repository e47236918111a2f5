import { type Random, seededRandom } from '../../base/random.ts'
import { isVertigoError } from '../../base/errors.ts'
import { asNodeId, type InstanceId } from '../../cluster/protocol/index.ts'
import type { ModuleAddress, WorkerAssignment } from '../../worker/assignment.ts'
import { nameOf, type WatchedLife } from './life.ts'
import type { NodeOptions } from './simulated-process.ts'
import { SimulatedCluster, type SimulatedClusterOptions } from './simulated-cluster.ts'
import type { ProcessClock } from './simulated-time.ts'
import { StoreChecks } from './store-checks.ts'
import type { ClusterWatcher, WatchedWorker } from './watcher.ts'

export interface CheckedClusterOptions extends Partial<
  Pick<
    SimulatedClusterOptions,
    'ttlMs' | 'restarts' | 'isOneMachine' | 'takesSnapshots' | 'alignMsMax' | 'states'
  >
> {
  readonly seed: number
  readonly nodes: readonly NodeOptions[]
  /** Gets each line of the trace. */
  readonly trace?: (line: string) => void
}

/**
 * A simulated cluster and checks that look on, whatever its networks do.
 *
 * - WD-1 Nothing is handled or sent by a worker that is held, or before a generation that was open.
 * - WD-2 What a worker gets over a link comes from a worker of the plan that it runs.
 * - WD-4 Whoever leaves a plan has come to its end, or died.
 * - WD-5 Only a process that is gone is declared dead, unless something between nodes lies.
 */
export abstract class CheckedCluster implements ClusterWatcher {
  readonly cluster: SimulatedCluster
  readonly checks: StoreChecks
  readonly random: Random
  /** Components whose next message, or setup, fails; by `network/component`. */
  readonly throwing = new Set<string>()
  readonly unsetupable = new Set<string>()
  /** Components that take up to so many milliseconds for a message. */
  readonly slow = new Map<string, number>()
  /** Something has refused calls in the name of others: nodes may be taken for dead that live. */
  mayBeWrong = false
  /** Of the trace: same seed, same number. */
  traceHash = 0
  private readonly trace: ((line: string) => void) | undefined

  constructor(options: CheckedClusterOptions) {
    this.trace = options.trace
    this.random = seededRandom(options.seed ^ 0x5eed)
    this.cluster = new SimulatedCluster({
      ...options,
      watcher: this,
      load: (module, clock) => this.load(module, clock),
      localize: (assignment) => this.localize(assignment),
    })
    this.checks = new StoreChecks(
      this.cluster.backend,
      this.cluster.keys,
      (what) => this.violate(what),
      (network, what) => this.note('--', `${network}: ${what}`),
    )
  }

  /** All lives there have been. */
  abstract allLives(): Iterable<WatchedLife>
  abstract life(network: string, id: number): WatchedLife | undefined
  /** Whether it has handled or sent anything. */
  protected abstract hasWorked(life: WatchedLife): boolean
  protected abstract livesIn(worker: WatchedWorker): readonly WatchedLife[]
  /** Something is not as it has to be. */
  protected abstract keep(violation: string): void
  protected abstract load(module: ModuleAddress, clock: ProcessClock): Promise<unknown>
  protected abstract localize(assignment: WorkerAssignment): WorkerAssignment

  violate(what: string): void {
    this.note('!!', what)
    this.keep(`at ${this.at}: ${what}`)
  }

  note(who: string, what: string): void {
    const line = `${this.at} ${who.padEnd(4)} ${what}`
    for (let i = 0; i < line.length; i++)
      this.traceHash = (Math.imul(this.traceHash, 31) + line.charCodeAt(i)) | 0
    this.trace?.(line)
  }

  workerMade(worker: WatchedWorker): void {
    this.note(worker.end.node, `made worker ${worker.name}`)
  }

  workerEnded(worker: WatchedWorker, how: 'closed' | 'lost', why: string): void {
    this.note(worker.end.node, `worker ${worker.name} ${how}: ${why}`)
    for (const life of this.livesIn(worker)) {
      if (life.state !== 'lives') continue
      if (how === 'lost') {
        life.state = 'lost'
        life.endedBecause = why
      } else this.cutOff(worker, life.id, 'its worker was closed')
    }
  }

  switched(worker: WatchedWorker, before: WorkerAssignment | undefined): void {
    const { inForce, network } = worker
    if (inForce === undefined) {
      this.violate(`${worker.name} switched to what it has not prepared`)
      return
    }
    this.note(worker.end.node, `worker ${worker.name} switched to generation ${inForce.generation}`)
    if (!this.checks.opened.get(network)?.has(inForce.generation))
      this.violate(`WD-1 ${worker.name} switched to generation ${inForce.generation}, which was never open`)
    if (before !== undefined && before.generation >= inForce.generation)
      this.violate(`WD-1 ${worker.name} switched from ${before.generation} to ${inForce.generation}`)
    const now = new Set(inForce.instances.map(({ id }) => id))
    for (const { id } of before?.instances ?? [])
      if (!now.has(id)) this.cutOff(worker, id, 'it left the plan')
  }

  finished(worker: WatchedWorker, instance: InstanceId): void {
    const life = this.life(worker.network, instance)
    if (life?.state === 'lives') life.state = 'finished'
    this.note(worker.end.node, `finished ${life === undefined ? instance : nameOf(life)}`)
  }

  failed(worker: WatchedWorker, instance: InstanceId, error: Error): void {
    const life = this.life(worker.network, instance)
    if (life?.state === 'lives') {
      life.state = 'lost'
      life.endedBecause = error.message
    }
    this.note(worker.end.node, `failed ${life === undefined ? instance : nameOf(life)}: ${error.message}`)
  }

  sent(from: WatchedWorker, frame: Uint8Array): void {
    if (!isParcel(frame)) return
    if (from.isHeld) this.violate(`WD-1 ${from.name} sends while it is held`)
    if (from.inForce === undefined) this.violate(`WD-1 ${from.name} sends before anything is open`)
  }

  delivered(from: WatchedWorker, to: WatchedWorker, frame: Uint8Array): void {
    if (to.inForce?.workers.includes(from.number) === true) return
    if (isParcel(frame))
      this.violate(`WD-2 ${to.name} of generation ${to.inForce?.generation} takes frames of ${from.name}`)
  }

  declaredDead(by: string, node: string): void {
    this.note(by, `takes node ${node} for dead`)
    const { process } = this.cluster.nodes.get(node) ?? {}
    const { membership } = process ?? {}
    if (process === undefined || process.isDead || membership?.lease.signal.aborted !== false) return
    const known = this.checks.view.nodes.get(asNodeId(node))?.value.incarnation
    if (known !== membership.record.incarnation && !this.mayBeWrong)
      this.violate(`WD-5 ${by} takes ${node} for dead, which lives`)
  }

  troubled(who: string, what: string, error: Error): void {
    if (isVertigoError(error) && error.code !== 'INTERNAL') return
    // What components throw on purpose.
    if (error.message.includes('on purpose')) return
    this.violate(`${who}: ${what}: ${error.stack ?? error.message}`)
  }

  /** Of what is begun in an event, and awaited by nobody. */
  supervise(promise: Promise<unknown>): void {
    promise.catch((error: unknown) => this.violate(String(error)))
  }

  private get at(): string {
    return (this.cluster.time.elapsedMs / 1000).toFixed(4)
  }

  private incarnationOf({ end }: WatchedWorker): string | undefined {
    return this.cluster.nodes.get(end.node)?.process?.membership?.record.incarnation
  }

  private cutOff(worker: WatchedWorker, id: number, why: string): void {
    const life = this.life(worker.network, id)
    if (life === undefined || life.state !== 'lives') return
    // Its node has lost its lease, and learns what was planned in its place before it learns that.
    const node = this.checks.view.nodes.get(asNodeId(worker.end.node))
    if (node === undefined || node.value.incarnation !== this.incarnationOf(worker)) {
      life.state = 'lost'
      life.endedBecause = 'its node was taken for dead'
      return
    }
    const outcome = this.checks.view.networks.get(worker.network)?.outcome?.value.state
    if (outcome === 'failed' || outcome === 'finished') {
      life.state = 'lost'
      life.endedBecause = `the network is ${outcome}`
      return
    }
    // What was set up and never began has nothing to come to an end with.
    life.state = this.hasWorked(life) ? 'cut off' : 'finished'
    life.endedBecause = why
    if (life.state === 'cut off') this.violate(`WD-4 ${nameOf(life)} was cut off`)
  }
}

const parcelTypes = new Set([1, 2, 5, 6])

/** By the first byte (`wire/frame.ts`); decoding every frame would take as long as all the rest. */
function isParcel(frame: Uint8Array): boolean {
  return parcelTypes.has(frame[0]!)
}
