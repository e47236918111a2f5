import type { Cancel, Clock } from '../../../../src/base/clock.ts'
import { type Random, seededRandom } from '../../../../src/base/random.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import { eventLoopTurn, TestClock } from '../../../../src/testkit/test-clock.ts'
import type { Client } from '../../../support/store/client.ts'
import { FaultyStore, type Faults, noFaults } from './faulty-store.ts'

/** A simulated store with clients that are slow, lose answers, and are paused; all from one seed. */
export class World {
  readonly clock = new TestClock()
  readonly random: Random
  readonly backend: MemoryBackend
  readonly clients: SimulatedClient[] = []

  constructor(seed: number, historyMax?: number) {
    this.random = seededRandom(seed)
    this.backend = new MemoryBackend({ clock: this.clock, ...(historyMax && { historyMax }) })
  }

  client(faults: Faults = noFaults): SimulatedClient {
    const random = seededRandom(this.random.int(2 ** 31))
    const client = new SimulatedClient(`client-${this.clients.length}`, this, random, faults)
    this.clients.push(client)
    return client
  }

  /** Lets time pass, event by event, until the promise is settled; fails where that takes more than `msMax`. */
  async settle<T>(promise: Promise<T>, msMax = 600_000): Promise<T> {
    let isSettled = false
    const done = promise.finally(() => {
      isSettled = true
    })
    // It is awaited below; until then it must not count as unhandled.
    done.catch(() => undefined)
    const untilMs = this.clock.now() + msMax
    for (;;) {
      await eventLoopTurn()
      if (isSettled) return done
      if (this.clock.hasSoon) this.clock.runSoon()
      else if (!this.clock.advanceToNext(untilMs))
        throw new Error(`what was waited for did not happen within ${msMax} simulated ms`)
    }
  }

  /** Lets `ms` of time pass, and promises settle between events. */
  pass(ms: number): Promise<void> {
    return this.settle(
      new Promise((resolve) => {
        this.clock.after(ms, resolve)
      }),
    )
  }
}

export class SimulatedClient implements Client {
  readonly name: string
  readonly clock: PausableClock
  readonly random: Random
  readonly store: FaultyStore

  constructor(name: string, world: World, random: Random, faults: Faults) {
    this.name = name
    this.random = random
    this.clock = new PausableClock(world.clock)
    const inner = storeOver(world.backend, world.clock)
    this.store = new FaultyStore(inner, { network: world.clock, own: this.clock, random, faults })
  }

  /** As SIGSTOP and SIGCONT do it: time passes, nothing runs, and nothing that was sent is called back. */
  pause(): void {
    this.clock.pause()
  }

  resume(): void {
    this.clock.resume()
  }
}

/** The clock of a process that can be stopped: what becomes due meanwhile runs when it goes on. */
export class PausableClock implements Clock {
  private readonly inner: Clock
  private isPaused = false
  private due = new Set<() => void>()
  private wallJumpMs = 0

  constructor(inner: Clock) {
    this.inner = inner
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
    const { due } = this
    this.due = new Set()
    for (const action of due) action()
  }

  /** As a sleep of the machine looks where the monotonic clock stands still meanwhile; or a clock that is set. */
  jumpWallClock(ms: number): void {
    this.wallJumpMs += ms
  }

  now(): number {
    return this.inner.now() + this.wallJumpMs
  }

  monotonic(): number {
    return this.inner.monotonic()
  }

  after(delayMs: number, action: () => void): Cancel {
    let waiting: (() => void) | undefined
    const cancel = this.inner.after(delayMs, () => {
      waiting = this.run(action)
    })
    return () => {
      cancel()
      if (waiting !== undefined) this.due.delete(waiting)
    }
  }

  every(periodMs: number, action: () => void): Cancel {
    return this.inner.every(periodMs, () => this.run(action))
  }

  soon(action: () => void): void {
    this.inner.soon(() => this.run(action))
  }

  private run(action: () => void): (() => void) | undefined {
    if (!this.isPaused) {
      action()
      return undefined
    }
    const waiting = (): void => action()
    this.due.add(waiting)
    return waiting
  }
}
