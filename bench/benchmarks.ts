import { chain } from './chain.ts'
import { cores } from './cores.ts'
import { failover } from './failover.ts'
import { fileLines } from './file-lines.ts'
import type { Benchmark } from './lib/benchmark.ts'
import { journal } from './journal.ts'
import { latency } from './latency.ts'
import { memory } from './memory.ts'
import { planner } from './planner.ts'
import { recovery } from './recovery.ts'
import { snapshots } from './snapshots.ts'
import { startup } from './startup.ts'
import { storeLmdb } from './store-lmdb.ts'
import { storeEtcd } from './store-etcd.ts'
import { storeScale } from './store-scale.ts'
import { tcp } from './tcp.ts'
import { threads } from './threads.ts'
import { tracking } from './tracking.ts'
import { wordCount } from './word-count.ts'

/** In the order of the page. */
export const benchmarks: readonly Benchmark[] = [
  chain,
  wordCount,
  threads,
  tracking,
  tcp,
  cores,
  memory,
  startup,
  fileLines,
  storeLmdb,
  storeEtcd,
  storeScale,
  journal,
  snapshots,
  planner,
  failover,
  recovery,
  latency,
]

export function findBenchmark(name: string): Benchmark {
  const found = benchmarks.find((benchmark) => benchmark.name === name)
  if (found === undefined) {
    throw new Error(`no benchmark "${name}"; there are ${benchmarks.map((b) => b.name).join(', ')}`)
  }
  return found
}
