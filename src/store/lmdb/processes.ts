import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { timeOffsets } from '../../base/time-namespace.ts'
import { placeError } from './place.ts'

/**
 * The processes that have a store open. Each notes itself in the folder before it can lock anything, with its start time, so
 * that nobody takes another process with the same number for it.
 */

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

/** The process that a thread belongs to. */
export function processOf(thread: number): number | undefined {
  const group = /^Tgid:\s*(\d+)$/m.exec(readProc(`/proc/${thread}/status`) ?? '')?.[1]
  return group === undefined ? undefined : Number(group)
}

/** undefined where the process has gone meanwhile, or hides. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return undefined
    throw error
  }
}

export class ProcessList {
  private readonly folder: string
  private readonly file: string
  private readonly namespace: string

  /** `folder`: that of the store. */
  constructor(folder: string) {
    this.folder = join(folder, 'processes')
    this.file = join(this.folder, `${process.pid}-${threadId}`)
    this.namespace = readlinkSync('/proc/self/ns/pid')
  }

  /** Notes this process, and forgets those that are no more. */
  enter(): void {
    try {
      mkdirSync(this.folder, { recursive: true })
      for (const name of readdirSync(this.folder)) {
        const known = this.read(name)
        if (known !== undefined && !isAlive(known)) rmSync(join(this.folder, name), { force: true })
      }
      const { startTicks } = readStatus(process.pid)!
      writeFileSync(this.file, `${startTicks} ${this.namespace}\n`)
    } catch (error) {
      throw placeError(this.folder, error)
    }
  }

  leave(): void {
    rmSync(this.file, { force: true })
  }

  /** Whether a process has this store open. */
  has({ pid, startTicks }: ProcessStatus): boolean {
    return this.entries().some((known) => known.pid === pid && known.startTicks === startTicks)
  }

  /** Whether no other thread or process has noted itself; one that cannot be seen from here counts as there. */
  isAlone(): boolean {
    return readdirSync(this.folder).every((name) => join(this.folder, name) === this.file)
  }

  private entries(): Pick<ProcessStatus, 'pid' | 'startTicks'>[] {
    return readdirSync(this.folder).flatMap((name) => this.read(name) ?? [])
  }

  /** undefined for a process that cannot be seen from here: its numbers belong to another namespace. */
  private read(name: string): Pick<ProcessStatus, 'pid' | 'startTicks'> | undefined {
    const [startTicks, namespace] = (readProc(join(this.folder, name)) ?? '').trim().split(' ')
    if (!startTicks || namespace !== this.namespace) return undefined
    return { pid: Number.parseInt(name, 10), startTicks }
  }
}

function isAlive({ pid, startTicks }: Pick<ProcessStatus, 'pid' | 'startTicks'>): boolean {
  return readStatus(pid)?.startTicks === startTicks
}
