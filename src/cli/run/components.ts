import type { InstanceStatus } from '../../run/types.ts'

/** The instances of one component, taken together. */
export interface ComponentStatus {
  readonly component: string
  readonly instances: number
  readonly received: number
  readonly sent: number
  readonly queued: number
  readonly rejected: number
  readonly blocked: number
  readonly finished: number
}

/** Sums by component, in the order in which the instances name them. */
export function byComponent(instances: readonly InstanceStatus[]): ComponentStatus[] {
  const sums = new Map<string, { -readonly [K in keyof ComponentStatus]: ComponentStatus[K] }>()
  for (const each of instances) {
    let sum = sums.get(each.component)
    if (sum === undefined) {
      const { component } = each
      sum = { component, instances: 0, received: 0, sent: 0, queued: 0, rejected: 0, blocked: 0, finished: 0 }
      sums.set(component, sum)
    }
    sum.instances++
    sum.received += each.received
    sum.sent += each.sent
    sum.queued += each.queued
    sum.rejected += each.rejected
    if (each.isBlocked) sum.blocked++
    if (each.isFinished) sum.finished++
  }
  return [...sums.values()]
}

/** A component with its messages per second. */
export interface ComponentRates extends ComponentStatus {
  readonly receivedPerSecond: number
  readonly sentPerSecond: number
}

interface Sample {
  readonly timeMs: number
  readonly components: readonly ComponentStatus[]
}

/** Rates over a window of time: what differs between its first sample and its last. */
export class RateMeter {
  readonly #windowMs: number
  #samples: Sample[] = []

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  add(timeMs: number, instances: readonly InstanceStatus[]): void {
    this.#samples.push({ timeMs, components: byComponent(instances) })
    // The newest sample that is old enough stays, as the begin of the window.
    const begin = this.#samples.findLastIndex((sample) => sample.timeMs <= timeMs - this.#windowMs)
    if (begin > 0) this.#samples = this.#samples.slice(begin)
  }

  get rates(): readonly ComponentRates[] {
    const last = this.#samples.at(-1)
    if (last === undefined) return []
    const first = this.#samples[0]!
    const seconds = (last.timeMs - first.timeMs) / 1000
    const before = new Map(first.components.map((component) => [component.component, component]))
    return last.components.map((now) => {
      const then = before.get(now.component)
      const rate = (key: 'received' | 'sent'): number =>
        seconds <= 0 || then === undefined ? 0 : Math.max(0, (now[key] - then[key]) / seconds)
      return { ...now, receivedPerSecond: rate('received'), sentPerSecond: rate('sent') }
    })
  }
}
