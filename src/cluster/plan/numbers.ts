import { assert } from '../../base/assert.ts'
import {
  asInstanceId,
  asWorkerNumber,
  connectionNumbersMax,
  type InstanceId,
  instanceIdsMax,
  type Plan,
  type WorkerNumber,
} from '../protocol/index.ts'

/** Gives numbers that are new beside those of the current plan (PL-2). */
export class Numbers {
  nextWorker: number
  readonly #instances: Ring
  readonly #connections: Ring

  constructor(current: Plan | undefined) {
    this.nextWorker = current?.nextWorker ?? 0
    const ids = (current?.instances ?? []).map(({ id }): number => id)
    this.#instances = new Ring(instanceIdsMax, current?.nextInstance ?? 0, new Set(ids))
    const connections = Object.values(current?.connections ?? {})
    this.#connections = new Ring(connectionNumbersMax, current?.nextConnection ?? 0, new Set(connections))
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
