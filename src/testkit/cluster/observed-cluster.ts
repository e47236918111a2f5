import { deepFreeze } from '../../base/freeze.ts'
import type { Hooks } from '../../component/hooks.ts'
import type { Deployment } from '../../cluster/client/index.ts'
import type { InstanceId } from '../../cluster/protocol/index.ts'
import type { InstanceAssignment, ModuleAddress, WorkerAssignment } from '../../worker/assignment.ts'
import type { Load } from '../../worker/worker.ts'
import { CheckedCluster, type CheckedClusterOptions } from './checked-cluster.ts'
import { Flows } from './flows.ts'
import { nameOf, type WatchedLife } from './life.ts'
import type { ObservedMessage } from './simulation-options.ts'
import type { WatchedWorker } from './watcher.ts'

export interface ObservedClusterOptions extends CheckedClusterOptions {
  readonly deployment: Deployment
  /** The code of its components; nothing that takes time. */
  readonly load: Load
}

interface Life extends WatchedLife {
  readonly worker: number
  hasWorked: boolean
}

/** Addresses of what looks on begin with it. */
const own = 'simulation:'
const violationsMax = 20

/**
 * A checked cluster with the network of a user. Hooks around each instance see what it sends and handles; the components know
 * nothing of it.
 *
 * - OC-1 An instance is set up in one worker, and not again in another one.
 * - OC-2 No instance fails but by a fault of the simulation.
 */
export class ObservedCluster extends CheckedCluster {
  readonly violations: string[] = []
  /** By `component.port`. */
  readonly emitted = new Map<string, ObservedMessage[]>()
  readonly received = new Map<string, ObservedMessage[]>()
  /** The last error by which a component failed that nobody wanted. */
  failure: Error | undefined
  readonly flows: Flows
  handledCount = 0
  private readonly lives = new Map<number, Life>()
  private readonly workers = new Map<number, WatchedWorker>()
  private readonly instances = new Map<number, InstanceAssignment>()
  private readonly deployment: Deployment
  private readonly code: Load

  constructor(options: ObservedClusterOptions) {
    super(options)
    this.deployment = options.deployment
    this.code = options.load
    this.flows = new Flows(
      (what) => this.violate(what),
      (id) => this.lives.get(id),
    )
  }

  get network(): string {
    return this.deployment.part.name
  }

  allLives(): Iterable<Life> {
    return this.lives.values()
  }

  life(_network: string, id: number): Life | undefined {
    return this.lives.get(id)
  }

  override workerMade(worker: WatchedWorker): void {
    super.workerMade(worker)
    this.workers.set(worker.number, worker)
  }

  override failed(worker: WatchedWorker, instance: InstanceId, error: Error): void {
    super.failed(worker, instance, error)
    if (isOnPurpose(error)) return
    this.failure = error
    this.violate(`OC-2 ${this.nameOf(instance)} failed: ${error.message}`)
  }

  protected hasWorked(life: WatchedLife): boolean {
    return this.lives.get(life.id)?.hasWorked === true
  }

  protected livesIn({ number }: WatchedWorker): Life[] {
    return [...this.lives.values()].filter(({ worker }) => worker === number)
  }

  protected keep(violation: string): void {
    if (this.violations.length < violationsMax) this.violations.push(violation)
  }

  protected localize(assignment: WorkerAssignment): WorkerAssignment {
    const { worker } = assignment
    return { ...assignment, instances: assignment.instances.map((one) => this.observed(one, worker)) }
  }

  protected async load(module: ModuleAddress): Promise<unknown> {
    if (!module.address.startsWith(own)) return this.code(module)
    const [what, ...fields] = module.address.slice(own.length).split('/')
    const [id, number] = [Number(fields[0]), Number(fields[1])]
    if (what === 'life') {
      this.begin(id, number)
      return { onStart: () => undefined } satisfies Hooks
    }
    if (what === 'sent') return this.sending(id, number, fields[2]!)
    return this.handling(id, number, fields[2]!)
  }

  /** An instance with hooks around it: the first on each way in, and the last on each way out. */
  private observed(one: InstanceAssignment, worker: number): InstanceAssignment {
    const { id, component } = one
    this.instances.set(id, one)
    this.flows.connected(one, this.deployment.kinds[component]?.concurrency ?? 1)
    const hook = (what: string, ...fields: readonly (string | number)[]): ModuleAddress => ({
      address: `${own}${[what, id, ...fields].join('/')}`,
      base: own,
    })
    return {
      ...one,
      hooks: [hook('life', worker), ...one.hooks],
      inputs: one.inputs.map((input) => ({
        ...input,
        hooks: [hook('handled', input.channel, input.port), ...input.hooks],
      })),
      outputs: one.outputs.map((output) => ({
        ...output,
        hooks: [...output.hooks, hook('sent', output.connection, output.port)],
      })),
    }
  }

  private begin(id: number, worker: number): void {
    const { component, instance: index } = this.instances.get(id)!
    const { network } = this
    const known = this.lives.get(id)
    // Who runs is asked for its hooks again with each plan.
    if (known === undefined && this.unsetupable.has(`${network}/${component}`))
      throw new Error(`${component} cannot be set up, on purpose`)
    if (known === undefined)
      this.lives.set(id, {
        id,
        network,
        component,
        index,
        worker,
        state: 'lives',
        endedBecause: '',
        hasWorked: false,
      })
    else if (known.worker !== worker)
      this.violate(`OC-1 ${nameOf(known)} is set up in worker ${worker}; it was in ${known.worker}`)
  }

  private sending(id: number, connection: number, port: string): Hooks {
    return {
      onSend: (message) => {
        deepFreeze(message)
        const life = this.look(id, 'sends a message', false)
        keepIn(this.emitted, `${life.component}.${port}`, this.observe(life, message))
        this.flows.sent(id, connection, message)
      },
    }
  }

  private handling(id: number, channel: number, port: string): Hooks {
    return {
      onReceive: (message) => {
        deepFreeze(message)
        const life = this.look(id, 'handles a message', true)
        if (this.throwing.delete(`${this.network}/${life.component}`))
          throw new Error(`a message for ${life.component} that fails, on purpose`)
        this.handledCount++
        keepIn(this.received, `${life.component}.${port}`, this.observe(life, message))
        this.flows.handled(channel, message)
      },
    }
  }

  /** WD-1. Whoever was in a turn when its worker was held comes to the end of it, and what it sends waits. */
  private look(id: number, what: string, isHandling: boolean): Life {
    const life = this.lives.get(id)!
    life.hasWorked = true
    const worker = this.workers.get(life.worker)
    const isInForce = worker?.inForce?.instances.some((one) => one.id === id) === true
    if (isHandling && worker?.isHeld === true) this.violate(`WD-1 ${nameOf(life)} ${what} while it is held`)
    else if (!isInForce) this.violate(`WD-1 ${nameOf(life)} ${what} and is not in force`)
    return life
  }

  private observe({ index, worker }: Life, message: unknown): ObservedMessage {
    const node = this.workers.get(worker)?.end.node ?? ''
    return { message, instance: index, node, atMs: this.cluster.time.elapsedMs }
  }

  private nameOf(id: number): string {
    const life = this.lives.get(id)
    const { component, instance } = this.instances.get(id)!
    return life === undefined ? `${component}[${instance}]` : nameOf(life)
  }
}

function keepIn(lists: Map<string, ObservedMessage[]>, port: string, message: ObservedMessage): void {
  const list = lists.get(port)
  if (list === undefined) lists.set(port, [message])
  else list.push(message)
}

function isOnPurpose(error: unknown): boolean {
  for (let one = error; one instanceof Error; one = one.cause)
    if (one.message.includes('on purpose')) return true
  return false
}
