import { systemClock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Running, RunSummary } from '../../run/types.ts'
import { plainEvent } from './plain-data.ts'
import { type Engine, type EngineListener, type EngineRequest, statusMs } from './protocol.ts'
import { guardUserCode } from './user-code.ts'

/** How long a run that is stopped while it is set up may take to close what it has opened. */
const earlyMsMax = 2_000

/** `--workers 0`: everything in this process and thread, for debuggers. Nobody supervises it. */
export function runInProcess({ network, options }: EngineRequest, listener: EngineListener): Engine {
  let running: Running | undefined
  let settle: { resolve: (summary: RunSummary) => void; reject: (error: unknown) => void } | undefined
  const outcome = new Promise<RunSummary>((resolve, reject) => {
    settle = { resolve, reject }
  })
  const { resolve, reject } = settle!
  const unguard = guardUserCode(reject)
  // It keeps the process alive too, while components wait for what nothing in this process will bring.
  const cancel = systemClock.every(statusMs, () => {
    if (running !== undefined) listener.status(running.status())
  })
  /** Stops the run while it is being set up. */
  const early = new AbortController()
  const begin = async (): Promise<void> => {
    const [{ run }, { builtInKindsUrl }, { storesUrl }] = await Promise.all([
      import('../../run/run.ts'),
      import('./built-in-kinds.ts'),
      import('../../stores.ts'),
    ])
    running = await run(network, {
      ...options,
      builtInKinds: builtInKindsUrl,
      stores: storesUrl,
      signal: early.signal,
      onEvent: (event) => listener.event(plainEvent(event)),
    })
    const summary = await running.done
    listener.status(running.status())
    resolve(summary)
  }
  begin()
    .catch(reject)
    .finally(() => {
      cancel()
      unguard()
    })
    .catch(reject)
  const stopEarly = (): void => {
    early.abort()
    const error = new VertigoError('STOPPED', 'The run was stopped before it had begun.')
    systemClock.after(earlyMsMax, () => reject(error), { background: true })
  }
  const stop = (): void => {
    if (running === undefined) stopEarly()
    else running.stop().catch(reject)
  }
  return {
    outcome,
    drain: () => (running === undefined ? stop() : running.drain()),
    stop,
  }
}
