import type { Cancel, Clock } from '../../../src/base/clock.ts'
import type { Random } from '../../../src/base/random.ts'
import { promisesSettled } from '../../../src/testkit/cluster/simulated-time.ts'
import { TestClock } from '../../../src/testkit/test-clock.ts'

/** Threads whose steps come in an order that is drawn: each has its own queue, and they share time. */
export class Threads {
  readonly time = new TestClock()
  private readonly chance: Random
  private threads: Thread[] = []

  constructor(chance: Random) {
    this.chance = chance
  }

  add(): Thread {
    const thread = new Thread(this.time)
    this.threads.push(thread)
    return thread
  }

  /** They do nothing any more, whatever they were about to do. */
  killAll(): void {
    for (const thread of this.threads) thread.kill()
    this.threads = []
  }

  /** One step of one of them, or, where none has one or by chance, time goes on. False where nothing is left to do. */
  async step(): Promise<boolean> {
    const ready = this.threads.filter((thread) => thread.hasSoon)
    const { nextDueMs } = this.time
    if (ready.length > 0 && this.chance.int(20) > 0) ready[this.chance.int(ready.length)]!.runOne()
    else if (nextDueMs !== undefined && nextDueMs - this.time.now() < 60_000)
      this.time.advanceToNext(nextDueMs)
    else if (ready.length > 0) ready[0]!.runOne()
    else {
      await promisesSettled()
      return false
    }
    await promisesSettled()
    return true
  }
}

export class Thread implements Clock {
  private readonly time: TestClock
  private queue: (() => void)[] = []
  private isAlive = true

  constructor(time: TestClock) {
    this.time = time
  }

  get hasSoon(): boolean {
    return this.queue.length > 0
  }

  runOne(): void {
    this.queue.shift()!()
  }

  kill(): void {
    this.isAlive = false
    this.queue = []
  }

  now(): number {
    return this.time.now()
  }

  monotonic(): number {
    return this.time.monotonic()
  }

  after(delayMs: number, action: () => void): Cancel {
    return this.time.after(delayMs, () => {
      if (this.isAlive) action()
    })
  }

  every(periodMs: number, action: () => void): Cancel {
    return this.time.every(periodMs, () => {
      if (this.isAlive) action()
    })
  }

  soon(action: () => void): void {
    if (this.isAlive) this.queue.push(action)
  }
}
