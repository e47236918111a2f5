import type { Buffer } from 'node:buffer'
import type { Clock } from '../../base/clock.ts'
import { readStatus } from '../../base/process-status.ts'
import { holdersIn } from './lock-file.ts'
import { endStopped, type ProcessList, processOf } from './processes.ts'

/** A process that holds a lock of the database and is stopped by a signal. */
export interface StoppedHolder {
  readonly pid: number
  readonly startTicks: string
  readonly thread: number
}

/**
 * Ends a process that is stopped while it holds a lock which others wait for. Its locks are robust: the next one takes them
 * over, and what it had not committed never was.
 *
 * - SH-1 Only a process that noted itself as one of this store is ended, and only while its thread's number stands in the
 *   mutex: it is looked at again just before.
 * - SH-2 It has been seen stopped at each look for the whole of the patience; who goes on is not ended.
 */
export class StoppedHolderWatch {
  private readonly processes: ProcessList
  private readonly clock: Clock
  private since: { readonly holder: StoppedHolder; readonly atMs: number } | undefined

  constructor(processes: ProcessList, clock: Clock) {
    this.processes = processes
    this.clock = clock
  }

  /** Gives the process that it has ended, or cannot end. */
  look(
    head: Buffer,
    patienceMs: number,
  ): { readonly holder: StoppedHolder; readonly ended: boolean } | undefined {
    const holder = this.find(head)
    const nowMs = this.clock.monotonic()
    if (holder === undefined) {
      this.since = undefined
      return undefined
    }
    if (this.since === undefined || !isSame(this.since.holder, holder)) this.since = { holder, atMs: nowMs }
    if (nowMs - this.since.atMs < patienceMs) return undefined
    return { holder, ended: endStopped(holder) }
  }

  /** Whether the last look found one; it may go on by itself before the patience is over. */
  get hasFound(): boolean {
    return this.since !== undefined
  }

  forget(): void {
    this.since = undefined
  }

  private find(head: Buffer): StoppedHolder | undefined {
    for (const thread of holdersIn(head)) {
      if (readStatus(thread)?.state !== 'T') continue
      const pid = processOf(thread)
      const status = pid === undefined || pid === process.pid ? undefined : readStatus(pid)
      if (status !== undefined && this.processes.has(status))
        return { pid: status.pid, startTicks: status.startTicks, thread }
    }
    return undefined
  }
}

function isSame(a: StoppedHolder, b: StoppedHolder): boolean {
  return a.pid === b.pid && a.startTicks === b.startTicks && a.thread === b.thread
}
