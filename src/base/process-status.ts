import { readdirSync, readFileSync } from 'node:fs'
import { timeOffsets } from './time-namespace.ts'

/** What Linux tells of a process or a thread, by which one can see whether it is still the same. */

export interface ProcessStatus {
  readonly pid: number
  /**
   * In ticks since the boot, by the machine's clock: `/proc/<pid>/stat`, field 22, where it is by the reader's. With the
   * number it names a process for good.
   */
  readonly startTicks: string
  /** `T`: stopped by a signal. */
  readonly state: string
}

/** Of all there is to see in `/proc`, whatever the kernel counts in. */
const tickMs = 10

/** The fields that matter of `/proc/<pid>/stat`. The name of the program, in parentheses, may hold anything. */
export function parseStat(text: string, { bootMs } = timeOffsets): ProcessStatus | undefined {
  const nameEnd = text.lastIndexOf(')')
  const fields = text.slice(nameEnd + 2).split(' ')
  const [state] = fields
  const shownTicks = fields[19]
  const pid = Number.parseInt(text, 10)
  if (nameEnd < 0 || !state || shownTicks === undefined || Number.isNaN(pid)) return undefined
  return { pid, startTicks: String(Math.round(Number(shownTicks) - bootMs / tickMs)), state }
}

/** A process, or a thread by its own number; undefined where there is none. */
export function readStatus(id: number): ProcessStatus | undefined {
  const text = readProc(`/proc/${id}/stat`)
  return text === undefined ? undefined : parseStat(text)
}

/** Whether a process, or a thread, is still that one. One that has ended and was not asked for its result yet is none. */
export function isAlive({ pid, startTicks }: Pick<ProcessStatus, 'pid' | 'startTicks'>): boolean {
  const status = readStatus(pid)
  return status?.startTicks === startTicks && status.state !== 'Z' && status.state !== 'X'
}

/** Whether a process of which the first thread has ended has others that have not, yet: until then it keeps its locks of files. */
export function isEnding({ pid, startTicks }: Pick<ProcessStatus, 'pid' | 'startTicks'>): boolean {
  const status = readStatus(pid)
  if (status?.startTicks !== startTicks || status.state !== 'Z') return false
  try {
    return readdirSync(`/proc/${pid}/task`).length > 1
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return false
    throw error
  }
}

/** undefined where the process has gone meanwhile, or hides. */
export function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return undefined
    throw error
  }
}
