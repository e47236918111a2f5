import type { Clock } from '../../../base/clock.ts'

export interface ComparisonsMeans {
  /** Errors: those of the store. */
  readonly catchUp: (network: string, timeoutMs: number) => Promise<void>
  readonly clock: Clock
}

/** A node whose view is later than that says what it sees. */
const lagMsMax = 2_000
/** Between the beginnings of two comparisons of one network. */
const everyMs = 250

/**
 * Compares what a node sees of a network with the store, for calls that its view would refuse.
 *
 * - CS-1 A comparison begins after the call that waits for it: what was there before the call is seen by it.
 * - CS-2 However many call, and however often, a network is asked for once within `everyMs`: whoever comes in between waits for
 *   the next time, together with the others.
 * - CS-3 Nobody waits longer than the call has time. A store that does not answer makes no call fail: the view has the word then.
 */
export class Comparisons {
  private readonly means: ComparisonsMeans
  /** Those that have not begun. */
  private readonly planned = new Map<string, Promise<void>>()
  /** When the last one of a network began, in that order: older ones than `everyMs` go when the next begins. */
  private readonly began = new Map<string, number>()

  constructor(means: ComparisonsMeans) {
    this.means = means
  }

  /** Errors: the reason of the signal. */
  async compare(network: string, signal?: AbortSignal, leftMs = Infinity): Promise<void> {
    signal?.throwIfAborted()
    const next = this.planned.get(network) ?? this.plan(network)
    await this.within(Math.min(leftMs, lagMsMax), next, signal)
    signal?.throwIfAborted()
  }

  private plan(network: string): Promise<void> {
    const { clock } = this.means
    const beganMs = this.began.get(network)
    const waitMs = beganMs === undefined ? 0 : beganMs + everyMs - clock.monotonic()
    if (waitMs <= 0) return this.begin(network)
    const planned = new Promise<void>((resolve) => {
      const begin = (): void => {
        this.planned.delete(network)
        resolve(this.begin(network))
      }
      clock.after(waitMs, begin, { background: true })
    })
    this.planned.set(network, planned)
    return planned
  }

  /** Never rejects: CS-3. */
  private begin(network: string): Promise<void> {
    const { clock, catchUp } = this.means
    const nowMs = clock.monotonic()
    for (const [known, beganMs] of this.began) {
      if (nowMs - beganMs < everyMs) break
      this.began.delete(known)
    }
    this.began.delete(network)
    this.began.set(network, nowMs)
    return catchUp(network, lagMsMax).catch(() => undefined)
  }

  private within(timeMs: number, next: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel()
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const cancel = this.means.clock.after(Math.max(0, timeMs), done, { background: true })
      signal?.addEventListener('abort', done, { once: true })
      next.then(done, done)
    })
  }
}
