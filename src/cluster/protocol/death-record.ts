import * as v from 'valibot'
import { isClientPort } from './client-port.ts'
import { text, timeMs } from './fields.ts'
import type { NodeRecord } from './node-record.ts'
import { type Generation, noGeneration, type WorkerNumber } from './numbers.ts'
import type { Plan } from './plan.ts'
import { recordType } from './record.ts'

/**
 * The end of a node's process that nobody had asked for, and who may be to blame: a component that takes its process with it
 * (native code that crashes, memory beyond that of threads) would end one node after the other.
 *
 * - DR-1 It is written before the record of the node goes, by whoever saw that the process is no more, under that one's own
 *   lease. Managers see it before they plan without the node, and have what it says in their plans from then on.
 * - DR-2 A node whose lease has ended has not died by that: it may have been cut off, and nobody is suspected.
 * - DR-3 Suspected is what the node had just got, since what has worked there for a while has shown that it can: those of it
 *   that most nodes have died with before, and of these the newest. Where nothing was new, all that it had is. What was only
 *   made again where it was, by a recovery, is not new.
 */
const death = v.object({
  incarnation: text,
  atMs: timeMs,
  /** Whether the node had just got what is suspected. */
  isFresh: v.boolean(),
  suspects: v.array(v.object({ network: text, component: text })),
})
export type DeathRecord = Readonly<v.InferOutput<typeof death>>
export const deathRecord = recordType('The record of a death', death)

/**
 * Who has been on a node for longer is no longer new there, in milliseconds. What fills the memory takes a while to do so; a
 * person who ends one node and then another takes longer.
 */
export const freshMs = 20_000
/** What came by so much earlier than the newest, in milliseconds, came before it. */
export const earlierMs = 2_000
/** Where there are more, it says nothing of any of them. */
const suspectsMax = 1_000

interface Suspect {
  readonly network: string
  readonly component: string
  /** Since when it is there, as far as that is not long ago; what has never begun was being set up, however long that takes. */
  readonly sinceMs: number | undefined
  /** Nodes that have died with it. */
  readonly deaths: number
}

/** What is known of a network when a node dies. */
export interface BereavedNetwork {
  readonly name: string
  readonly plan: Plan | undefined
  /** The generation that is open, or was last; undefined where none ever was. */
  readonly lastOpen: Generation | undefined
}

/** `networks`: all of the cluster. */
export function deathOf(
  networks: readonly BereavedNetwork[],
  node: Pick<NodeRecord, 'id' | 'incarnation'>,
  nowMs: number,
): DeathRecord {
  const all = networks.flatMap((network) => suspectsIn(network, node, nowMs))
  const fresh = all.filter(({ sinceMs }) => sinceMs !== undefined)
  const likely = fresh.length === 0 ? all : likeliest(fresh)
  const suspects = likely.length > suspectsMax ? [] : likely
  return {
    incarnation: node.incarnation,
    atMs: nowMs,
    isFresh: fresh.length > 0,
    suspects: suspects.map(({ network, component }) => ({ network, component })),
  }
}

function likeliest(fresh: readonly Suspect[]): readonly Suspect[] {
  const most = fresh.reduce((max, { deaths }) => Math.max(max, deaths), 0)
  const worst = fresh.filter(({ deaths }) => deaths === most)
  const newestMs = worst.reduce((max, { sinceMs = 0 }) => Math.max(max, sinceMs), 0)
  return worst.filter(({ sinceMs = 0 }) => newestMs - sinceMs <= earlierMs)
}

function suspectsIn(
  { name, plan, lastOpen = noGeneration }: BereavedNetwork,
  node: Pick<NodeRecord, 'id' | 'incarnation'>,
  nowMs: number,
): Suspect[] {
  if (plan === undefined) return []
  const workers = new Set<WorkerNumber>()
  for (const { worker, node: id, incarnation } of plan.workers)
    if (id === node.id && incarnation === node.incarnation) workers.add(worker)
  if (workers.size === 0) return []
  const recent = (plan.recent ?? []).filter(({ atMs }) => nowMs - atMs < freshMs)
  const times = new Map(recent.map(({ generation, atMs }) => [generation, atMs]))
  const suspects = new Map<string, Suspect>()
  for (const { component, worker, since: madeIn, hereSince: since = madeIn, finished } of plan.instances) {
    if (!workers.has(worker) || finished === true || isClientPort(component)) continue
    const sinceMs = since > lastOpen ? nowMs : times.get(since)
    const before = suspects.get(component)?.sinceMs
    if (before !== undefined && before >= (sinceMs ?? 0)) continue
    const deaths = plan.deaths?.find((one) => one.component === component)?.count ?? 0
    suspects.set(component, { network: name, component, sinceMs, deaths })
  }
  return [...suspects.values()]
}
