import { assert } from '../../base/assert.ts'
import {
  asGeneration,
  asInstanceId,
  asWorkerNumber,
  connectionNumbersMax,
  type Generation,
  type InstanceId,
  instanceIdsMax,
  noGeneration,
  type Plan,
  type UsedNumbers,
  type WorkerNumber,
} from '../protocol/index.ts'
import type { PlanningFacts } from './facts.ts'

/** Of the next plan (PL-6). */
export function nextGeneration({ current, used }: Pick<PlanningFacts, 'current' | 'used'>): Generation {
  return asGeneration(Math.max(current?.generation ?? noGeneration, used?.generation ?? noGeneration) + 1)
}

/** Gives numbers that are new beside those of the current plan (PL-2). */
export class Numbers {
  nextWorker: number
  readonly #instances: Ring
  readonly #connections: Ring

  constructor(current: Plan | undefined, used?: UsedNumbers) {
    this.nextWorker = Math.max(current?.nextWorker ?? 0, used?.nextWorker ?? 0)
    const { nextInstance = 0, nextConnection = 0 } = current ?? used ?? {}
    const ids = (current?.instances ?? []).map(({ id }): number => id)
    this.#instances = new Ring(instanceIdsMax, nextInstance, new Set(ids))
    const connections = Object.values(current?.connections ?? {})
    this.#connections = new Ring(connectionNumbersMax, nextConnection, new Set(connections))
  }

  get nextInstance(): InstanceId {
    return asInstanceId(this.#instances.next)
  }

  get nextConnection(): number {
    return this.#connections.next
  }

  worker(): WorkerNumber {
    return asWorkerNumber(this.nextWorker++)
  }

  instance(): InstanceId {
    return asInstanceId(this.#instances.take())
  }

  connection(): number {
    return this.#connections.take()
  }
}

/**
 * Whole numbers below a bound, given round and round. What a plan leaves behind comes again after all the others, which is
 * many plans later.
 */
class Ring {
  next: number
  readonly #size: number
  readonly #used: ReadonlySet<number>

  constructor(size: number, next: number, used: ReadonlySet<number>) {
    this.#size = size
    this.next = next
    this.#used = used
  }

  take(): number {
    assert(this.#used.size < this.#size, 'a number is free')
    let found = this.next
    while (this.#used.has(found)) found = (found + 1) % this.#size
    this.next = (found + 1) % this.#size
    return found
  }
}
