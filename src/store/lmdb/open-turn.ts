import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, sleep } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import { holdersIn, readHeadElsewhere, readHeadHere, readMappedHead, turnOf } from './lock-file.ts'
import { type ProcessList, processOf } from './processes.ts'
import { StoppedHolderWatch } from './stopped-holder.ts'
import type { TimeLimit } from './time-limit.ts'

/**
 * LMDB waits for the lock of writers while it opens a database, and holds up the whole thread meanwhile. So whoever is about
 * to open one looks first, while the thread does other things, whether that wait is a short one.
 *
 * - OT-1 It is when nobody holds the lock, or when those who do take turns: then one turn is all there is to wait.
 * - OT-2 Whoever is stopped with the lock is ended as everywhere else.
 * - OT-3 What is left is whoever takes the lock in the moment between the look and the opening, and keeps it for long.
 *   Everything that needs the lock after that waits for it beside the thread, within the time limit.
 */

/** How long a process that is stopped may keep others from opening. */
export const openPatienceMs = 1_000
const lookMsMin = 1
const lookMsMax = 100

/** For who has a claim to open. */
export async function waitForTurn(
  folder: string,
  processes: ProcessList,
  clock: Clock,
  limit: TimeLimit,
): Promise<void> {
  if (processes.isAlone()) return
  const watch = new StoppedHolderWatch(processes, clock)
  let before: string | undefined
  for (let delayMs = lookMsMin; ; delayMs = Math.min(lookMsMax, delayMs * 2)) {
    const head = await readHead(join(folder, 'lock.mdb'), processes)
    const turn = turnOf(head)
    if (turn === undefined) return
    watch.look(head, openPatienceMs)
    if (before !== undefined && turn !== before && !watch.hasFound) return
    if (limit.leftMs === 0) throw heldError(folder, head, limit.timeoutMs, watch.hasFound)
    before = turn
    await sleep(clock, Math.min(delayMs, limit.leftMs))
  }
}

async function readHead(lockFile: string, processes: ProcessList): Promise<Buffer> {
  const mapped = readMappedHead(lockFile)
  if (mapped !== undefined) return mapped
  if (processes.isOnlyThread()) return readHeadHere(lockFile)
  const isThere = (statSync(lockFile, { throwIfNoEntry: false })?.size ?? 0) > 0
  return isThere ? readHeadElsewhere(lockFile) : Buffer.alloc(0)
}

export function heldError(folder: string, head: Buffer, timeoutMs: number, isStopped = false): VertigoError {
  const pids = holdersIn(head).map((thread) => processOf(thread) ?? `of thread ${thread}`)
  if (pids.length === 0)
    return new VertigoError(
      'STORE_UNREACHABLE',
      `The store in ${folder} could not be opened within ${timeoutMs} ms.`,
    )
  const how = isStopped
    ? 'is stopped while it holds its lock, and cannot be ended'
    : 'holds its lock all the while'
  return new VertigoError(
    'STORE_UNREACHABLE',
    `The store in ${folder} could not be opened within ${timeoutMs} ms: process ${pids.join(', ')} ${how}.`,
  )
}
