import { type Random, seededRandom } from '../../base/random.ts'
import { Management } from '../../cluster/client/index.ts'
import { defaultRestartPolicy, type RestartPolicy } from '../../cluster/control/index.ts'
import type { Address } from '../../cluster/protocol/index.ts'
import { ClusterKeys, type NodeRecord } from '../../cluster/protocol/index.ts'
import { storeOver } from '../../store/checked-store.ts'
import { MemoryBackend } from '../../store/memory/memory-backend.ts'
import type { Store, Transaction } from '../../store/store.ts'
import type { ModuleAddress, WorkerAssignment } from '../../worker/assignment.ts'
import { MemoryStorageBackend } from '../../snapshot/storage/memory/memory-backend.ts'
import type { WorkerMeans } from '../../worker/worker.ts'
import { DeafBackend } from './deaf-backend.ts'
import { type NodeOptions, SimulatedProcess } from './simulated-process.ts'
import { type Machine, ProcessClock, SimulatedTime } from './simulated-time.ts'
import type { SimulatedWorker } from './simulated-worker.ts'
import { SimulatedJournals } from './simulated-journals.ts'
import { SimulatedLines } from './simulated-lines.ts'
import { type Reach, Steps, writeName } from './steps.ts'
import { goodStorage, StorageLine, type StorageQuality } from './storage-line.ts'
import { goodLine, type LineQuality, StoreLine } from './store-line.ts'
import type { ClusterWatcher } from './watcher.ts'
import { Wires } from './wires.ts'

export interface SimulatedClusterOptions {
  readonly seed: number
  readonly nodes: readonly NodeOptions[]
  readonly watcher: ClusterWatcher
  /** Gives the code of components; `clock` is that of the node that asks. */
  readonly load: (module: ModuleAddress, clock: ProcessClock) => Promise<unknown>
  /** What each assignment is turned into before it is prepared. Default: as it is. */
  readonly localize?: (assignment: WorkerAssignment, node: string) => WorkerAssignment
  /** Of the nodes' leases. Default 3,000. */
  readonly ttlMs?: number
  readonly restarts?: Partial<RestartPolicy>
  /** Nodes look at each other's processes, as on one machine: who is killed is known to be gone. Default false. */
  readonly isOneMachine?: boolean
  /** There is a storage of snapshots, so networks may have some. Default false. */
  readonly takesSnapshots?: boolean
  /** Chooses where keyed state is. Default: in memory, whatever networks say. */
  readonly states?: WorkerMeans['states']
  /** After so many milliseconds barriers overtake. Default: as long as in a cluster. */
  readonly alignMsMax?: number
}

const storeLane = 0
/** How much faster or slower the clock of a node goes than the store's: crystals are better than this. */
const driftMax = 0.002
const firstProcessLane = 2
const firstPort = 10_000
const journalSeed = 0x10_7a1

/**
 * A whole cluster in one process, from one seed: nodes with their agents and managers, one store, workers in this thread,
 * and the lines and wires between all of them. Nothing happens but in `pass`, `until` and `settle`.
 */
export class SimulatedCluster {
  readonly time: SimulatedTime
  readonly random: Random
  readonly keys = new ClusterKeys('sim')
  readonly backend: MemoryBackend
  readonly wires: Wires
  readonly lines: SimulatedLines
  readonly nodes = new Map<string, SimulatedNode>()
  readonly steps = new Steps()
  /** The store as nobody disturbs it, for who checks. */
  readonly store: Store
  /** What is in the storage of snapshots. */
  readonly files = new MemoryStorageBackend()
  /** What is in the journals of sources. */
  readonly journals: SimulatedJournals
  private readonly options: SimulatedClusterOptions
  private readonly workers = new Map<string, SimulatedWorker>()
  private lanes = firstProcessLane
  private ports = firstPort

  constructor(options: SimulatedClusterOptions) {
    this.options = options
    this.random = seededRandom(options.seed)
    // Its own: most networks have no journals, and draw what they did.
    this.journals = new SimulatedJournals(seededRandom(options.seed ^ journalSeed))
    this.time = new SimulatedTime(this.random)
    const clock = new ProcessClock(this.time, storeLane)
    this.backend = new MemoryBackend({ clock, historyMax: 100_000 })
    this.store = storeOver(this.backend, clock)
    this.wires = new Wires(this.time, this.fork(), {
      asked: (from, to) => {
        const peer = this.workers.get(textOf(to))
        // The request is on its way for a moment.
        peer?.end.clock.after(1, () => peer.asked(this.workerAt(from.address).number))
      },
    })
    this.lines = new SimulatedLines(this.time, this.fork())
    for (const node of options.nodes) this.nodes.set(node.id, new SimulatedNode(node, this))
  }

  /** All workers that there have been. */
  get allWorkers(): Iterable<SimulatedWorker> {
    return this.workers.values()
  }

  /** A client of its own, with a line of its own. */
  client(quality: LineQuality = goodLine): SimulatedClient {
    const { clock, line, random } = this.process('client', quality)
    return {
      management: new Management(line, this.keys, { clock, random }),
      line,
      kill: () => clock.kill(),
    }
  }

  /** Lets `ms` of time pass. */
  async pass(ms: number): Promise<void> {
    await this.time.run(this.time.nowMs + ms)
  }

  /** Until the condition holds, which is asked every `everyMs`; `what` says in the error what did not happen. */
  async until(
    condition: () => boolean | Promise<boolean>,
    { msMax, what, everyMs = 20 }: { msMax: number; what: () => string; everyMs?: number },
  ): Promise<void> {
    const untilMs = this.time.nowMs + msMax
    for (;;) {
      if (await condition()) return
      if (this.time.nowMs >= untilMs) throw new Error(`not within ${msMax} simulated ms: ${what()}`)
      await this.pass(everyMs)
    }
  }

  /** Lets time pass until the promise is settled. */
  async settle<T>(promise: Promise<T>, msMax = 60_000): Promise<T> {
    const state = { isSettled: false }
    const done = promise.finally(() => {
      state.isSettled = true
    })
    // It is awaited below; until then it must not count as unhandled.
    done.catch(() => undefined)
    if (!(await this.time.run(this.time.nowMs + msMax, () => state.isSettled)))
      throw new Error(`what was waited for did not happen within ${msMax} simulated ms`)
    return done
  }

  /** A new life of a node: its process. */
  startProcess(
    node: NodeOptions,
    {
      quality,
      machine,
      storage,
    }: { readonly quality: LineQuality; readonly machine: Machine; readonly storage: StorageQuality },
  ): SimulatedProcess {
    const { options } = this
    const { clock, line, backend, random, reach } = this.process(node.id, quality, machine)
    const storageLine = options.takesSnapshots === true ? this.storageLine(clock, reach) : undefined
    if (storageLine !== undefined) storageLine.quality = storage
    const means = {
      cluster: 'sim',
      keys: this.keys,
      clock,
      line,
      backend,
      random,
      wires: this.wires,
      lines: this.lines,
      workerAt: (address: Address) => this.workerAt(address),
      watcher: options.watcher,
      made: (worker: SimulatedWorker) => this.workers.set(textOf(worker.end.address), worker),
      ttlMs: options.ttlMs ?? 3_000,
      restarts: { ...defaultRestartPolicy, ...options.restarts },
      load: (module: ModuleAddress) => options.load(module, clock),
      states: options.states,
      disks: this.journals,
      localize: (assignment: WorkerAssignment) => options.localize?.(assignment, node.id) ?? assignment,
      port: () => this.ports++,
      pid: clock.lane,
      reach,
      storageLine,
      alignMsMax: options.alignMsMax,
      isGone: (record: NodeRecord) => (options.isOneMachine === true ? this.isGone(record) : undefined),
    }
    return new SimulatedProcess(node, means)
  }

  private process(who: string, quality: LineQuality, machine?: Machine): ProcessParts {
    const clock = new ProcessClock(this.time, this.lanes++, machine)
    const network = new ProcessClock(this.time, clock.lane)
    const random = this.fork()
    const backend = new DeafBackend(this.backend)
    const reach: Reach = (name, moment, more = {}) => {
      // What code does that is at its end already.
      if (!clock.isDead) this.steps.reach({ who, name, moment, ...more })
    }
    const means = {
      network,
      own: clock,
      random,
      isDead: () => clock.isDead,
      nameOf: (transaction: Transaction) => writeName(this.keys, transaction),
      reach,
    }
    const line = new StoreLine(storeOver(backend, network), means, quality)
    return { clock, random, backend, line, reach }
  }

  private storageLine(own: ProcessClock, reach: Reach): StorageLine {
    const network = new ProcessClock(this.time, own.lane)
    const means = { network, own, random: this.fork(), isDead: () => own.isDead, reach }
    return new StorageLine(this.files, means)
  }

  private isGone({ id, pid }: NodeRecord): boolean {
    const process = this.nodes.get(id)?.process
    return process === undefined || process.isDead || process.means.pid !== pid
  }

  private workerAt(address: Address): SimulatedWorker {
    return this.workers.get(textOf(address))!
  }

  private fork(): Random {
    return seededRandom(this.random.int(2 ** 31))
  }
}

export interface SimulatedClient {
  readonly management: Management
  readonly line: StoreLine
  /** SIGKILL: what it waits for does not come any more. */
  readonly kill: () => void
}

interface ProcessParts {
  readonly clock: ProcessClock
  readonly random: Random
  readonly backend: DeafBackend
  readonly line: StoreLine
  readonly reach: Reach
}

/** A node, over its lives. */
export class SimulatedNode {
  readonly options: NodeOptions
  process: SimulatedProcess | undefined
  private readonly cluster: SimulatedCluster
  /** Set `wallOffsetMs`, and the time of day jumps there; later lives have it as well. */
  readonly machine: Machine
  private lineQuality = goodLine
  private isLineCut = false
  private storageQuality = goodStorage
  private isStorageLineCut = false

  constructor(options: NodeOptions, cluster: SimulatedCluster) {
    this.options = options
    this.cluster = cluster
    this.machine = { wallOffsetMs: 0, rate: 1 + (cluster.random.next() - 0.5) * 2 * driftMax }
  }

  get id(): string {
    return this.options.id
  }

  /** Of its line to the store; those of later lives as well. */
  get quality(): LineQuality {
    return this.lineQuality
  }

  set quality(quality: LineQuality) {
    this.lineQuality = quality
    if (this.process !== undefined) this.process.means.line.quality = quality
  }

  /** Whether it has no store; later lives as well. */
  get isCut(): boolean {
    return this.isLineCut
  }

  set isCut(isCut: boolean) {
    this.isLineCut = isCut
    if (this.process !== undefined) this.process.means.line.isCut = isCut
  }

  /** Of its way to the storage of snapshots; later lives as well. */
  get storage(): StorageQuality {
    return this.storageQuality
  }

  set storage(quality: StorageQuality) {
    this.storageQuality = quality
    const line = this.process?.means.storageLine
    if (line !== undefined) line.quality = quality
  }

  /** Whether it has no storage of snapshots; later lives as well. */
  get isStorageCut(): boolean {
    return this.isStorageLineCut
  }

  set isStorageCut(isCut: boolean) {
    this.isStorageLineCut = isCut
    const line = this.process?.means.storageLine
    if (line !== undefined) line.isCut = isCut
  }

  get isUp(): boolean {
    return this.process !== undefined && !this.process.isDead
  }

  start(): void {
    if (this.isUp) return
    this.process = this.cluster.startProcess(this.options, this)
    this.process.means.line.isCut = this.isCut
    if (this.process.means.storageLine !== undefined) this.process.means.storageLine.isCut = this.isStorageCut
  }

  kill(): void {
    this.process?.kill()
  }

  pause(): void {
    this.process?.means.clock.pause()
  }

  resume(): void {
    this.process?.means.clock.resume()
  }
}

function textOf({ host, port }: Address): string {
  return `${host}:${port}`
}
