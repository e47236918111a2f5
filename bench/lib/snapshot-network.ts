import { performance } from 'node:perf_hooks'
import { systemClock } from '../../src/base/clock.ts'
import { systemRandom } from '../../src/base/random.ts'
import { defineComponent, defineSource, type Kind, port, value } from '../../src/component/index.ts'
import type { FlatNetwork } from '../../src/model/flatten.ts'
import { assign } from '../../src/run/assign.ts'
import type { Merges } from '../../src/run/merges.ts'
import type { InstanceManifest } from '../../src/snapshot/manifest.ts'
import type { PartReport, SnapshotBegin } from '../../src/snapshot/part.ts'
import type { SnapshotStorage } from '../../src/snapshot/storage/storage.ts'
import { putManifest } from '../../src/snapshot/stored-manifest.ts'
import type { WorkerAssignment } from '../../src/worker/assignment.ts'
import { Worker } from '../../src/worker/worker.ts'

/** Where snapshots go, and the thread beside that makes their files one, as a node has it. */
export interface Taking {
  readonly storage: SnapshotStorage
  readonly merges: Merges
}

/** Which keys are counted: `window` of `keys`, from `base` on. */
export interface Keys {
  readonly keys: number
  window: number
  base: number
}

const network: FlatNetwork = {
  name: 'net',
  components: { source: { kind: 'source', base: '' }, count: { kind: 'count', base: '' } },
  connections: [{ from: 'source.out', to: 'count.key', selector: 'hash', base: '' }],
}

/** No common divisor with a number of keys that is a power of ten: so all keys of a window come up before one comes again. */
const stride = 7_919

/**
 * A count for each key in one thread of ours, with a worker, a storage and files as in a cluster; what the manager does beside it is
 * done here: it begins snapshots, and commits when all parts are stored.
 */
export class SnapshotNetwork {
  readonly keys: Keys
  /** Milliseconds between two pulls of the source: what a handler waits for at most. */
  readonly gaps: number[] = []
  /** Milliseconds from the beginning of a snapshot to its commit. */
  readonly commitsMs: number[] = []
  handled = 0
  private readonly storage: SnapshotStorage | undefined
  private readonly worker: Worker
  private readonly instances: number
  private next = 0
  private left = 0
  /** Sent and not yet handled. */
  private pending = 0
  private lastPullMs = 0
  private wake: (() => void) | undefined
  private settled: (() => void) | undefined
  private snapshot = 0
  private predecessor: number | null = null
  private flight:
    | {
        readonly begin: SnapshotBegin
        readonly sinceMs: number
        readonly parts: Map<number, InstanceManifest>
        readonly done: PromiseWithResolvers<void>
      }
    | undefined

  /** Without a storage: no snapshots. */
  constructor(keys: number, taking?: Taking) {
    this.keys = { keys, window: keys, base: 0 }
    this.storage = taking?.storage
    const kinds = this.kinds()
    const placement = new Map(Object.keys(network.components).map((name) => [name, [1]]))
    const options = { sources: new Set(['source']), keyed: new Set(['count']) }
    const assigned = assign(network, placement, options).workers[0]!
    const assignment: WorkerAssignment = {
      ...assigned,
      generation: 1,
      ...(taking !== undefined && { takesSnapshots: true }),
    }
    this.instances = assignment.instances.length
    this.worker = new Worker(assignment, {
      clock: systemClock,
      random: systemRandom,
      load: ({ address }) => Promise.resolve(kinds.get(address)),
      check: 'edges',
      counters: { write: () => undefined, running: () => undefined, ready: () => undefined },
      ...(taking !== undefined && {
        snapshots: { storage: () => Promise.resolve(taking.storage), merge: taking.merges.merge },
      }),
      events: {
        finished: () => undefined,
        failed: throwLater,
        rejected: (_record, taken) => taken(),
        metric: () => undefined,
        logged: (_record, taken) => taken(),
        part: (report) => this.heard(report),
      },
    })
  }

  /** Every key has been counted, and is in a committed snapshot where they are taken. */
  async start(): Promise<void> {
    await this.worker.prepare()
    this.worker.start()
    await this.count(this.keys.keys)
    await this.take()
    this.forgetFigures()
  }

  /** Counts so many messages; fulfilled when all are handled. */
  count(messages: number): Promise<void> {
    this.left += messages
    this.lastPullMs = performance.now()
    return new Promise((resolve) => {
      this.settled = resolve
      this.wake?.()
    })
  }

  get isTaking(): boolean {
    return this.flight !== undefined
  }

  /** Takes a snapshot. Fulfilled when it is committed. */
  take(): Promise<void> {
    if (this.storage === undefined) return Promise.resolve()
    const begin: SnapshotBegin = {
      type: 'begin',
      generation: 1,
      snapshot: ++this.snapshot,
      incarnation: 1,
      predecessor: this.predecessor,
      isAligned: true,
      alignMsMax: 1_000,
    }
    const done = Promise.withResolvers<void>()
    this.flight = { begin, sinceMs: performance.now(), parts: new Map(), done }
    this.worker.snapshot(begin)
    return done.promise
  }

  forgetFigures(): void {
    this.gaps.length = 0
    this.commitsMs.length = 0
  }

  close(): Promise<void> {
    return this.worker.close()
  }

  private heard(report: PartReport): void {
    const { flight } = this
    if (flight === undefined || report.snapshot !== flight.begin.snapshot) return
    if (report.type === 'part-failed') throwLater(report.error)
    if (report.type !== 'part-stored') return
    flight.parts.set(report.instance, report.part)
    if (flight.parts.size === this.instances) this.commit().catch(throwLater)
  }

  private async commit(): Promise<void> {
    const { begin, parts, sinceMs, done } = this.flight!
    const { incarnation, generation, snapshot, predecessor } = begin
    const instances = [...parts.values()]
    await putManifest(this.storage!, {
      network: network.name,
      incarnation,
      generation,
      id: snapshot,
      predecessor,
      instances,
    })
    this.commitsMs.push(performance.now() - sinceMs)
    this.predecessor = snapshot
    this.flight = undefined
    this.worker.snapshot({ type: 'committed', generation, snapshot })
    done.resolve()
  }

  private pull(max: number, emit: (key: number) => void): 'more' | Promise<'more'> {
    if (this.left === 0)
      return new Promise((resolve) => {
        this.wake = () => resolve('more')
      })
    const nowMs = performance.now()
    this.gaps.push(nowMs - this.lastPullMs)
    this.lastPullMs = nowMs
    const some = Math.min(max, this.left)
    const { keys, window, base } = this.keys
    for (let index = 0; index < some; index++) emit((base + ((this.next++ * stride) % window)) % keys)
    this.left -= some
    this.pending += some
    return 'more'
  }

  private handledOne(): void {
    this.handled++
    if (--this.pending === 0 && this.left === 0) this.settled?.()
  }

  private kinds(): ReadonlyMap<string, Kind> {
    const source = defineSource({
      outputs: { out: port<number>() },
      setup: () => ({ poll: (max, { emit }) => this.pull(max, emit.out) }),
    })
    const count = defineComponent({
      inputs: { key: port<number>() },
      state: { seen: value(0) },
      on: {
        key: (_key, { state }) => {
          state.seen.update((seen) => seen + 1)
          this.handledOne()
        },
      },
    })
    return new Map<string, Kind>([
      ['source', source],
      ['count', count],
    ])
  }
}

/** A failure ends the benchmark. */
function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error as Error
  })
}
