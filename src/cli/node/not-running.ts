import { type Clock, sleep } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import { isProcessGone, ownIdentity } from '../../cluster/node/process-identity.ts'
import { ttlMsDefault } from '../../cluster/node/node-options.ts'
import { ClusterKeys, type NodeRecord, nodeRecord } from '../../cluster/protocol/index.ts'
import { holdsStore } from '../../store/lmdb/folder.ts'
import { openLmdbStore } from '../../store/lmdb/open.ts'

const lookMs = 100
/** Times the time to live: within that, the store has ended the leases of those who are no more. */
const leaseEndFactor = 1.5
const namedMax = 5

/**
 * Sees that no node of a cluster is there, before one is started as a whole. Nodes whose process cannot be seen from here (it was in a
 * container that is no more, perhaps) are waited for until their leases must have ended. Errors: CLUSTER_RUNS, those of the store.
 */
export async function checkNotRunning(
  { folder, cluster, ttlMs = ttlMsDefault }: NotRunning,
  clock: Clock,
): Promise<void> {
  if (!holdsStore(folder)) return
  const store = await openLmdbStore({ folder, create: false, clock })
  try {
    const own = ownIdentity().machine
    const untilMs = clock.monotonic() + ttlMs * leaseEndFactor
    for (;;) {
      const { entries } = await store.range(new ClusterKeys(cluster).nodes)
      const there = entries.map((entry) => nodeRecord.decode(entry)).filter((node) => !isProcessGone(node))
      if (there.length === 0) return
      const isSure = there.some(({ machine, processStart }) => machine === own && processStart !== '')
      if (isSure || clock.monotonic() >= untilMs) throw runs(cluster, folder, there)
      await sleep(clock, lookMs)
    }
  } finally {
    await store.close()
  }
}

export interface NotRunning {
  /** Of the embedded store. */
  readonly folder: string
  readonly cluster: string
  readonly ttlMs: number | undefined
}

function runs(cluster: string, folder: string, there: readonly NodeRecord[]): VertigoError {
  const named = there.slice(0, namedMax).map(({ id, pid }) => `${id} (process ${pid})`)
  const more = there.length > namedMax ? ` and ${there.length - namedMax} more` : ''
  return new VertigoError(
    'CLUSTER_RUNS',
    `The cluster "${cluster}" over the store in ${folder} runs already: ${named.join(', ')}${more}.`,
    {
      remedy: `End that one first, or give this one another store or name: \`--store <folder>\`, \`--cluster <name>\`. One more node for it: \`vertigo node --store lmdb:${folder}\`.`,
    },
  )
}
