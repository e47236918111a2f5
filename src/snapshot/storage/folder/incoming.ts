import { readFileSync, readlinkSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { readStatus } from '../../../base/process-status.ts'
import type { Random } from '../../../base/random.ts'

/**
 * Files that are being written, in a folder of their own beside the others. Each is named by the process that writes it, so that
 * what a dead one left can be told from what a living one needs.
 */

export const incomingName = '.incoming'
const ending = '.part'
/** What belongs to a process that cannot be seen from here, on another machine or in another container, is kept for a day. */
const unseenMsMax = 24 * 60 * 60 * 1000

/** A name for a file that is being written; different each time. */
export function incomingFile(folder: string, random: Random): string {
  const number = `${random.int(2 ** 32).toString(36)}${random.int(2 ** 32).toString(36)}`
  return join(folder, incomingName, `${self()}.${number}${ending}`)
}

/** Deletes what processes have left that are no more. */
export async function cleanIncoming(folder: string, clock: Clock): Promise<void> {
  const names = await readdir(join(folder, incomingName))
  for (const name of names) {
    const path = join(folder, incomingName, name)
    if (name.endsWith(ending) && (await isLeftOver(name, path, clock))) await rm(path, { force: true })
  }
}

async function isLeftOver(name: string, path: string, clock: Clock): Promise<boolean> {
  const [boot, namespace, pid, startTicks] = name.split('.')
  const [ownBoot, ownNamespace] = self().split('.')
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

let known: string | undefined

/** `<boot>.<pid namespace>.<pid>.<start>`; the first two empty where there is no /proc. */
function self(): string {
  known ??= describe()
  return known
}

function describe(): string {
  if (process.platform !== 'linux') return `..${process.pid}.`
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  const namespace = readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '')
  return `${boot}.${namespace}.${process.pid}.${readStatus(process.pid)?.startTicks ?? ''}`
}
