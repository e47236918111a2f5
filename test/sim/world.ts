import { type Random, seededRandom } from '../../src/base/random.ts'
import { isVertigoError } from '../../src/base/errors.ts'
import { asNodeId, type InstanceId } from '../../src/cluster/protocol/index.ts'
import type { NodeOptions } from '../../src/testkit/cluster/simulated-process.ts'
import type { ProcessClock } from '../../src/testkit/cluster/simulated-time.ts'
import {
  SimulatedCluster,
  type SimulatedClusterOptions,
} from '../../src/testkit/cluster/simulated-cluster.ts'
import type { ClusterWatcher, WatchedWorker } from '../../src/testkit/cluster/watcher.ts'
import type { ChannelLimits } from '../../src/messaging/limits.ts'
import type { ModuleAddress, WorkerAssignment } from '../../src/worker/assignment.ts'
import { sleep } from '../../src/base/clock.ts'
import { type GroupArgs, type Identity, type KindMeans, kindsOf, type Message } from './kinds.ts'
import { Ledger, nameOf } from './ledger.ts'
import { StoreChecks } from './store-checks.ts'

export interface WorldOptions extends Partial<
  Pick<SimulatedClusterOptions, 'ttlMs' | 'restarts' | 'isOneMachine'>
> {
  readonly seed: number
  readonly nodes: readonly NodeOptions[]
  /** Of all channels; small ones are full soon. */
  readonly limits?: Partial<ChannelLimits>
  /** Gets each line of the trace. */
  readonly trace?: (line: string) => void
}

/**
 * A simulated cluster with components that keep a ledger, and checks that look on.
 *
 * - WD-1 Nothing is handled or sent by a worker that is held, or before a generation that was open.
 * - WD-2 What a worker gets over a link comes from a worker of the plan that it runs.
 * - WD-3 An instance is set up in one worker, and not again after it has begun.
 * - WD-4 Whoever leaves a plan has come to its end, or died.
 * - WD-5 Only a process that is gone is declared dead, unless something between nodes lies.
 */
export class World implements ClusterWatcher {
  readonly cluster: SimulatedCluster
  readonly ledger = new Ledger()
  readonly checks: StoreChecks
  readonly random: Random
  /** Sources say nothing. */
  isQuiet = false
  /** Components whose next message, or setup, fails; by `network/component`. */
  readonly throwing = new Set<string>()
  readonly unsetupable = new Set<string>()
  /** Components that take up to so many milliseconds for a message. */
  readonly slow = new Map<string, number>()
  /** Something has refused calls in the name of others: nodes may be taken for dead that live. */
  mayBeWrong = false
  get hasSmallChannels(): boolean {
    return this.options.limits !== undefined
  }

  /** Of the trace: same seed, same number. */
  traceHash = 0
  private readonly options: WorldOptions
  private readonly workerOf = new Map<string, WatchedWorker>()
  private readonly kinds = new WeakMap<ProcessClock, Readonly<Record<string, unknown>>>()

  constructor(options: WorldOptions) {
    this.options = options
    this.random = seededRandom(options.seed ^ 0x5eed)
    this.cluster = new SimulatedCluster({
      ...options,
      watcher: this,
      load: (module, clock) => this.load(module, clock),
      localize: (assignment) => identified(assignment, options.limits),
    })
    this.checks = new StoreChecks(
      this.cluster.backend,
      this.cluster.keys,
      (what) => this.violate(what),
      (network, what) => this.note('--', `${network}: ${what}`),
    )
  }

  violate(what: string): void {
    this.note('!!', what)
    this.ledger.violate(`at ${this.at}: ${what}`)
  }

  note(who: string, what: string): void {
    const line = `${this.at} ${who.padEnd(4)} ${what}`
    for (let i = 0; i < line.length; i++)
      this.traceHash = (Math.imul(this.traceHash, 31) + line.charCodeAt(i)) | 0
    this.options.trace?.(line)
  }

  workerMade(worker: WatchedWorker): void {
    this.note(worker.end.node, `made worker ${worker.name}`)
  }

  workerEnded(worker: WatchedWorker, how: 'closed' | 'lost', why: string): void {
    this.note(worker.end.node, `worker ${worker.name} ${how}: ${why}`)
    for (const [key, place] of this.workerOf) {
      if (place !== worker) continue
      const life = this.ledger.lives.get(key)
      if (life === undefined || life.state !== 'lives') continue
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
    const life = this.ledger.life(worker.network, instance)
    if (life?.state === 'lives') life.state = 'finished'
    this.note(worker.end.node, `finished ${life === undefined ? instance : nameOf(life)}`)
  }

  failed(worker: WatchedWorker, instance: InstanceId, error: Error): void {
    const life = this.ledger.life(worker.network, instance)
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
    const life = this.ledger.life(worker.network, id)
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
    life.state = life.handled === 0 && life.emissions.length === 0 ? 'finished' : 'cut off'
    life.endedBecause = why
    if (life.state === 'cut off') this.violate(`WD-4 ${nameOf(life)} was cut off`)
  }

  private async load({ address }: ModuleAddress, clock: ProcessClock): Promise<unknown> {
    let kinds = this.kinds.get(clock)
    if (kinds === undefined) {
      kinds = kindsOf(this.kindMeans(clock))
      this.kinds.set(clock, kinds)
    }
    return kinds[address]
  }

  private kindMeans(clock: ProcessClock): KindMeans {
    return {
      clock,
      random: seededRandom(this.random.int(2 ** 31)),
      begin: async (identity, config) => this.begin(identity, config),
      emit: (identity, key, group) => this.emit(identity, key, group),
      handle: (identity, message, group) => this.handle(identity, message, group, clock),
      groupEnded: ({ network, id }, group) => this.ledger.groupEnded(this.ledger.life(network, id)!, group),
      counted: ({ network, id }, key, before) =>
        this.ledger.counted(this.ledger.life(network, id)!, key, before),
      isQuiet: () => this.isQuiet,
    }
  }

  private begin(
    { network, id, component, index }: Identity,
    config: Readonly<Record<string, unknown>>,
  ): void {
    const key = `${network}#${id}`
    if (config['isBad'] === true || this.unsetupable.has(`${network}/${component}`))
      throw new Error('cannot be set up, on purpose')
    const place = this.placeOf(network, id)
    const known = this.workerOf.get(key)
    const before = this.ledger.life(network, id)
    // What was set up for a plan that came to nothing is closed, and may be set up again.
    const hasWorked = before !== undefined && before.handled + before.emissions.length > 0
    if (known !== undefined && (known !== place || hasWorked))
      this.violate(`WD-3 ${key} is set up in ${place?.name}; it was in ${known.name}`)
    if (place !== undefined) this.workerOf.set(key, place)
    this.ledger.begin(network, id, component, index)
  }

  private emit({ network, id }: Identity, key: number, group: number | undefined): number {
    const life = this.ledger.life(network, id)!
    const worker = this.workerOf.get(`${network}#${id}`)
    const assigned = worker?.inForce?.instances.find((one) => one.id === id)
    if (assigned === undefined) this.violate(`WD-1 ${nameOf(life)} emits and is not in force`)
    const outputs = assigned?.outputs ?? []
    return this.ledger.emitted(life, { key, group, outputs, atMs: this.cluster.time.elapsedMs })
  }

  private handle(
    { network, id, component }: Identity,
    message: Message,
    group: GroupArgs | undefined,
    clock: ProcessClock,
  ): Promise<void> | undefined {
    const life = this.ledger.life(network, id)!
    const worker = this.workerOf.get(`${network}#${id}`)
    if (worker?.isHeld === true) this.violate(`WD-1 ${nameOf(life)} handles a message while it is held`)
    if (this.throwing.delete(`${network}/${component}`)) throw new Error('a message that fails, on purpose')
    this.ledger.handledBy(life, message, group)
    const slowMs = this.slow.get(`${network}/${component}`)
    return slowMs === undefined ? undefined : sleep(clock, this.random.next() * slowMs)
  }

  /** The worker whose newest plan has it. */
  private placeOf(network: string, id: number): WatchedWorker | undefined {
    const plan = this.checks.view.networks.get(network)?.plan?.value
    const number = plan?.instances.find((one) => one.id === id)?.worker
    for (const worker of this.cluster.allWorkers)
      if (worker.network === network && worker.number === number && worker.phase === 'lives') return worker
    return undefined
  }
}

const parcelTypes = new Set([1, 2, 5, 6])

/** By the first byte (`wire/frame.ts`); decoding every frame would take as long as all the rest. */
function isParcel(frame: Uint8Array): boolean {
  return parcelTypes.has(frame[0]!)
}

/** Each instance is told who it is. */
function identified(assignment: WorkerAssignment, limits: Partial<ChannelLimits> = {}): WorkerAssignment {
  const { network } = assignment
  return {
    ...assignment,
    limits: { ...assignment.limits, ...limits },
    instances: assignment.instances.map((one) => ({
      ...one,
      config: {
        ...one.config,
        identity: { network, id: one.id, component: one.component, index: one.instance },
      },
    })),
  }
}
