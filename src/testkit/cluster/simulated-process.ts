import { asError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { Agent } from '../../cluster/agent/agent.ts'
import { join, type Membership } from '../../cluster/agent/membership.ts'
import { Manager, type RestartPolicy } from '../../cluster/control/index.ts'
import {
  type Address,
  asNodeId,
  type ClusterKeys,
  type NodeId,
  type NodeRecord,
  protocolSpoken,
} from '../../cluster/protocol/index.ts'
import type { Calls } from '../../transport/calls.ts'
import { NodeSnapshots } from '../../cluster/node/node-snapshots.ts'
import { NodeStorages } from '../../cluster/node/node-storages.ts'
import { storageOver } from '../../snapshot/storage/checked-storage.ts'
import { LeaseKeeper } from '../../store/recipes/index.ts'
import type { WorkerAssignment } from '../../worker/assignment.ts'
import type { Load, WorkerMeans } from '../../worker/worker.ts'
import type { DeafBackend } from './deaf-backend.ts'
import { SimulatedControl } from './simulated-control.ts'
import type { SimulatedJournals } from './simulated-journals.ts'
import type { LineOwner, SimulatedLines } from './simulated-lines.ts'
import type { ProcessClock } from './simulated-time.ts'
import { ThreadClock } from './thread-clock.ts'
import { SimulatedWorker } from './simulated-worker.ts'
import type { Reach } from './steps.ts'
import { watchedTakers } from './snapshot-watch.ts'
import type { StorageLine } from './storage-line.ts'
import type { StoreLine } from './store-line.ts'
import type { ClusterWatcher } from './watcher.ts'
import type { Wires } from './wires.ts'

export interface NodeOptions {
  readonly id: string
  readonly groups?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  /** Default 2. */
  readonly workers?: number
}

export interface ProcessMeans {
  readonly cluster: string
  readonly keys: ClusterKeys
  readonly clock: ProcessClock
  readonly line: StoreLine
  readonly backend: DeafBackend
  readonly random: Random
  readonly wires: Wires
  readonly lines: SimulatedLines
  readonly watcher: ClusterWatcher
  readonly ttlMs: number
  readonly restarts: RestartPolicy
  readonly load: Load
  readonly states: WorkerMeans['states']
  readonly disks: SimulatedJournals
  readonly localize: (assignment: WorkerAssignment) => WorkerAssignment
  readonly port: () => number
  readonly made: (worker: SimulatedWorker) => void
  readonly workerAt: (address: Address) => SimulatedWorker
  readonly pid: number
  readonly reach: Reach
  /** Its way to the storage of snapshots, where there is one. */
  readonly storageLine: StorageLine | undefined
  readonly alignMsMax: number | undefined
  /** Undefined: the processes of other nodes cannot be looked at. */
  readonly isGone: (record: NodeRecord) => boolean | undefined
}

/** The same in each life, as when it is given on the command line. */
const controlPort = 1
/** Of the time to live of a node's lease, as by default. */
const linkLossPart = 2 / 3
/** What comes after a join that failed, in milliseconds. */
const retryMs = 200

/**
 * One life of a node: a process that joins, is an agent and a candidate for managing, and joins anew when its lease is lost,
 * until it is killed or told to leave.
 */
export class SimulatedProcess {
  readonly options: NodeOptions
  readonly means: ProcessMeans
  /** Of all its lives in the cluster. */
  readonly workers = new Set<SimulatedWorker>()
  membership: Membership | undefined
  agent: Agent | undefined
  isManager = false
  private readonly end: LineOwner
  private readonly leaving = new AbortController()
  private readonly running: Promise<void>

  constructor(options: NodeOptions, means: ProcessMeans) {
    this.options = options
    this.means = means
    const { clock } = means
    this.end = {
      address: { host: options.id, port: controlPort },
      clock,
      node: options.id,
      isDead: () => clock.isDead,
    }
    this.running = this.run()
  }

  get isDead(): boolean {
    return this.means.clock.isDead
  }

  /** SIGKILL. */
  kill(): void {
    this.means.clock.kill()
    for (const worker of this.workers) worker.lost('its node was killed')
    this.means.lines.lose(this.end.address)
    this.isManager = false
  }

  /** Leaves in peace. */
  leave(): Promise<void> {
    this.leaving.abort()
    return this.running
  }

  private note(what: string): void {
    this.means.watcher.note(this.options.id, what)
  }

  private async run(): Promise<void> {
    const { line, clock, random } = this.means
    const leases = new LeaseKeeper(line, { clock, random })
    while (!this.leaving.signal.aborted) {
      try {
        await this.live(leases)
      } catch (error) {
        if (this.leaving.signal.aborted) break
        this.note(`did not join: ${asError(error).message}`)
        await new Promise<void>((resolve) => {
          clock.after(retryMs, resolve)
        })
      }
    }
    await leases.close()
  }

  /** From joining to the end of the lease. */
  private async live(leases: LeaseKeeper): Promise<void> {
    const { cluster, lines, random, watcher, ttlMs, isGone } = this.means
    const storages = this.storages()
    const snapshots = storages && this.snapshots(storages, (node) => control.to(node))
    const control: SimulatedControl = await SimulatedControl.open({
      cluster,
      self: asNodeId(this.options.id),
      end: this.end,
      lines,
      random,
      watcher,
      linkLossMs: ttlMs * linkLossPart,
      isGone,
      ...(snapshots && { handlers: snapshots.handlers }),
    })
    try {
      await this.beMember(leases, control, storages, snapshots)
    } finally {
      await storages?.close()
      await control.close()
    }
  }

  private storages(): NodeStorages | undefined {
    const { clock, storageLine } = this.means
    if (storageLine === undefined) return undefined
    return new NodeStorages({
      clock,
      defaultAddress: 'simulated:',
      openStorage: () => Promise.resolve(storageOver(storageLine, clock)),
    })
  }

  private snapshots(storages: NodeStorages, to: (node: NodeId) => Calls): NodeSnapshots {
    return new NodeSnapshots({ self: asNodeId(this.options.id), storages, to })
  }

  private async beMember(
    leases: LeaseKeeper,
    control: SimulatedControl,
    storages: NodeStorages | undefined,
    snapshots: NodeSnapshots | undefined,
  ): Promise<void> {
    const { cluster, keys, line, clock, random, ttlMs, isGone } = this.means
    const { signal } = this.leaving
    const membership = await join(
      this.record(),
      { store: line, keys, leases, clock, random, isGone: (record) => isGone(record) === true },
      { cluster, ttlMs, signal },
    )
    this.membership = membership
    this.note(`joined as ${membership.record.incarnation}`)
    const agent = this.makeAgent(membership, control, snapshots)
    this.agent = agent
    if (snapshots !== undefined) snapshots.agent = agent
    control.joined(membership, { store: line, keys, view: () => agent.view })
    const manager = this.makeManager(membership, storages, snapshots)
    await ended(AbortSignal.any([membership.lease.signal, signal]))
    this.note(signal.aborted ? 'leaves' : 'lost its lease')
    await Promise.all([agent.close(), manager.close()])
    this.membership = undefined
    this.agent = undefined
    await membership.lease.close()
  }

  private record(): Omit<NodeRecord, 'joinedAtMs'> {
    const { id, groups = [], labels = {}, workers = 2 } = this.options
    const { random, pid } = this.means
    return {
      id: asNodeId(id),
      incarnation: random.int(2 ** 31).toString(36),
      pid,
      processStart: '0',
      machine: 'simulated',
      version: '0',
      protocol: protocolSpoken,
      control: this.end.address,
      groups: [...groups],
      labels: { ...labels },
      workers,
    }
  }

  private makeAgent(
    membership: Membership,
    control: SimulatedControl,
    snapshots: NodeSnapshots | undefined,
  ): Agent {
    const { line, keys, random, clock, wires, lines, ttlMs, watcher, load, localize, port } = this.means
    const { states, disks } = this.means
    const { made, workerAt, reach, storageLine } = this.means
    const { id } = this.options
    const agent: Agent = new Agent({
      store: line,
      keys,
      random,
      membership,
      workersOf: (network) => (number, events) => {
        const thread = new ThreadClock(clock)
        const worker = new SimulatedWorker(number, events, {
          network,
          end: { address: { host: id, port: port() }, clock: thread, node: id, isDead: () => clock.isDead },
          thread,
          wires,
          lines,
          linkLossMs: ttlMs * linkLossPart,
          at: workerAt,
          reach,
          watcher,
          clock: thread,
          random,
          load,
          disks,
          ...(states && { states }),
          check: 'none',
          ...(storageLine && {
            snapshots: { storage: () => Promise.resolve(storageOver(storageLine, thread)) },
          }),
        })
        this.workers.add(worker)
        made(worker)
        if (clock.isDead) worker.lost('its node was killed')
        return worker
      },
      localize: (assignment) => Promise.resolve(localize(assignment)),
      ...(snapshots && { readSnapshot: snapshots.read }),
      events: {
        rejected: (_network, _record, taken) => taken(),
        logged: (network, { level, component, instance, message }, taken) => {
          this.note(`${network} ${component}[${instance}] ${level}: ${message}`)
          taken()
        },
        failed: (network, what, error) => {
          this.note(`${network}: ${what} failed: ${error.message}`)
          watcher.troubled(id, `${network}: ${what}`, error)
        },
        seen: () => {
          if (snapshots !== undefined) control.update(agent.view)
        },
        linkFailed: (network, from, to, error) =>
          this.note(`${network}: the link ${from} to ${to} failed: ${error.message}`),
        troubled: (what, error) => {
          this.note(`${what}: ${error.message}`)
          watcher.troubled(id, what, error)
        },
      },
    })
    return agent
  }

  private makeManager(
    membership: Membership,
    storages: NodeStorages | undefined,
    snapshots: NodeSnapshots | undefined,
  ): Manager {
    const { line, keys, clock, restarts, watcher, alignMsMax } = this.means
    const { id } = this.options
    return new Manager({
      store: line,
      keys,
      clock,
      lease: membership.lease,
      node: asNodeId(id),
      restarts,
      ...(snapshots &&
        storages && {
          snapshots: {
            takers: watchedTakers(snapshots, watcher, id),
            storages,
            ...(alignMsMax !== undefined && { alignMsMax }),
          },
        }),
      events: {
        elected: () => {
          this.isManager = true
          this.note('manages')
        },
        deposed: () => {
          this.isManager = false
          this.note('manages no more')
        },
        decided: (network, what) => this.note(`${network}: ${what}`),
        troubled: (what, error) => {
          this.note(`${what}: ${error.message}`)
          watcher.troubled(id, what, error)
        },
      },
    })
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
