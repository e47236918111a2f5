/**
 * Loads a network in a thread, for commands that do not run it: whatever its modules do while they are loaded, this
 * thread is left to say so.
 *
 * - LT-1 The thread reports one result or failure, as its last report; one that ends without any has failed.
 * - LT-2 To its last report, it says at once and every `aliveMs` that it is alive. One that does not for longer than `stallMs`
 *   computes without end, and is ended: modules may do so later too, in timers that they have left.
 * - LT-3 What modules have written to the standard output is written before the result is given.
 *
 * The thread's side is `load-thread.ts`.
 */
import { Worker } from 'node:worker_threads'
import { systemClock } from '../base/clock.ts'
import { asError, type ErrorData, errorFromData, VertigoError } from '../base/errors.ts'
import type { Network } from '../model/network.ts'

export interface TypesResult {
  readonly summary: string
  readonly unchecked: readonly { readonly name: string; readonly why: string }[]
}

/** What can be asked of the thread, with what it gives. */
export interface LoadResults {
  /** A network without its kinds; it need not be valid. */
  readonly read: Network
  /** A valid network's name; and why a cluster would refuse it all the same. */
  readonly validate: {
    readonly name: string
    readonly types: TypesResult | undefined
    readonly inCluster: readonly ErrorData[]
  }
}

export interface LoadRequest {
  readonly task: keyof LoadResults
  readonly file: string
  readonly types?: boolean
}

export type LoadReport =
  | { readonly type: 'alive' }
  | { readonly type: 'result'; readonly result: unknown }
  | { readonly type: 'failed'; readonly error: ErrorData }

export const aliveMs = 100

/** Long enough for large modules on a machine that is busy with other things. */
export const stallMsDefault = 30_000

const threadModule = new URL(
  import.meta.url.endsWith('.ts') ? 'load-thread.ts' : 'load-thread.js',
  import.meta.url,
)

/** Errors: those of `loadNetwork`, and KIND_LOAD_TIMEOUT where a module blocks the thread for longer than `stallMs`. */
export async function loadInThread<Task extends keyof LoadResults>(
  request: LoadRequest & { readonly task: Task },
  stallMs = stallMsDefault,
): Promise<LoadResults[Task]> {
  const thread = new Worker(threadModule, { workerData: request })
  let cancel = (): void => undefined
  try {
    const result = await new Promise<unknown>((resolve, reject) => {
      const watch = (): void => {
        cancel()
        cancel = systemClock.after(stallMs, () => reject(blocked(request.file, stallMs)))
      }
      thread.on('message', (report: LoadReport) => {
        if (report.type === 'result') resolve(report.result)
        else if (report.type === 'failed') reject(errorFromData(report.error))
        else watch()
      })
      thread.on('error', (error) => reject(endedBy(request.file, asError(error))))
      thread.on('exit', () => reject(endedEarly(request.file)))
    })
    return result as LoadResults[Task]
  } finally {
    cancel()
    // What a module has left behind, timers above all, would keep it for ever.
    await thread.terminate()
  }
}

function blocked(file: string, stallMs: number): VertigoError {
  return new VertigoError(
    'KIND_LOAD_TIMEOUT',
    `A module of ${file} has blocked its thread for ${stallMs / 1000} s.`,
    {
      place: { file },
      remedy:
        'Let modules only define things; work and connections belong into `setup` and handlers. `validate --stall-ms` sets another limit.',
    },
  )
}

/** By no report of the thread, so by what modules do: they use up its memory, or leave something behind that throws. */
function endedBy(file: string, cause: Error): VertigoError {
  return new VertigoError(
    'KIND_LOAD_FAILED',
    `A module of ${file} has ended the thread that loads it: ${cause.message}.`,
    { place: { file }, cause },
  )
}

function endedEarly(file: string): VertigoError {
  return new VertigoError('KIND_LOAD_FAILED', `A module of ${file} ended its thread while it was loaded.`, {
    place: { file },
  })
}
