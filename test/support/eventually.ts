import { setTimeout as sleep } from 'node:timers/promises'

/** Thrown by a condition: it will not come true any more, and what is told is this, at once, and not that time is over. */
export class Hopeless extends Error {}

/** Waits until `condition` gives something true, and gives it; after `timeoutMs` an error that says what did not happen. */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = 20_000,
): Promise<NonNullable<T>> {
  const endMs = performance.now() + timeoutMs
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
    if (performance.now() > endMs)
      throw new Error(`within ${timeoutMs} ms it did not happen: ${what}`, { cause: last })
    await sleep(10)
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
