import { readFileSync, readlinkSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Clock } from './clock.ts'
import { readStatus } from './process-status.ts'

/**
 * Names of files that are being written: each begins with that of the process which writes it, so that what a dead one left can be told from
 * what a living one needs.
 */

/** What belongs to a process that cannot be seen from here, on another machine or in another container, is kept for a day. */
const unseenMsMax = 24 * 60 * 60 * 1000

let known: string | undefined

/** `<boot>.<pid namespace>.<pid>.<start>`, which no other process ever has; the first two empty where there is no /proc. */
export function processName(): string {
  known ??= describe()
  return known
}

/** Whether the process is no more that writes `path`. `name`: what begins with its `processName` and a dot; another name counts as of one that cannot be seen. */
export async function isLeftOver(name: string, path: string, clock: Clock): Promise<boolean> {
  const [boot, namespace, pid, startTicks] = name.split('.')
  const [ownBoot, ownNamespace] = processName().split('.')
  if (boot === ownBoot && namespace === ownNamespace && boot !== '') {
    const status = readStatus(Number(pid))
    return status?.startTicks !== startTicks || status?.state === 'Z'
  }
  try {
    return clock.now() - (await stat(path)).mtimeMs > unseenMsMax
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

function describe(): string {
  if (process.platform !== 'linux') return `..${process.pid}.`
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  const namespace = readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '')
  return `${boot}.${namespace}.${process.pid}.${readStatus(process.pid)?.startTicks ?? ''}`
}
