import { seededRandom } from '../../src/base/random.ts'
import { CheckedCluster, type CheckedClusterOptions } from '../../src/testkit/cluster/checked-cluster.ts'
import { nameOf, type WatchedLife } from '../../src/testkit/cluster/life.ts'
import type { ProcessClock } from '../../src/testkit/cluster/simulated-time.ts'
import type { WatchedWorker } from '../../src/testkit/cluster/watcher.ts'
import type { ChannelLimits } from '../../src/messaging/limits.ts'
import type { ModuleAddress, WorkerAssignment } from '../../src/worker/assignment.ts'
import { sleep } from '../../src/base/clock.ts'
import { type GroupArgs, type Identity, type KindMeans, kindsOf, type Message } from './kinds.ts'
import { Ledger, type Life } from './ledger.ts'

export interface WorldOptions extends CheckedClusterOptions {
  /** Of all channels; small ones are full soon. */
  readonly limits?: Partial<ChannelLimits>
  /** The violation that is looked for, where one is. */
  readonly until?: RegExp
}

/**
 * A checked cluster with components that keep a ledger.
 *
 * - WD-3 An instance is set up in one worker, and not again after it has begun.
 */
export class World extends CheckedCluster {
  readonly ledger: Ledger
  /** Sources say nothing. */
  isQuiet = false
  private readonly limits: Partial<ChannelLimits> | undefined
  private readonly workerOf = new Map<string, WatchedWorker>()
  private readonly kinds = new WeakMap<ProcessClock, Readonly<Record<string, unknown>>>()

  constructor(options: WorldOptions) {
    super(options)
    this.ledger = new Ledger(options.until)
    this.limits = options.limits
  }

  /** What is looked for has been seen. */
  get isFound(): boolean {
    return this.ledger.isFound
  }

  get hasSmallChannels(): boolean {
    return this.limits !== undefined
  }

  allLives(): Iterable<Life> {
    return this.ledger.lives.values()
  }

  life(network: string, id: number): Life | undefined {
    return this.ledger.life(network, id)
  }

  protected hasWorked({ network, id }: WatchedLife): boolean {
    const { handled, emissions } = this.life(network, id)!
    return handled > 0 || emissions.length > 0
  }

  protected livesIn(worker: WatchedWorker): Life[] {
    return [...this.workerOf].flatMap(([key, place]) =>
      place === worker ? (this.ledger.lives.get(key) ?? []) : [],
    )
  }

  protected keep(violation: string): void {
    this.ledger.violate(violation)
  }

  protected localize(assignment: WorkerAssignment): WorkerAssignment {
    return identified(assignment, this.limits)
  }

  protected async load({ address }: ModuleAddress, clock: ProcessClock): Promise<unknown> {
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
      begin: async (identity, config) => this.begin(identity, config, clock),
      emit: (identity, key, group) => this.emit(identity, key, group),
      handle: (identity, message, group) => this.handle(identity, message, group, clock),
      groupEnded: ({ network, id }, group) => this.ledger.groupEnded(this.ledger.life(network, id)!, group),
      counted: ({ network, id }, key, before) =>
        this.ledger.counted(this.ledger.life(network, id)!, key, before),
      isQuiet: () => this.isQuiet,
    }
  }

  private begin(
    { network, id, component, index, worker }: Identity,
    config: Readonly<Record<string, unknown>>,
    clock: ProcessClock,
  ): void {
    const key = `${network}#${id}`
    if (config['isBad'] === true || this.unsetupable.has(`${network}/${component}`))
      throw new Error('cannot be set up, on purpose')
    const place = this.placeOf(network, worker, clock)
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

  /** The worker in the process that sets it up. A node that is late has a plan in hand that the store has no more. */
  private placeOf(network: string, number: number, clock: ProcessClock): WatchedWorker | undefined {
    for (const worker of this.cluster.allWorkers)
      if (
        worker.network === network &&
        worker.number === number &&
        worker.phase === 'lives' &&
        this.cluster.nodes.get(worker.end.node)?.process?.means.clock === clock
      )
        return worker
    return undefined
  }
}

/** Each instance is told who it is. */
function identified(assignment: WorkerAssignment, limits: Partial<ChannelLimits> = {}): WorkerAssignment {
  const { network, worker } = assignment
  return {
    ...assignment,
    limits: { ...assignment.limits, ...limits },
    instances: assignment.instances.map((one) => ({
      ...one,
      config: {
        ...one.config,
        identity: { network, id: one.id, component: one.component, index: one.instance, worker },
      },
    })),
  }
}
