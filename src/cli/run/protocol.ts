import type { ErrorData } from '../../base/errors.ts'
import type { RunEvent, RunOptions, RunStatus, RunSummary } from '../../run/types.ts'

/**
 * Between `vertigo run` and the child that runs the engine.
 *
 * - CP-1 The child's first message says what to run; it may be started before that is known (`engine-process.ts`).
 * - CP-2 The child reports exactly one outcome, as its last report; a child that ends without one was aborted.
 * - CP-3 The child sends its status at once, and then every `statusMs`: a sign of life.
 * - CP-4 When the channel closes, the parent is gone and the child ends.
 */
export interface EngineRequest {
  /** Path of the network's file or module. */
  readonly network: string
  readonly options: Pick<
    RunOptions,
    'workers' | 'set' | 'dev' | 'store' | 'durationMs' | 'stallMs' | 'setupMsMax' | 'workerMemoryMbMax'
  >
}

export const statusMs = 100

/** To the child. */
export type EngineCommand = 'drain' | 'stop'

/** From the child. */
export type EngineReport =
  | {
      readonly type: 'events'
      readonly events: readonly RunEvent[]
      /** Log records and rejected messages that were left out, since more came than could be sent. */
      readonly left: number
    }
  | { readonly type: 'status'; readonly status: RunStatus }
  | { readonly type: 'finished'; readonly summary: RunSummary }
  | { readonly type: 'failed'; readonly error: ErrorData }

/** What happens while a network runs, for whoever shows it. */
export interface EngineListener {
  event(event: RunEvent): void
  status(status: RunStatus): void
  /** A line that a component wrote to standard error. */
  text(line: string): void
  /** Events that were left out. */
  left(count: number): void
}

/** A network that is run, in this process or in a child. */
export interface Engine {
  /** Rejects with the error that ended the run. */
  readonly outcome: Promise<RunSummary>
  /** Ends the sources; what is on its way is handled. */
  drain(): void
  /** Ends it at once, whatever it does; the outcome comes within a few seconds. */
  stop(): void
}
