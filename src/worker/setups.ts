import type { Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'

/** A database that is slow to answer is normal; one that does not answer at all has to be named. */
export const setupMsMaxDefault = 60_000

/** Longest delay that timers take; a limit above it is none. */
const timerMsMax = 2_147_483_647

/** One step of the beginning of an instance. */
export interface SetupStep<T> {
  /** The instance, as `count[2]`. */
  readonly place: string
  readonly run: () => Promise<T>
}

/**
 * Runs the steps side by side. It ends with the first failure, since another step may take for ever; after `msMax`
 * milliseconds it fails with SETUP_TIMEOUT, which names every instance that is not done; and with the signal's reason
 * when that is aborted.
 */
export async function runSetups<T>(
  steps: readonly SetupStep<T>[],
  clock: Clock,
  msMax: number,
  signal: AbortSignal,
): Promise<readonly T[]> {
  signal.throwIfAborted()
  const pending = new Set(steps.map(({ place }) => place))
  const all = Promise.all(
    steps.map(async ({ place, run }) => {
      const result = await run()
      pending.delete(place)
      return result
    }),
  )
  let forget = (): void => undefined
  const cut = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    const onTime = (): void => reject(setupTimeout([...pending], msMax))
    const cancel = msMax > timerMsMax ? undefined : clock.after(msMax, onTime)
    forget = () => {
      signal.removeEventListener('abort', onAbort)
      cancel?.()
    }
  })
  try {
    return await Promise.race([all, cut])
  } finally {
    forget()
  }
}

function setupTimeout(pending: readonly string[], msMax: number): VertigoError {
  const [first] = pending
  return new VertigoError('SETUP_TIMEOUT', `${pending.join(', ')}: not set up within ${msMax} ms`, {
    place: { component: first },
  })
}
