import { MessageChannel } from 'node:worker_threads'
import type { Cancel, Clock } from '../../base/clock.ts'
import { asError, VertigoError } from '../../base/errors.ts'
import { allocateCounters, CounterReader, type SharedCounters } from '../../run/counters.ts'
import { MetricReader, type MetricStatus } from '../../run/metrics.ts'
import type { RunStore } from '../../run/run-store.ts'
import { StallWatch } from '../../run/stall-watch.ts'
import type { ClientPortNews, DataNet, PeerLink } from '../../run/thread-protocol.ts'
import { WorkerThread } from '../../run/worker-thread.ts'
import type { SnapshotCommand } from '../../snapshot/part.ts'
import type { WorkerAssignment } from '../../worker/assignment.ts'
import type { MetricRecord } from '../../worker/metrics.ts'
import type { InstanceCounters } from '../../worker/worker.ts'
import type { AgentWorker, AgentWorkerEvents, MakeWorker, PeerPlace } from '../agent/agent-worker.ts'
import { type Address, type InstanceId, instanceIdsMax, type WorkerNumber } from '../protocol/index.ts'
import { dataLinksUrl } from './data-links.ts'
import type { NodeThreads } from './node-threads.ts'
import type { OpenedLine, PortLines } from './ports/port-lines.ts'

/** The workers of one network on this node, each in a thread of its own. */
export interface ThreadWorkersOptions {
  readonly network: string
  readonly clock: Clock
  readonly net: Omit<DataNet, 'module' | 'network'>
  /** Until when workers may act; see `Fence`. */
  readonly fence: SharedArrayBuffer
  /** The store behind `context.shared`. */
  readonly store: RunStore
  /** Folder of the journals of sources. */
  readonly journals?: string
  readonly builtInKinds: string
  readonly stores: string
  readonly threads: NodeThreads
  /** How long a worker may show no sign of life, in milliseconds. */
  readonly stallMs: number
  /** Where instances behind exported ports are told of. */
  readonly clientPorts: PortLines
  /** The store could not be opened for a worker, or could not answer it. */
  readonly storeFailed: (error: Error) => void
  /** Who spoke nonsense to a worker's data port, or was refused there; `more`: others of whom nothing was told. */
  readonly turnedAway: (worker: WorkerNumber, remote: string, error: Error, more: number) => void
}

export class ThreadWorkers {
  readonly make: MakeWorker = (number, events) => new ThreadWorker(number, events, this)
  readonly options: ThreadWorkersOptions
  /** Of all instances, by their ids; pages that nobody writes to cost nothing. */
  readonly instanceCounters: SharedArrayBuffer
  /** Ports for pairs of workers, of which one has got its end. */
  private readonly ports = new Map<string, PeerPort>()
  private readonly reader: CounterReader
  /** By worker, and there by what they are of: an instance that is started again makes its metrics anew. */
  private readonly metricRecords = new Map<WorkerNumber, Map<string, MetricRecord>>()

  constructor(options: ThreadWorkersOptions) {
    this.options = options
    this.instanceCounters = allocateCounters(instanceIdsMax, 0).instances
    this.reader = new CounterReader({ ...allocateCounters(0, 0), instances: this.instanceCounters }, [])
  }

  /** Of an instance in one of these workers; zeros where it has not begun. */
  counts(id: InstanceId): InstanceCounters {
    return this.reader.counters(id)
  }

  /** Over the instances that are asked for. */
  metrics(isAsked: (worker: WorkerNumber, of: MetricRecord) => boolean): MetricStatus[] {
    const reader = new MetricReader()
    for (const [worker, records] of this.metricRecords)
      for (const record of records.values()) if (isAsked(worker, record)) reader.add(record)
    return reader.status()
  }

  metricMade(worker: WorkerNumber, record: MetricRecord): void {
    const { component, instance, name } = record
    const known = this.metricRecords.get(worker) ?? new Map<string, MetricRecord>()
    this.metricRecords.set(worker, known.set(JSON.stringify([component, instance, name]), record))
  }

  workerEnded(worker: WorkerNumber): void {
    this.metricRecords.delete(worker)
  }

  /** The first of two workers that asks makes the channel, the second gets its other end. */
  portBetween(own: WorkerNumber, other: WorkerNumber): PeerPort {
    const key = `${Math.min(own, other)} ${Math.max(own, other)}`
    const known = this.ports.get(key)
    if (known !== undefined) {
      this.ports.delete(key)
      return known
    }
    const { port1, port2 } = new MessageChannel()
    this.ports.set(key, port2)
    return port1
  }
}

type PeerPort = MessageChannel['port1']

const heartbeatsPerStall = 8

class ThreadWorker implements AgentWorker {
  readonly number: WorkerNumber
  private readonly events: AgentWorkerEvents
  private readonly owner: ThreadWorkers
  private readonly counters: SharedCounters
  private readonly reader: CounterReader
  private readonly known = new Set<WorkerNumber>()
  private readonly listening: Promise<Address>
  private onListens: ((address: Address) => void) | undefined
  private onFailed: ((error: Error) => void) | undefined
  private begun: Promise<void> | undefined
  private thread: WorkerThread | undefined
  private assignment: WorkerAssignment | undefined
  private cancelWatch: Cancel = () => undefined
  private hasEnded = false
  /** To instances behind exported ports, by their numbers in the thread. */
  private readonly lines = new Map<number, OpenedLine>()

  constructor(number: WorkerNumber, events: AgentWorkerEvents, owner: ThreadWorkers) {
    this.number = number
    this.events = events
    this.owner = owner
    this.counters = { ...allocateCounters(0, 1), instances: owner.instanceCounters }
    this.reader = new CounterReader(this.counters, [])
    this.listening = new Promise((resolve, reject) => {
      this.onListens = resolve
      this.onFailed = reject
    })
    // It is awaited by `prepare`; a thread that dies later has told it.
    this.listening.catch(() => undefined)
  }

  async prepare(assignment: WorkerAssignment): Promise<{ readonly listens: Address } | undefined> {
    this.begun ??= this.begin(assignment)
    await this.begun
    const [isReady, listens] = await Promise.all([this.thread!.prepareNext(assignment), this.listening])
    if (!isReady) return undefined
    this.assignment = assignment
    return { listens }
  }

  /** Errors: STOPPED where it was ended before it was its turn. */
  private begin(assignment: WorkerAssignment): Promise<void> {
    return this.owner.options.threads.inTurn(async () => {
      if (!this.hasEnded) this.thread = this.start(assignment)
      await this.listening
    })
  }

  switchOver(peers: readonly PeerPlace[]): void {
    const { assignment, thread } = this
    if (assignment === undefined || thread === undefined || this.hasEnded) return
    const links: PeerLink[] = []
    for (const { worker, node, address, isLocal } of peers) {
      // To all of the plan: an instance that was taken out may have to be told of its end by one that shares nothing else.
      if (this.known.has(worker)) continue
      this.known.add(worker)
      links.push(
        isLocal
          ? { worker, port: this.owner.portBetween(this.number, worker) }
          : { worker, node, host: address.host, port: address.port },
      )
    }
    const there = new Set(peers.map(({ worker }) => worker))
    for (const worker of this.known) if (!there.has(worker)) this.known.delete(worker)
    thread.switchOver(assignment, links)
  }

  hold(): void {
    this.thread?.hold()
  }

  release(): void {
    this.thread?.release()
  }

  snapshot(command: SnapshotCommand): void {
    this.thread?.snapshot(command)
  }

  async close(): Promise<void> {
    this.leave()
    try {
      await this.thread?.close()
    } finally {
      this.loseLines()
    }
  }

  async terminate(): Promise<void> {
    this.leave()
    this.loseLines()
    await this.thread?.terminate()
  }

  private leave(): void {
    this.hasEnded = true
    this.owner.workerEnded(this.number)
    this.cancelWatch()
    this.onFailed?.(new VertigoError('STOPPED', `worker ${this.number} was ended`))
  }

  private start(assignment: WorkerAssignment): WorkerThread {
    const { options } = this.owner
    const { clock, net, fence, store, stallMs, threads } = options
    const thread = new WorkerThread(
      threads.take(),
      {
        // Everything is prepared as what comes next: an assignment that fails then leaves a worker that can be used.
        assignment: { ...assignment, generation: 0, instances: [], peers: [] },
        counters: this.counters,
        slot: 0,
        builtInKinds: options.builtInKinds,
        stores: options.stores,
        store: store.placeForThread((error) => options.storeFailed(asError(error))),
        links: [],
        ...(options.journals !== undefined && { journals: options.journals }),
        net: { ...net, module: dataLinksUrl, network: options.network },
        fence,
        isolates: true,
        check: 'edges',
        dev: false,
        memoryBytesMax: threads.memoryBytesMax,
        setupMsMax: undefined,
        heartbeatMs: Math.max(10, Math.floor(stallMs / heartbeatsPerStall)),
      },
      {
        clock,
        listens: (_worker, address) => this.onListens?.(address),
        finished: () => undefined,
        instanceFinished: (_worker, id) =>
          this.events.finished(id as Parameters<AgentWorkerEvents['finished']>[0]),
        awaitsSnapshot: (_worker, id, awaits) =>
          this.events.awaitsSnapshot?.(id as Parameters<AgentWorkerEvents['finished']>[0], awaits),
        instanceFailed: (_worker, id, error) =>
          this.events.failed(id as Parameters<AgentWorkerEvents['failed']>[0], asError(error)),
        failed: (error) => this.died(asError(error)),
        linkFailed: (_worker, peer, error) => this.events.linkFailed(peer as WorkerNumber, asError(error)),
        turnedAway: (_worker, remote, error, more) =>
          options.turnedAway(this.number, remote, asError(error), more),
        rejected: (record, taken) => this.events.rejected(record, taken),
        logged: (record, taken) => this.events.logged(record, taken),
        metric: (record) => this.owner.metricMade(this.number, record),
        part: (_worker, report) => this.events.part?.(report),
        clientPort: (port, news) => this.clientPort(port, news),
        running: () => this.running(),
      },
    )
    this.watch()
    return thread
  }

  private clientPort(port: number, news: ClientPortNews): void {
    if (news.type === 'opened') {
      const { clientPorts, network } = this.owner.options
      const tell = (command: Parameters<WorkerThread['toClientPort']>[1]): void =>
        this.thread?.toClientPort(port, command)
      this.lines.set(port, clientPorts.opened(network, news.component, tell, news.isCommitted))
    } else if (news.type === 'closed') {
      this.lines.get(port)?.lost()
      this.lines.delete(port)
    } else this.lines.get(port)?.receive(news)
  }

  private loseLines(): void {
    for (const line of this.lines.values()) line.lost()
    this.lines.clear()
  }

  private watch(): void {
    const { clock, stallMs } = this.owner.options
    const stalls = new StallWatch(this.reader, stallMs)
    this.cancelWatch = clock.every(
      stalls.periodMs,
      () => {
        const hosted = (): readonly string[] =>
          this.assignment?.instances.map(({ component, instance }) => `${component}[${instance}]`) ?? []
        const error = stalls.look(0, clock.monotonic(), hosted, this.assignment === undefined)
        if (error !== undefined) this.died(error)
      },
      { background: true, coarse: true },
    )
  }

  private running(): string | undefined {
    const index = this.reader.runningIndex(0)
    const found = this.assignment?.instances.find((instance) => instance.index === index)
    return found && `${found.component}[${found.instance}]`
  }

  /**
   * What it hosts begins elsewhere when that is told, and must not act here beside it: the thread is ended first, however alive
   * it is. One that does not hear is not waited for without end (`terminate`).
   */
  private died(error: Error): void {
    if (this.hasEnded) return
    this.onFailed?.(error)
    this.leave()
    this.loseLines()
    const tell = (): void => this.events.died(error)
    const ended = this.thread?.terminate() ?? Promise.resolve()
    ended.then(tell, (failed: unknown) => {
      tell()
      this.events.died(asError(failed))
    })
  }
}
