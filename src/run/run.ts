import { availableParallelism } from 'node:os'
import { assert } from '../base/assert.ts'
import { type Cancel, systemClock } from '../base/clock.ts'
import { asError, VertigoError } from '../base/errors.ts'
import { isNetworkBuilder } from '../component/builder-types.ts'
import { hasKeyedState } from '../component/kind.ts'
import type { Network } from '../model/network.ts'
import { threadLink } from '../transport/thread.ts'
import type { RejectedMessage } from '../worker/host.ts'
import type { Load } from '../worker/worker.ts'
import { assign, type Assigned } from './assign.ts'
import { CodePorts } from './code-ports.ts'
import { allocateCounters, CounterReader, type SharedCounters } from './counters.ts'
import { DeadLetter } from './dead-letter.ts'
import { attachExports } from './exported-ports.ts'
import type { HostedWorker, HostEvents } from './hosted-worker.ts'
import { makeLinks } from './links.ts'
import { type LoadedNetwork, loadNetwork, type NetworkSource } from './load-network.ts'
import { workerMemoryMbMin } from './limits.ts'
import { MetricReader } from './metrics.ts'
import { loaderFor } from './loader.ts'
import { makeMainWorker } from './main-worker.ts'
import { defaultWorkers, mainWorker, place } from './place.ts'
import { QuietDetector } from './quiet.ts'
import { RunStore } from './run-store.ts'
import { StallWatch } from './stall-watch.ts'
import type {
  CodeBridgeHost,
  RunEvent,
  RunModules,
  Running,
  RunOptions,
  RunRequestOptions,
  RunStatus,
  RunSummary,
} from './types.ts'
import { beginThreads, type Threads } from './threads.ts'
import { WorkerThread } from './worker-thread.ts'

const stallMsDefault = 10_000
const probeMs = 20
/** Instances that an error names, of those that it is about. */
const pendingNamedMax = 10

/**
 * Runs a network in this process: in worker threads, or all in the caller's thread (`workers: 0`).
 *
 * A network's file or module (path or URL) can run in threads, which import it again; a network passed as a value runs
 * in the caller's thread.
 *
 * Fulfilled when the network runs. Errors before that (loading, validation, `setup`) reject; errors after it reject
 * `done` of the result. All errors are `VertigoError`s with the place of the fault.
 *
 * `begun` are threads that the caller has begun for these options, before it loaded this module; the run ends those that it
 * does not take.
 */
export async function run(
  source: NetworkSource,
  options: RunOptions & RunModules,
  begun?: Threads,
): Promise<Running> {
  const isValue = isNetworkBuilder(source)
  checkMemory(options.workerMemoryMbMax)
  const threads = begun ?? beginThreads(isValue ? { ...options, workers: 0 } : options)
  try {
    const { load, kinds } = await loaderFor(source, options.builtInKinds)
    const loaded = await loadNetwork(source, { load, set: options.set })
    const attached = await attachExports(loaded, options.attach ?? [], load)
    const bridge = await kinds.createBridge()
    const store = new RunStore(options.stores, options.store, systemClock)
    await store.check()
    const localRun = new LocalRun(attached, options, isValue, { bridge, threads, store })
    await localRun.begin(load)
    return localRun
  } finally {
    await threads.close()
  }
}

type Phase =
  | { readonly name: 'starting' | 'running' | 'draining' }
  | { readonly name: 'closing'; readonly error: unknown }
  | { readonly name: 'ended' }

/** What a run ends when it ends. */
interface Parts {
  readonly bridge: CodeBridgeHost
  readonly threads: Threads
  readonly store: RunStore
}

class LocalRun implements Running {
  readonly network: string
  readonly workers: number
  readonly done: Promise<RunSummary>
  private readonly said: Pick<Network, 'guarantee'>
  private readonly options: RunOptions & RunModules
  private readonly assigned: Assigned
  private readonly counters: SharedCounters
  private readonly reader: CounterReader
  private readonly metrics = new MetricReader()
  private readonly bridge: CodeBridgeHost
  private readonly ports: CodePorts
  private readonly threads: Threads
  private readonly store: RunStore
  private readonly deadLetter: DeadLetter
  private readonly clock = systemClock
  private readonly hasCycles: boolean
  private readonly finishedWorkers = new Set<number>()
  private readonly settle: { resolve: (summary: RunSummary) => void; reject: (error: unknown) => void }
  private hosts: HostedWorker[] = []
  private cancels: Cancel[] = []
  private phase: Phase = { name: 'starting' }
  private startedAtMs = 0
  private rejectedCount = 0

  constructor(
    loaded: LoadedNetwork,
    options: RunOptions & RunModules,
    isValue: boolean,
    { bridge, threads, store }: Parts,
  ) {
    this.threads = threads
    this.store = store
    const { network, kinds } = loaded
    const inMain = new Set([...kinds].filter(([, kind]) => kind.placement === 'main').map(([name]) => name))
    const sources = new Set([...kinds].filter(([, kind]) => kind.role === 'source').map(([name]) => name))
    const keyed = new Set([...kinds].filter(([, kind]) => hasKeyedState(kind)).map(([name]) => name))
    this.workers = chooseWorkers(
      options.workers,
      isValue,
      defaultWorkers(network, inMain, availableParallelism()),
    )
    this.network = network.name
    this.options = options
    this.said = network.guarantee === undefined ? {} : { guarantee: network.guarantee }
    this.bridge = bridge
    this.ports = new CodePorts(network, bridge)
    const { limits, emitPerMessageMax } = options
    this.assigned = assign(network, place(network, { workers: this.workers, inMain }), {
      sources,
      keyed,
      limits,
      emitPerMessageMax,
    })
    // Nobody would say that the last instance has finished. Validation refuses such a network (NETWORK_EMPTY).
    assert(this.assigned.instances.length > 0, 'a network that runs has instances')
    this.counters = allocateCounters(this.assigned.instances.length, this.workers + 1)
    this.reader = new CounterReader(this.counters, this.assigned.instances)
    this.hasCycles = network.connections.some((connection) => connection.back)
    this.deadLetter = new DeadLetter(network.deadLetter ?? `${network.name}.dead-letter.jsonl`, (error) =>
      this.end(error),
    )
    let settle: LocalRun['settle'] | undefined
    this.done = new Promise((resolve, reject) => {
      settle = { resolve, reject }
    })
    this.settle = settle!
    // Who only awaits `run` hears of a failure through it; `done` alone must not be an unhandled rejection then.
    this.done.catch(() => undefined)
  }

  /** Starts the workers; fulfilled when all components are ready and messages flow. */
  async begin(load: Load): Promise<void> {
    this.hosts = this.makeHosts(load)
    this.watch()
    const prepared = Promise.all([this.store.prepare(), ...this.hosts.map((host) => host.prepare())])
    const failed = this.done.then(
      () => undefined,
      (error: unknown) => {
        throw error
      },
    )
    try {
      await Promise.race([prepared, failed])
    } catch (error) {
      this.end(error)
      await this.done
    }
    if (this.phase.name !== 'starting') {
      await this.done
      return
    }
    this.phase = { name: 'running' }
    this.startedAtMs = this.clock.monotonic()
    const { instances } = this.assigned
    this.tell({ type: 'started', network: this.network, workers: this.workers, instances, ...this.said })
    for (const host of this.hosts) host.start()
    this.limitDuration()
  }

  status(): RunStatus {
    return {
      instances: this.reader.instanceStatus(),
      workers: this.hosts.map((host) => this.reader.workerStatus(host.worker)),
      metrics: this.metrics.status(),
    }
  }

  drain(): void {
    this.beginDrain('request')
  }

  async stop(): Promise<void> {
    this.end(this.stopped())
    await this.done.catch(() => undefined)
  }

  send(input: string, message: unknown): Promise<void> {
    return this.ports.send(input, message)
  }

  request(input: string, message: unknown, options?: RunRequestOptions): Promise<unknown> {
    return this.ports.request(input, message, options)
  }

  endInput(input: string): void {
    this.ports.endInput(input)
  }

  output(name: string): AsyncIterable<unknown> {
    return this.ports.output(name)
  }

  private makeHosts(load: Load): HostedWorker[] {
    const links = makeLinks(this.assigned.workers)
    const events = this.hostEvents()
    return this.assigned.workers.map((assignment) => {
      const ports = links.get(assignment.worker)!
      if (assignment.worker === mainWorker) {
        return makeMainWorker(assignment, {
          load,
          links: new Map([...ports].map(([peer, port]) => [peer, threadLink(port)])),
          counters: this.counters,
          bridge: this.bridge,
          openStore: this.store.open,
          check: this.check,
          dev: this.isDev,
          setupMsMax: this.options.setupMsMax,
          events,
        })
      }
      return new WorkerThread(
        this.threads.take(),
        {
          assignment,
          counters: this.counters,
          builtInKinds: this.options.builtInKinds,
          stores: this.options.stores,
          store: this.store.placeForThread((error) => this.end(error)),
          links: [...ports].map(([worker, port]) => ({ worker, port })),
          isolates: false,
          check: this.check,
          dev: this.isDev,
          setupMsMax: this.options.setupMsMax,
          memoryBytesMax: this.threads.memoryBytesMax,
          heartbeatMs: Math.max(10, Math.floor(this.stallMs / 8)),
        },
        events,
      )
    })
  }

  private hostEvents(): HostEvents {
    return {
      clock: this.clock,
      finished: (worker) => this.workerFinished(worker),
      failed: (error) => this.end(error),
      rejected: (record, taken) => this.rejected(record, taken),
      logged: (record, taken) => {
        this.tell({ type: 'log', record })
        taken()
      },
      metric: (record) => this.metrics.add(record),
      running: (worker) => this.reader.workerStatus(worker).running,
    }
  }

  private get isDev(): boolean {
    return this.options.dev ?? false
  }

  private get check(): 'edges' | 'all' | 'none' {
    return this.options.check ?? (this.isDev ? 'all' : 'edges')
  }

  private get stallMs(): number {
    return this.options.stallMs ?? stallMsDefault
  }

  /** Stalls, cycles that have come to rest, and the caller's signal. */
  private watch(): void {
    const { clock, stallMs } = this
    const stalls = new StallWatch(this.reader, stallMs)
    const hosted = (worker: number): readonly string[] =>
      this.assigned.instances.filter((i) => i.worker === worker).map((i) => `${i.component}[${i.instance}]`)
    const look = (): void => {
      for (const { worker } of this.hosts) {
        if (worker === mainWorker) continue
        const error = stalls.look(
          worker,
          clock.monotonic(),
          () => hosted(worker),
          this.phase.name === 'starting',
        )
        if (error !== undefined) this.end(error)
      }
    }
    this.cancels.push(clock.every(stalls.periodMs, look, { background: true }))
    if (this.hasCycles) this.watchCycles()
    const { signal } = this.options
    if (signal === undefined) return
    const onAbort = (): void => this.end(this.stopped())
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    this.cancels.push(() => signal.removeEventListener('abort', onAbort))
  }

  private watchCycles(): void {
    const detector = new QuietDetector()
    let isAsking = false
    const ask = async (): Promise<void> => {
      const probes = await Promise.all(this.hosts.map((host) => host.probe()))
      isAsking = false
      if (this.phase.name !== 'running' && this.phase.name !== 'draining') return
      if (detector.round(probes)) for (const host of this.hosts) host.endBackEdges()
    }
    this.cancels.push(
      this.clock.every(probeMs, () => {
        if (isAsking || this.phase.name === 'starting') return
        isAsking = true
        ask().catch((error: unknown) => this.end(error))
      }),
    )
  }

  private limitDuration(): void {
    const { durationMs } = this.options
    if (durationMs === undefined) return
    this.cancels.push(this.clock.after(durationMs, () => this.beginDrain('duration'), { background: true }))
  }

  private beginDrain(reason: 'duration' | 'request'): void {
    if (this.phase.name === 'starting') this.end(this.stopped())
    if (this.phase.name !== 'running') return
    this.phase = { name: 'draining' }
    this.tell({ type: 'draining', reason })
    for (const host of this.hosts) host.drain()
  }

  private stopped(): VertigoError {
    const pending = this.phase.name === 'starting' ? this.reader.notReady() : []
    if (pending.length === 0) {
      return new VertigoError('STOPPED', `The network "${this.network}" was stopped.`)
    }
    const named = pending.slice(0, pendingNamedMax).join(', ')
    const more = pending.length > pendingNamedMax ? ` and ${pending.length - pendingNamedMax} more` : ''
    return new VertigoError(
      'STOPPED',
      `The network "${this.network}" was stopped while it started. Not set up yet: ${named}${more}.`,
      { place: { component: pending[0] } },
    )
  }

  private rejected(record: RejectedMessage, taken: () => void): void {
    this.rejectedCount++
    this.tell({ type: 'rejected', record })
    this.deadLetter.write(record, taken)
  }

  /** What the caller's listener throws is the caller's fault, not that of the component which is at work. */
  private tell(event: RunEvent): void {
    try {
      this.options.onEvent?.(event)
    } catch (error) {
      const message = `onEvent failed with an event of type "${event.type}": ${asError(error).message}`
      this.end(new VertigoError('LISTENER_FAILED', message, { cause: error }))
    }
  }

  private workerFinished(worker: number): void {
    this.finishedWorkers.add(worker)
    if (this.finishedWorkers.size === this.hosts.length) this.end(undefined)
  }

  /** The first call decides how the run ends. */
  private end(error: unknown): void {
    if (this.phase.name === 'closing') {
      // While closing in peace, a component's `close` may still fail.
      if (this.phase.error === undefined && error !== undefined) this.phase = { name: 'closing', error }
      return
    }
    if (this.phase.name === 'ended') return
    this.phase = { name: 'closing', error }
    // Before components close, which know of no reason.
    if (error !== undefined) this.bridge.fail(error)
    this.close().catch((closeError: unknown) => this.settle.reject(closeError))
  }

  private async close(): Promise<void> {
    for (const cancel of this.cancels) cancel()
    const stalled =
      this.closingError !== undefined && (this.closingError as VertigoError).code === 'COMPONENT_STALLED'
    const closed = await Promise.allSettled(
      this.hosts.map((host) => (stalled ? host.terminate() : host.close())),
    )
    await this.store.close()
    await this.deadLetter.close()
    const failure = closed.find((result) => result.status === 'rejected')
    const error: unknown = this.closingError ?? failure?.reason
    this.phase = { name: 'ended' }
    this.bridge.close(error)
    if (error !== undefined) {
      this.settle.reject(error)
      return
    }
    this.settle.resolve({
      network: this.network,
      durationMs: this.clock.monotonic() - this.startedAtMs,
      instances: this.reader.instanceStatus(),
      metrics: this.metrics.status(),
      rejected: this.rejectedCount,
      deadLetter: this.deadLetter.written,
    })
  }

  private get closingError(): unknown {
    return this.phase.name === 'closing' ? this.phase.error : undefined
  }
}

function checkMemory(asked: number | undefined): void {
  if (asked === undefined || asked >= workerMemoryMbMin) return
  throw new VertigoError('USAGE', `workerMemoryMbMax is ${asked}; it is ${workerMemoryMbMin} or more.`)
}

function chooseWorkers(asked: number | undefined, isValue: boolean, byDefault: number): number {
  if (asked !== undefined && (!Number.isInteger(asked) || asked < 0 || asked > 1024)) {
    throw new VertigoError('USAGE', `workers is ${asked}; it is a whole number from 0 to 1024.`)
  }
  if (!isValue) return asked ?? byDefault
  if (asked === undefined || asked === 0) return 0
  throw new VertigoError('USAGE', "A network that is passed as a value runs in the caller's thread only.", {
    remedy: 'Pass the path or URL of its module to `run`, not what the module exports.',
  })
}
