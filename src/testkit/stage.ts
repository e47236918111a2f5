import { systemClock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import { seededRandom } from '../base/random.ts'
import type { LogRecord } from '../component/context.ts'
import type { CodeBridgeOfRun } from '../connectors/code/bridge.ts'
import type { ChannelLimits } from '../messaging/limits.ts'
import type { FlatNetwork } from '../model/flatten.ts'
import { assign } from '../run/assign.ts'
import { MetricReader } from '../run/metrics.ts'
import type { Placement } from '../run/place.ts'
import { QuietDetector } from '../run/quiet.ts'
import { storeOver } from '../store/checked-store.ts'
import { MemoryBackend } from '../store/memory/memory-backend.ts'
import type { Store } from '../store/store.ts'
import { inProcessLinks } from '../transport/in-process.ts'
import type { Link } from '../transport/link.ts'
import type { InstanceAssignment, WorkerAssignment } from '../worker/assignment.ts'
import type { RejectedMessage } from '../worker/host.ts'
import { type Load, Worker } from '../worker/worker.ts'
import { eventLoopTurn, TestClock } from './test-clock.ts'

export interface StageOptions {
  readonly network: FlatNetwork
  readonly placement: Placement
  readonly load: Load
  readonly sources: ReadonlySet<string>
  readonly limits?: Partial<ChannelLimits>
  readonly emitPerMessageMax?: number
  readonly startMs?: number
  /** Seed of what selectors choose at random. Default 1. */
  readonly seed?: number
  /** What the kinds `feeder` and `collector` reach the test by. */
  readonly bridge?: CodeBridgeOfRun
  /** Changes what was assigned: a tester may host one instance of many. */
  readonly adjust?: (assigned: InstanceAssignment) => InstanceAssignment
}

/** Real time that a component may need for what no test clock knows of (files, sockets) before it counts as stuck. */
const realWaitMsMax = 30_000
/** Time of the test clock that passes at the end, for retries and delays that are under way. */
const endMsMax = 60_000
const soonPerTurn = 100_000

/**
 * The real workers with everything around them replaced that has a will of its own: time, randomness, threads. Workers
 * are joined by links within this thread, so that each message between them goes through the codec.
 */
export class Stage {
  readonly clock: TestClock
  readonly log: LogRecord[] = []
  readonly rejected: RejectedMessage[] = []
  readonly metrics = new MetricReader()
  readonly workers: readonly Worker[]
  readonly #store: Store
  readonly #bridge: CodeBridgeOfRun | undefined
  #failure: { readonly error: unknown } | undefined
  #finished = 0
  #closed: Promise<void> | undefined

  private constructor(options: StageOptions) {
    this.clock = new TestClock(options.startMs)
    this.#bridge = options.bridge
    this.#store = storeOver(new MemoryBackend({ clock: this.clock }), this.clock)
    const { workers } = assign(options.network, options.placement, options)
    const links = makeLinks(workers, this.clock)
    this.workers = workers.map((assignment) => {
      const { adjust = (same) => same } = options
      const adjusted = { ...assignment, instances: assignment.instances.map(adjust) }
      return new Worker(adjusted, {
        clock: this.clock,
        random: seededRandom((options.seed ?? 1) + assignment.worker),
        load: options.load,
        links: links.get(assignment.worker)!,
        check: 'all',
        bridge: options.bridge,
        openStore: async () => this.#store,
        counters: { write: () => undefined, running: () => undefined, ready: () => undefined },
        events: {
          finished: () => this.#finished++,
          failed: (error) => (this.#failure ??= { error }),
          rejected: (record, taken) => {
            this.rejected.push(record)
            taken()
          },
          metric: (record) => this.metrics.add(record),
          logged: (record, taken) => {
            this.log.push(record)
            taken()
          },
        },
      })
    })
  }

  /** Errors: what the worker finds wrong (KIND_INVALID, CONFIG_INVALID, PORT_NOT_READ), and what `setup` throws. */
  static async open(options: StageOptions): Promise<Stage> {
    const stage = new Stage(options)
    try {
      for (const worker of stage.workers) await worker.prepare()
      for (const worker of stage.workers) worker.start()
      await stage.settle()
    } catch (error) {
      await stage.close().catch(() => undefined)
      throw error
    }
    return stage
  }

  get isFinished(): boolean {
    return this.#finished === this.workers.length
  }

  /** Until nothing can go on without time passing, or something from outside of the test. Errors: the component's. */
  async settle(): Promise<void> {
    do {
      this.clock.runSoon(soonPerTurn)
      await eventLoopTurn()
    } while (this.clock.hasSoon)
    if (this.#failure !== undefined) throw this.#failure.error as Error
  }

  /** `stepMs`: time that passes between two looks. */
  async until(condition: () => boolean, stepMs = 0): Promise<void> {
    const deadline = systemClock.monotonic() + realWaitMsMax
    await this.settle()
    while (!condition()) {
      if (systemClock.monotonic() > deadline) {
        throw new VertigoError(
          'CLOSE_TIMEOUT',
          `what the test waits for did not happen within ${realWaitMsMax} ms`,
        )
      }
      if (stepMs > 0) await this.advance(stepMs)
      else await this.settle()
    }
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.clock.now() + ms
    await this.settle()
    while (this.clock.advanceToNext(untilMs)) await this.settle()
    await this.settle()
  }

  /** Until all instances have finished; time passes where only that helps. */
  async finish(name: string): Promise<void> {
    await this.settle()
    const untilMs = this.clock.now() + endMsMax
    const deadline = systemClock.monotonic() + realWaitMsMax
    const detector = new QuietDetector()
    while (!this.isFinished) {
      const { nextDueMs } = this.clock
      if (detector.round(this.workers.map((worker) => worker.probe()))) {
        for (const worker of this.workers) worker.endBackEdges()
      } else if (nextDueMs !== undefined && nextDueMs <= untilMs) {
        this.clock.advanceToNext(nextDueMs)
      } else if (systemClock.monotonic() > deadline) {
        throw new VertigoError('CLOSE_TIMEOUT', `"${name}" has not ended within ${realWaitMsMax} ms`)
      }
      await this.settle()
    }
  }

  /** Stops at once. Errors: what the authors' `close` throws. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const closing = Promise.allSettled(this.workers.map((worker) => worker.close()))
    const progress = { isClosed: false }
    const closed = closing.then(() => (progress.isClosed = true))
    const deadline = systemClock.monotonic() + realWaitMsMax
    while (!progress.isClosed) {
      this.clock.runSoon(soonPerTurn)
      await eventLoopTurn()
      // The worker itself waits by the test clock.
      if (systemClock.monotonic() > deadline) this.clock.advance(endMsMax)
    }
    await closed
    await this.#store.close()
    this.#bridge?.close(this.#failure?.error)
    for (const result of await closing) if (result.status === 'rejected') throw result.reason
  }
}

function makeLinks(workers: readonly WorkerAssignment[], clock: TestClock): Map<number, Map<number, Link>> {
  const links = new Map(workers.map(({ worker }) => [worker, new Map<number, Link>()]))
  for (const { worker, peers } of workers) {
    for (const peer of peers) {
      if (peer < worker) continue
      const [here, there] = inProcessLinks(clock)
      links.get(worker)!.set(peer, here)
      links.get(peer)!.set(worker, there)
    }
  }
  return links
}
