import { type Clock, sleep } from '../../base/clock.ts'
import { asError, isVertigoError } from '../../base/errors.ts'
import type { Logger } from '../../component/index.ts'

/** What is tried again while a server does not answer, and for how long. */
export interface Patience {
  readonly clock: Clock
  /** Ends the waiting, with its reason. */
  readonly signal: AbortSignal
  readonly log: Logger
  /** From the first failure on; then the last error is thrown. */
  readonly retryMs: number
}

const firstDelayMs = 50
const delayMsMax = 2_000

/** Tries again what failed with an error that may pass (`retryable`), with growing pauses. */
export async function withPatience<T>(
  { clock, signal, log, retryMs }: Patience,
  what: string,
  attempt: () => Promise<T>,
): Promise<T> {
  let firstFailureMs: number | undefined
  for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, delayMsMax)) {
    signal.throwIfAborted()
    try {
      return await attempt()
    } catch (thrown) {
      const error = asError(thrown)
      firstFailureMs ??= clock.monotonic()
      if (!isVertigoError(error) || !error.retryable) throw error
      if (clock.monotonic() + delayMs - firstFailureMs > retryMs) throw error
      log.warn(`${what}: ${error.message} Trying again.`)
    }
    await sleep(clock, delayMs, signal)
  }
}
