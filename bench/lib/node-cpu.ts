import { readFileSync } from 'node:fs'
import { sleep, systemClock } from '../../src/base/clock.ts'
import type { NodeProcess } from '../../test/integration/cluster-faults/nodes.ts'

/** Of Linux, whatever the kernel's own rate. */
const ticksPerSecond = 100

/** Time that a process has computed in all its threads, in the user's code and the kernel's. */
function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** What each node uses in that time, as part of one core. */
export async function cpuShares(nodes: readonly NodeProcess[], lookMs: number): Promise<number[]> {
  const before = nodes.map(({ pid }) => cpuSeconds(pid))
  const sinceMs = systemClock.monotonic()
  await sleep(systemClock, lookMs)
  const seconds = (systemClock.monotonic() - sinceMs) / 1_000
  return nodes.map(({ pid }, at) => (cpuSeconds(pid) - before[at]!) / seconds)
}

const lookMs = 500
/** Longer than a node waits before it replaces spare threads. */
const quietLooks = 4
const defaultShareMax = 0.25
const looksMax = 120

/** Until no node has been busy for a while: what has just been started has loaded its code, and has its spare threads. */
export async function atRest(nodes: readonly NodeProcess[], shareMax = defaultShareMax): Promise<void> {
  let quiet = 0
  let shares: readonly number[] = []
  for (let looks = 0; looks < looksMax; looks++) {
    shares = await cpuShares(nodes, lookMs)
    quiet = Math.max(...shares) < shareMax ? quiet + 1 : 0
    if (quiet === quietLooks) return
  }
  throw new Error(
    `within ${(looksMax * lookMs) / 1_000} s the nodes did not come to rest: ${shares.map((share) => share.toFixed(2)).join(', ')} of a core`,
  )
}
