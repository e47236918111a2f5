import { systemClock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Running, RunSummary } from '../../run/types.ts'
import { plainEvent } from './plain-data.ts'
import { type Engine, type EngineListener, type EngineRequest, statusMs } from './protocol.ts'
import { guardUserCode } from './user-code.ts'

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
  const begin = async (): Promise<void> => {
    const [{ run }, { builtInKindsUrl }] = await Promise.all([
      import('../../run/run.ts'),
      import('./built-in-kinds.ts'),
    ])
    running = await run(network, {
      ...options,
      builtInKinds: builtInKindsUrl,
      onEvent: (event) => {
        if (event.type === 'left-out') listener.left(event.count)
        else listener.event(plainEvent(event))
      },
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
  const stop = (): void => {
    if (running === undefined) reject(new VertigoError('STOPPED', 'The run was stopped before it had begun.'))
    else running.stop().catch(reject)
  }
  return {
    outcome,
    drain: () => (running === undefined ? stop() : running.drain()),
    stop,
  }
}
