import type { Cancel, Clock } from '../../base/clock.ts'
import { asError, VertigoError } from '../../base/errors.ts'
import { callTimeoutMsDefault } from '../limits.ts'
import type { CallOptions } from '../store.ts'
import { Batch, type StoreLimits } from './batch.ts'
import { causeOf, knownDatabaseError, refusalOf } from './database-error.ts'
import type { Environment } from './environment.ts'
import type { LockWait } from './lock-wait.ts'
import type { Tables } from './tables.ts'

interface Job {
  readonly run: (batch: Batch) => void
  /** After the commit. */
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  /** What it may write. */
  readonly bytes: number
  /** Waiting in the queue, within a transaction, or answered. */
  phase: 'queued' | 'taken' | 'answered'
  failure: unknown
  /** Was in a batch that had to be given up: to be done in one of its own. */
  isAlone: boolean
  /** No more timer and signal. */
  unlink: () => void
}

/** Calls that one commit takes; bounds how long the lock of writers is held. */
const batchCallsMax = 512
/** Keys and values that they write, and with that LMDB's memory for a transaction. */
const batchBytesMax = 16 * 1024 ** 2

/**
 * Writes in batches: while one commit is synced, the calls of the next one gather, so that many in flight cost as few syncs
 * as one after the other costs.
 *
 * - BW-1 A call is answered after the commit that holds it was synced, in the order of the calls.
 * - BW-2 A call that nothing was done for when its time is over is taken out of the queue, and nothing was written.
 * - BW-3 A call that fails does not touch the others of its batch.
 * - BW-4 Nothing is done while another process opens the database (CL-2).
 * - BW-5 Where the disk has refused a commit, the database is not used any more (`Refusal`): LMDB may begin no transaction then, and its binding holds
 *   the call back until its time is over.
 */
export class BatchWriter {
  private readonly environment: Environment
  private readonly tables: Tables
  private readonly clock: Clock
  private readonly limits: StoreLimits
  private readonly wait: LockWait
  private readonly untilOpened: () => Promise<unknown>
  private readonly onNews: () => void
  private readonly report: (error: Error) => void
  private queue: Job[] = []
  private running: Promise<void> | undefined
  private isClosed = false

  constructor(parts: {
    readonly environment: Environment
    readonly tables: Tables
    readonly clock: Clock
    readonly limits: StoreLimits
    readonly wait: LockWait
    /** Resolves when nobody opens the database any more. */
    readonly untilOpened: () => Promise<unknown>
    readonly onNews: () => void
    /** Hears of damaged records that were deleted. */
    readonly report: (error: Error) => void
  }) {
    this.environment = parts.environment
    this.tables = parts.tables
    this.clock = parts.clock
    this.limits = parts.limits
    this.wait = parts.wait
    this.untilOpened = parts.untilOpened
    this.onNews = parts.onNews
    this.report = parts.report
  }

  /** `bytes`: what the action may write. */
  write<T>(action: (batch: Batch) => T, { timeoutMs, signal }: CallOptions = {}, bytes = 0): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.isClosed) {
        reject(closedError())
        return
      }
      let result: T
      const job: Job = {
        run: (batch) => {
          result = action(batch)
        },
        resolve: () => resolve(result),
        reject,
        bytes,
        phase: 'queued',
        failure: undefined,
        isAlone: false,
        unlink: () => undefined,
      }
      this.limit(job, timeoutMs ?? callTimeoutMsDefault, signal)
      this.queue.push(job)
      this.start()
    })
  }

  /** Calls that nothing was done for are rejected; waits for the transaction under way. */
  async close(): Promise<void> {
    this.isClosed = true
    for (const job of this.queue) this.answer(job, closedError())
    this.queue = []
    await this.running
  }

  private limit(job: Job, timeoutMs: number, signal: AbortSignal | undefined): void {
    const cancel: Cancel = this.clock.after(timeoutMs, () =>
      this.giveUp(job, timeoutError(job, timeoutMs, this.wait)),
    )
    if (signal === undefined) {
      job.unlink = cancel
      return
    }
    const onAbort = (): void => this.giveUp(job, signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    job.unlink = () => {
      cancel()
      signal.removeEventListener('abort', onAbort)
    }
  }

  private giveUp(job: Job, error: unknown): void {
    if (job.phase === 'queued') this.queue = this.queue.filter((queued) => queued !== job)
    this.answer(job, error)
  }

  private answer(job: Job, error?: unknown): void {
    if (job.phase === 'answered') return
    job.phase = 'answered'
    job.unlink()
    if (error === undefined) job.resolve()
    else job.reject(error)
  }

  private start(): void {
    this.running ??= this.run()
  }

  private async run(): Promise<void> {
    // Those who call in the same turn come into the same batch.
    await Promise.resolve()
    while (this.queue.length > 0) {
      try {
        await this.runBatch()
      } catch (error) {
        for (const job of this.queue.splice(0)) this.answer(job, asError(error))
      }
    }
    // In the same turn as the look at the queue, so that nobody comes between.
    this.running = undefined
  }

  private async runBatch(): Promise<void> {
    let jobs: Job[] = []
    let batch: Batch | undefined
    let torn: unknown
    let isOpening = false
    // Fails all that wait: nothing was done for them.
    this.environment.file.check()
    this.environment.refusal.check()
    this.wait.begin()
    try {
      await this.environment.root.childTransaction(() => {
        this.wait.end()
        isOpening = this.environment.claims.isOpening()
        if (isOpening) return
        jobs = this.take()
        if (jobs.length === 0) return
        try {
          this.environment.room.ensure(jobs.reduce((sum, { bytes }) => sum + bytes, 0))
          batch = new Batch(this.environment, this.tables, this.limits, this.clock.monotonic())
          for (const job of jobs) runJob(job, batch)
          batch.finish()
          this.environment.room.check()
        } catch (error) {
          torn = error
          throw error
        }
      })
    } catch (error) {
      await this.fail(jobs, torn, error)
      return
    } finally {
      this.wait.end()
    }
    if (isOpening) await this.untilOpened()
    if (batch?.isNews) this.onNews()
    for (const job of jobs) this.answer(job, job.failure)
    for (const damage of batch?.damages ?? []) this.report(damage)
  }

  private take(): Job[] {
    const jobs = this.queue.splice(0, this.batchLength())
    for (const job of jobs) {
      job.phase = 'taken'
      job.failure = undefined
    }
    return jobs
  }

  /** How many of the queue come into one batch: at least one. */
  private batchLength(): number {
    let bytes = 0
    for (const [index, job] of this.queue.entries()) {
      bytes += job.bytes
      if (index === 0) {
        if (job.isAlone) return 1
      } else if (job.isAlone || index >= batchCallsMax || bytes > batchBytesMax) return index
    }
    return this.queue.length
  }

  /** `torn`: what was thrown within the transaction, which was then undone. */
  private async fail(jobs: readonly Job[], torn: unknown, error: unknown): Promise<void> {
    if (jobs.length > 1 && torn !== undefined) {
      const again = jobs.filter(({ phase }) => phase === 'taken')
      for (const job of again) {
        job.phase = 'queued'
        job.isAlone = true
      }
      this.queue.unshift(...again)
      return
    }
    const cause = torn ?? (await causeOf(error))
    const known = knownDatabaseError(this.environment.folder, cause)
    const failure =
      known ?? (torn === undefined ? unknownError(this.environment.folder, cause) : asError(torn))
    if (torn === undefined) this.environment.refusal.note(refusalOf(this.environment.folder, cause))
    for (const job of jobs) this.answer(job, failure)
    // The lock could not be had: nobody was taken, and trying at once again would not end.
    if (jobs.length === 0) for (const job of this.queue.splice(0)) this.answer(job, failure)
  }
}

function runJob(job: Job, batch: Batch): void {
  if (job.phase !== 'taken') return
  try {
    job.run(batch)
  } catch (error) {
    if (batch.isTorn) throw error
    job.failure = error
  }
}

function closedError(): VertigoError {
  return new VertigoError('STORE_CLOSED', 'The store was closed.')
}

function unknownError(folder: string, cause: unknown): VertigoError {
  const error = asError(cause)
  return new VertigoError(
    'STORE_OUTCOME_UNKNOWN',
    `The commit of a transaction in ${folder} failed: ${error.message}.`,
    { cause: error },
  )
}

function timeoutError({ phase }: Job, timeoutMs: number, wait: LockWait): VertigoError {
  if (phase === 'taken')
    return new VertigoError(
      'STORE_OUTCOME_UNKNOWN',
      `The commit of a transaction was not synced within ${timeoutMs} ms.`,
    )
  return new VertigoError(
    'STORE_UNREACHABLE',
    `The lock of the store could not be had within ${timeoutMs} ms${wait.reason()}.`,
  )
}
