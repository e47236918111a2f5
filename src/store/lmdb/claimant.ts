import { readFileSync, readlinkSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
import { parseStat, type ProcessStatus } from '../../base/process-status.ts'
import { pidNamespace } from './processes.ts'

/** Who has a claim, as its name says. */

type Started = Pick<ProcessStatus, 'pid' | 'startTicks'>

export interface Claimant extends Started {
  readonly namespace: string
  /** The system's, by its own number: workers are threads, and may end alone. undefined where only the process is known. */
  readonly thread: Started | undefined
}

/**
 * Names the thread that calls it: `<process>-<thread of Node>-<start>-<namespace>`, and `-<thread of the system>-<start>` where
 * that can be told.
 */
export function identify(): string {
  // `self`, not the number, which is of another process where `/proc` is of another namespace.
  const named = `${process.pid}-${threadId}-${readOwn('self').startTicks}-${pidNamespace()}`
  if (!isProcOurs()) return named
  const thread = readOwn('thread-self')
  return `${named}-${thread.pid}-${thread.startTicks}`
}

export function parseClaimant(text: string): Claimant {
  const [pid, , startTicks = '', namespace = '', threadPid, threadTicks] = text.split('-')
  const thread =
    threadPid === undefined || threadTicks === undefined
      ? undefined
      : { pid: Number(threadPid), startTicks: threadTicks }
  return { pid: Number(pid), startTicks, namespace, thread }
}

/** Whether `/proc` counts as this process does: it may have been mounted in another namespace. */
export function isProcOurs(): boolean {
  // `<process>/task/<thread>`
  return readlinkSync('/proc/thread-self').startsWith(`${process.pid}/`)
}

function readOwn(self: 'self' | 'thread-self'): ProcessStatus {
  return parseStat(readFileSync(`/proc/${self}/stat`, 'utf8'))!
}
