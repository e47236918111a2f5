import { setTimeout as sleep } from 'node:timers/promises'

/** Thrown by a condition: it will not come true any more, and what is told is this, at once, and not that time is over. */
export class Hopeless extends Error {}

const [pauseMsMin, pauseMsMax, waitedPart] = [10, 50, 0.05]

/**
 * How long to wait between two looks: a part of what has been waited for, within bounds. Each look takes time of the processors from what
 * is waited for, and who has waited for a second does not notice the last few hundredths.
 */
export function pauseMsAfter(waitedMs: number): number {
  return Math.min(Math.max(waitedMs * waitedPart, pauseMsMin), pauseMsMax)
}

/** Waits until `condition` gives something true, and gives it; after `timeoutMs` an error that says what did not happen. */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = 20_000,
): Promise<NonNullable<T>> {
  const startMs = performance.now()
  let last: unknown
  for (;;) {
    try {
      const found = await condition()
      if (found) return found
      last = undefined
    } catch (error) {
      if (error instanceof Hopeless) throw new Error(`it will not happen: ${what}`, { cause: error })
      last = error
    }
    const waitedMs = performance.now() - startMs
    if (waitedMs > timeoutMs)
      throw new Error(`within ${timeoutMs} ms it did not happen: ${what}`, { cause: last })
    await sleep(pauseMsAfter(waitedMs))
  }
}

/** Gives what `promise` gives; after `timeoutMs` an error that says what did not happen. */
export async function within<T>(what: string, timeoutMs: number, promise: Promise<T>): Promise<T> {
  const ending = new AbortController()
  const tooLate = sleep(timeoutMs, undefined, { signal: ending.signal }).then(() => {
    throw new Error(`within ${timeoutMs} ms it did not happen: ${what}`)
  })
  tooLate.catch(() => {})
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    ending.abort()
  }
}
