import { type Clock, sleep } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { CallOptions } from '../store.ts'

/**
 * How long to wait before try number `attempt` (from 1): anything up to a bound that doubles, so that those who collided
 * once do not collide again ("full jitter": M. Brooker, "Exponential Backoff And Jitter", 2015).
 */
export function backoffMs(random: Random, attempt: number, minMs: number, maxMs: number): number {
  return random.next() * Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 30))
}

export interface Contention {
  readonly clock: Clock
  readonly random: Random
  readonly signal?: AbortSignal | undefined
  /** What is fought over, for the error. */
  readonly what: string
  /** Default 100: with the waits below some seconds, in which a hundred writers can each have had their turn. */
  readonly attemptsMax?: number
}

const attemptsMaxDefault = 100
const waitMsMin = 2
/** Some round trips; more would leave the store idle while all wait. */
const waitMsMax = 100

/** An attempt of a compare-and-set says this when somebody else was faster. */
export const conflict = Symbol('conflict')

/**
 * Reads, decides and writes under a compare, again where somebody else wrote in between. Errors: STORE_CONTENDED after
 * `attemptsMax` attempts; nothing was written then.
 */
export async function compareAndSet<T>(
  contention: Contention,
  attempt: () => Promise<T | typeof conflict>,
): Promise<T> {
  const { clock, random, signal, what, attemptsMax = attemptsMaxDefault } = contention
  for (let tries = 1; ; tries++) {
    signal?.throwIfAborted()
    const result = await attempt()
    if (result !== conflict) return result
    if (tries === attemptsMax)
      throw new VertigoError(
        'STORE_CONTENDED',
        `${what} was changed by others ${attemptsMax} times in a row.`,
      )
    // The first repetition comes at once: two who collide are no crowd.
    if (tries > 1) await sleep(clock, backoffMs(random, tries - 1, waitMsMin, waitMsMax), signal)
  }
}

/** Options of a call, without a signal that is not there. */
export function callOptions(signal: AbortSignal | undefined): CallOptions {
  return signal === undefined ? {} : { signal }
}
