import type { YieldAsked } from '../worker/turn-pace.ts'
import type { CounterSink, InstanceCounters } from '../worker/worker.ts'
import type { InstancePlace, InstanceStatus, WorkerStatus } from './types.ts'

/**
 * Counters of a run in memory that all its threads share: workers write, whoever shows them reads, and nobody waits
 * for anybody. A value may be a slice old; each is written by one worker only.
 */

const fieldsPerInstance = 7
/** Turns begun, instance that has its turn (plus 1), bytes in use, and whether its turn is asked to end. */
const fieldsPerWorker = 4

export interface SharedCounters {
  readonly instances: SharedArrayBuffer
  readonly workers: SharedArrayBuffer
}

export function allocateCounters(instances: number, workers: number): SharedCounters {
  return {
    instances: new SharedArrayBuffer(instances * fieldsPerInstance * Float64Array.BYTES_PER_ELEMENT),
    workers: new SharedArrayBuffer(workers * fieldsPerWorker * Float64Array.BYTES_PER_ELEMENT),
  }
}

/** What a worker writes about itself. */
export interface OwnCounters extends CounterSink {
  /** A sign of life, between turns. */
  readonly beat: () => void
  readonly memory: (bytes: number) => void
}

/** The writing side, of one worker. */
export function counterSink(shared: SharedCounters, worker: number): OwnCounters {
  const instances = new Float64Array(shared.instances)
  const own = new Float64Array(shared.workers)
  const at = worker * fieldsPerWorker
  const yieldAsked = yieldAskedOf(shared, worker)
  return {
    yieldAsked,
    write(index: number, counters: InstanceCounters) {
      const from = index * fieldsPerInstance
      instances[from] = counters.received
      instances[from + 1] = counters.sent
      instances[from + 2] = counters.queued
      instances[from + 3] = counters.rejected
      instances[from + 4] = counters.isBlocked ? 1 : 0
      instances[from + 5] = counters.isFinished ? 1 : 0
    },
    ready(index: number) {
      instances[index * fieldsPerInstance + 6] = 1
    },
    running(index: number) {
      own[at]!++
      own[at + 1] = index + 1
      yieldAsked[0] = 0
    },
    beat: () => {
      own[at]!++
      yieldAsked[0] = 0
    },
    memory: (bytes) => {
      own[at + 2] = bytes
    },
  }
}

function yieldAskedOf({ workers }: SharedCounters, worker: number): YieldAsked {
  return new Int32Array(workers, (worker * fieldsPerWorker + 3) * Float64Array.BYTES_PER_ELEMENT, 1)
}

/** The reading side. */
export class CounterReader {
  private readonly places: readonly InstancePlace[]
  private readonly instances: Float64Array
  private readonly workers: Float64Array
  private readonly shared: SharedCounters

  constructor(shared: SharedCounters, places: readonly InstancePlace[]) {
    this.places = places
    this.shared = shared
    this.instances = new Float64Array(shared.instances)
    this.workers = new Float64Array(shared.workers)
  }

  instanceStatus(): InstanceStatus[] {
    return this.places.map((place, index) => ({ ...place, ...this.counters(index) }))
  }

  counters(index: number): InstanceCounters {
    const from = index * fieldsPerInstance
    return {
      received: this.instances[from]!,
      sent: this.instances[from + 1]!,
      queued: this.instances[from + 2]!,
      rejected: this.instances[from + 3]!,
      isBlocked: this.instances[from + 4] === 1,
      isFinished: this.instances[from + 5] === 1,
    }
  }

  /** Instances whose `setup` has not ended, as `count[2]`. */
  notReady(): string[] {
    const places = this.places.filter((_, index) => this.instances[index * fieldsPerInstance + 6] !== 1)
    return places.map(({ component, instance }) => `${component}[${instance}]`)
  }

  workerStatus(worker: number): WorkerStatus {
    const running = this.places[this.runningIndex(worker)]
    return {
      worker,
      running: running === undefined ? undefined : `${running.component}[${running.instance}]`,
      memoryBytes: this.workers[worker * fieldsPerWorker + 2]!,
    }
  }

  /** Turns that a worker has begun: it stands still while a worker is stuck. */
  turns(worker: number): number {
    return this.workers[worker * fieldsPerWorker]!
  }

  /** The turn that a worker is in, if any, ends with the message that it is at. */
  askToYield(worker: number): void {
    yieldAskedOf(this.shared, worker)[0] = 1
  }

  /** Index of the instance that has its turn; -1 between turns. */
  runningIndex(worker: number): number {
    return this.workers[worker * fieldsPerWorker + 1]! - 1
  }
}
