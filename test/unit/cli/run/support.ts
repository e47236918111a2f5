import type { Cancel, Clock } from '../../../../src/base/clock.ts'
import type { InstanceStatus, RunStatus } from '../../../../src/run/types.ts'

/** A clock that the test moves. */
export class ManualClock implements Clock {
  #now = 1_000_000
  #timers: { atMs: number; periodMs: number | undefined; action: () => void }[] = []

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  after(delayMs: number, action: () => void): Cancel {
    return this.#add(delayMs, undefined, action)
  }

  every(periodMs: number, action: () => void): Cancel {
    return this.#add(periodMs, periodMs, action)
  }

  soon(action: () => void): void {
    this.#add(0, undefined, action)
  }

  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const next = this.#timers.filter(({ atMs }) => atMs <= end).toSorted((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#now = Math.max(this.#now, next.atMs)
      if (next.periodMs === undefined) this.#timers.splice(this.#timers.indexOf(next), 1)
      else next.atMs += next.periodMs
      next.action()
    }
    this.#now = end
  }

  #add(delayMs: number, periodMs: number | undefined, action: () => void): Cancel {
    const timer = { atMs: this.#now + delayMs, periodMs, action }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer)
    }
  }
}

export function instance(name: string, fields: Partial<InstanceStatus> = {}): InstanceStatus {
  const [, component = name, number = '0'] = /^(.*)\[(\d+)\]$/.exec(name) ?? []
  return {
    component,
    instance: Number(number),
    worker: 1,
    received: 0,
    sent: 0,
    queued: 0,
    rejected: 0,
    isBlocked: false,
    isFinished: false,
    ...fields,
  }
}

export function statusOf(...instances: readonly InstanceStatus[]): RunStatus {
  return {
    metrics: [],
    instances,
    workers: [{ worker: 1, running: undefined, memoryBytes: 64 * 1024 * 1024 }],
  }
}
