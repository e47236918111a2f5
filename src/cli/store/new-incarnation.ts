import type { Random } from '../../base/random.ts'
import { incarnationOf } from '../../cluster/node/process-identity.ts'
import { clusterRecord } from '../../cluster/protocol/index.ts'
import type { Exported } from './export-file.ts'

/** Of a cluster's own record: see `ClusterKeys`. */
const keyPattern = /^clusters\/[^/]+\/cluster$/

/**
 * What an entry of a backup is in the store that is filled from it. A cluster goes on as another incarnation: what happened after the backup
 * is not in it, so its numbers must not be taken for those of before. Nodes of before do not join it.
 */
export function restoredEntry(entry: Exported, nowMs: number, random: Random): Exported {
  if (!keyPattern.test(entry.key)) return entry
  const found = clusterRecord.decode(entry)
  const { incarnation, earlier = [] } = found
  const value = clusterRecord.encode({
    ...found,
    incarnation: incarnationOf(random),
    earlier: [...earlier, incarnation].slice(-earlierMax),
    restoredAtMs: nowMs,
  })
  return { key: entry.key, value }
}

/** What is older owns nothing any more. */
const earlierMax = 64
