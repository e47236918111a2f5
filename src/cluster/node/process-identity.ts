import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Random } from '../../base/random.ts'

/**
 * Which process this is, so that others on the same machine can tell for sure that it is no more: a number of a process is
 * used again, its number with its start time is not. Processes see each other only within one process namespace of one
 * boot of one machine.
 */
export interface ProcessIdentity {
  readonly pid: number
  /** In ticks since the boot; empty where the system does not tell. */
  readonly processStart: string
  readonly machine: string
  /** Whose files the process sees. */
  readonly files: string
}

export function ownIdentity(): ProcessIdentity {
  const { machine, files } = here()
  return { pid: process.pid, processStart: startOf(process.pid) ?? '', machine, files }
}

/** Whether a process of this machine surely is no more; false where that cannot be known. */
export function isProcessGone({ pid, processStart, machine }: Omit<ProcessIdentity, 'files'>): boolean {
  if (processStart === '' || machine !== here().machine) return false
  const start = startOf(pid)
  return start === undefined ? !exists(pid) : start !== processStart
}

type Place = Pick<ProcessIdentity, 'machine' | 'files'>

let known: Place | undefined

function here(): Place {
  known ??= lookAround()
  return known
}

/** Containers have process tables, and files, of their own; a name that an image brings along would be the same in all of them. */
function lookAround(): Place {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const machine = `${boot} ${readlinkSync('/proc/self/ns/pid')}`
    return { machine, files: machine }
  } catch {
    // Not Linux: nobody's process is looked for.
    return { machine: `${hostname()} ${process.pid}`, files: hostname() }
  }
}

/** Field 22 of `/proc/<pid>/stat`, by the clock of the reader's time namespace; a dead process that nobody waited for is gone. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in parentheses, may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

function exists(pid: number): boolean {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return !/\) [ZX] /.test(state)
  } catch (error) {
    // What cannot be read may be there.
    return (
      (error as NodeJS.ErrnoException).code !== 'ENOENT' && (error as NodeJS.ErrnoException).code !== 'ESRCH'
    )
  }
}

/** 128 bits: no two lives have the same. */
export function incarnationOf(random: Random): string {
  return Array.from({ length: 4 }, () =>
    random
      .int(2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('')
}
