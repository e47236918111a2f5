import { mkdirSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread, threadId } from 'node:worker_threads'
import { isAlive, type ProcessStatus, readProc, readStatus } from '../../base/process-status.ts'
import { placeError, removeFile, removeNote } from './place.ts'

/**
 * The processes that have a store open. Each notes itself in the folder before it can lock anything, with its start time, so
 * that nobody takes another process with the same number for it. The name of its file is `<process>-<thread>-<namespace>`:
 * the first process of each container has the same number.
 */

/** Of processes that cannot be seen from here, and so not be told from those that are no more. The latest are kept. */
const unseenMax = 64

/** The process that a thread belongs to. */
export function processOf(thread: number): number | undefined {
  const group = /^Tgid:\s*(\d+)$/m.exec(readProc(`/proc/${thread}/status`) ?? '')?.[1]
  return group === undefined ? undefined : Number(group)
}

/** Names the namespace that the numbers of processes are of. */
export function pidNamespace(): string {
  return readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '')
}

/** Ends a process that is stopped by a signal, as long as it is; whether it is no more, or is about to be. */
export function endStopped({ pid, startTicks }: Pick<ProcessStatus, 'pid' | 'startTicks'>): boolean {
  const status = readStatus(pid)
  if (status?.startTicks !== startTicks || status.state !== 'T') return false
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Of another user; or it has just gone.
    if (code === 'EPERM' || code === 'ESRCH') return code === 'ESRCH'
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
    this.file = join(this.folder, `${process.pid}-${threadId}-${pidNamespace()}`)
    this.namespace = readlinkSync('/proc/self/ns/pid')
  }

  /** Notes this process, and forgets those that are no more. */
  enter(): void {
    try {
      mkdirSync(this.folder, { recursive: true })
      const unseen: string[] = []
      for (const name of readdirSync(this.folder)) {
        const known = this.read(name)
        if (known === undefined) unseen.push(join(this.folder, name))
        else if (!isAlive(known)) removeFile(join(this.folder, name))
      }
      forgetOldest(unseen)
      const { startTicks } = readStatus(process.pid)!
      writeFileSync(this.file, `${startTicks} ${this.namespace}\n`)
    } catch (error) {
      throw placeError(this.folder, error)
    }
  }

  leave(): void {
    removeNote(this.file)
  }

  /** Whether a process has this store open. */
  has({ pid, startTicks }: ProcessStatus): boolean {
    return this.entries().some((known) => known.pid === pid && known.startTicks === startTicks)
  }

  /** Whether no other thread or process has noted itself; one that cannot be seen from here counts as there. */
  isAlone(): boolean {
    return readdirSync(this.folder).every((name) => join(this.folder, name) === this.file)
  }

  /** Whether this is the main thread, and no other one of this process has noted itself. */
  isOnlyThread(): boolean {
    return (
      isMainThread &&
      readdirSync(this.folder).every(
        (name) => !this.isOfThisProcess(name) || join(this.folder, name) === this.file,
      )
    )
  }

  private isOfThisProcess(name: string): boolean {
    return name.startsWith(`${process.pid}-`) && name.endsWith(`-${pidNamespace()}`)
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

function forgetOldest(files: readonly string[]): void {
  if (files.length <= unseenMax) return
  const notedMs = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const byAge = files.map((file) => ({ file, atMs: notedMs(file) })).toSorted((a, b) => a.atMs - b.atMs)
  for (const { file } of byAge.slice(0, -unseenMax)) removeFile(file)
}
