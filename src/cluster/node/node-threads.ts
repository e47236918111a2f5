import { availableParallelism } from 'node:os'
import type { Worker as Thread } from 'node:worker_threads'
import type { Cancel, Clock } from '../../base/clock.ts'
import { Threads } from '../../run/threads.ts'

/**
 * The threads of a node, for the workers of all its networks. Spare ones are kept that have loaded the engine: where a node
 * fails, others take over its instances without waiting for a thread to start, which takes longer than all the rest.
 *
 * - NT-1 Spare threads are started one after the other, and not while threads are being taken: what just begins to work
 *   does not share its cores with them.
 * - NT-2 There are as many as the node may have workers beside those that it has: one at least, for a network that has
 *   none here yet, and `sparesMax` at the most, for each costs some 30 MB. A node that hosts nothing keeps none.
 * - NT-3 No more threads begin at the same time than there are cores, however many networks come at once: the node's own thread,
 *   which keeps its lease, would not get its turn.
 */
export interface NodeThreadsOptions {
  readonly clock: Clock
  /** How many the node is meant to host. */
  readonly workers: number
  /** URLs of modules that spare threads load. */
  readonly preload: readonly string[]
}

export const sparesMax = 4
export const beginningMax = Math.max(2, availableParallelism())
/** So long no thread must have been taken or have ended before spare ones are started, in milliseconds. */
export const restMs = 1_000

export class NodeThreads {
  private readonly clock: Clock
  private readonly workers: number
  private readonly threads: Threads
  private used = 0
  private isStarting = false
  private isClosed = false
  private cancel: Cancel = () => undefined
  private beginning = 0
  private readonly waiting: (() => void)[] = []

  /** Starts the first one at once. */
  constructor({ clock, workers, preload }: NodeThreadsOptions) {
    this.clock = clock
    this.workers = workers
    this.threads = new Threads({ workers, memoryMbMax: undefined, preload, relays: true })
    this.fill()
  }

  get memoryBytesMax(): number {
    return this.threads.memoryBytesMax
  }

  /** How many nobody has taken. */
  get sparesCount(): number {
    return this.threads.sparesCount
  }

  /** Does what lets a thread begin, and waits until it has begun; when it is its turn (NT-3). */
  async inTurn(begin: () => Promise<void>): Promise<void> {
    if (this.beginning < beginningMax) this.beginning++
    else
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve)
      })
    try {
      await begin()
    } finally {
      const next = this.waiting.shift()
      if (next === undefined) this.beginning--
      else next()
    }
  }

  take(): Thread {
    const thread = this.threads.take()
    this.used++
    thread.once('exit', () => {
      this.used--
      this.fillLater()
    })
    this.fillLater()
    return thread
  }

  /** Ends those that nobody took. Idempotent. */
  async close(): Promise<void> {
    this.isClosed = true
    this.cancel()
    await this.threads.close()
  }

  private fillLater(): void {
    this.cancel()
    if (!this.isClosed) this.cancel = this.clock.after(restMs, () => this.fill(), { background: true })
  }

  private fill(): void {
    const wanted = this.workers === 0 ? 0 : Math.min(sparesMax, Math.max(1, this.workers - this.used))
    if (this.isClosed || this.isStarting || this.threads.sparesCount >= wanted) return
    this.isStarting = true
    this.threads.addSpare((isReady) => {
      this.isStarting = false
      if (isReady) this.fill()
    })
  }
}
