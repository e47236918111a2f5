import assert from 'node:assert/strict'
import { sleep, systemClock } from '../../../src/base/clock.ts'
import { asError } from '../../../src/base/errors.ts'
import { type Random, seededRandom } from '../../../src/base/random.ts'
import { openEtcdStore } from '../../../src/store/etcd/open.ts'
import { put, remove } from '../../../src/store/operations.ts'
import type { Store } from '../../../src/store/store.ts'
import { eventually } from '../../support/eventually.ts'
import { patienceMs } from '../../support/store/patient-store.ts'
import { isExpected } from '../../support/store/recipes.ts'
import { type NetworkedCluster, partitionFault } from './networks.ts'

const keys = 20

/** What became of one writer's counter, which each of its transactions adds to. */
interface Written {
  readonly key: string
  acknowledged: number
  unknown: number
}

/**
 * Writers and watchers, each at another member first, while the network comes apart and history is forgotten. In the end each
 * watcher's state is the stored one, and each acknowledged transaction was done once.
 */
export async function watchRounds(at: NetworkedCluster, rounds: number, seed: number): Promise<void> {
  const { endpoints } = at.cluster
  const random = seededRandom(seed)
  const stores = await Promise.all(
    endpoints.map((_, first) =>
      openEtcdStore({
        endpoints: [...endpoints.slice(first), ...endpoints.slice(0, first)],
        prefix: `watched-${seed}`,
        timeoutMs: patienceMs,
      }),
    ),
  )
  const ending = new AbortController()
  const watchers = stores.map((store) => new Watcher(store))
  const writing = stores.map((store, index) =>
    write(store, `w/count-${index}`, seededRandom(seed + index), ending.signal),
  )
  try {
    for (let round = 0; round < rounds; round++) {
      await partitionFault(at, random)
      if (round % 3 === 1) await at.cluster.compact()
    }
    ending.abort()
    const written = await Promise.all(writing)
    const [store] = stores as [Store]
    const last = await store.transact({ then: [put('w/end', Buffer.from('x'))] }, { timeoutMs: patienceMs })
    const { entries } = await store.range('w/', { timeoutMs: patienceMs })
    const stored = new Map(entries.map(({ key, modRevision }) => [key, modRevision]))
    for (const [index, watcher] of watchers.entries()) {
      const hasHeard = (): boolean => watcher.check().revision >= last.revision
      await eventually(`watcher ${index} hears the end`, hasHeard, patienceMs)
      assert.deepEqual(sorted(watcher.state), sorted(stored), `what watcher ${index} has been told`)
    }
    for (const { key, acknowledged, unknown } of written) {
      const version = entries.find((entry) => entry.key === key)?.version ?? 0
      assert.ok(acknowledged > 0, `${key} was never written`)
      assert.ok(
        version >= acknowledged && version <= acknowledged + unknown,
        `${key}: done ${version} times, acknowledged ${acknowledged} times, and ${unknown} times unknown`,
      )
    }
  } finally {
    ending.abort()
    await Promise.all(watchers.map((watcher) => watcher.stop()))
    await Promise.all(stores.map((store) => store.close()))
  }
}

/** Puts and deletes keys at random, with the counter in the same transaction. */
async function write(store: Store, key: string, random: Random, signal: AbortSignal): Promise<Written> {
  const written = { key, acknowledged: 0, unknown: 0 }
  while (!signal.aborted) {
    const other = `w/k${random.int(keys)}`
    const change = random.int(3) === 0 ? remove(other) : put(other, Buffer.from(String(random.int(1_000))))
    const then = [put(key, Buffer.from('x')), change]
    try {
      await store.transact({ then }, { repeat: 'once', timeoutMs: 1_000 })
      written.acknowledged++
    } catch (error) {
      if (!isExpected(error)) throw error
      if ((error as { code?: string }).code === 'STORE_OUTCOME_UNKNOWN') written.unknown++
    }
    await sleep(systemClock, random.int(20))
  }
  return written
}

/** The state that events add up to. */
class Watcher {
  readonly state = new Map<string, number>()
  revision = 0
  private failure: Error | undefined
  private readonly watch: ReturnType<Store['watch']>
  private readonly following: Promise<void>

  constructor(store: Store) {
    this.watch = store.watch('w/')
    this.following = this.follow().catch((error: unknown) => {
      this.failure = asError(error)
    })
  }

  /** Throws what it has stumbled over. */
  check(): this {
    if (this.failure !== undefined) throw this.failure
    return this
  }

  async stop(): Promise<void> {
    this.watch.close()
    await this.following
  }

  private async follow(): Promise<void> {
    for await (const { revision, events, resynced } of this.watch) {
      assert.ok(revision > this.revision || resynced, `${revision} came after ${this.revision}`)
      this.revision = revision
      for (const { key, entry } of events)
        if (entry === undefined) {
          assert.ok(this.state.delete(key), `${key} is gone, and was not there`)
        } else {
          assert.ok(entry.modRevision > (this.state.get(key) ?? 0), `${key} went back`)
          this.state.set(key, entry.modRevision)
        }
    }
  }
}

function sorted(state: ReadonlyMap<string, number>): [string, number][] {
  return [...state].toSorted(([a], [b]) => (a < b ? -1 : 1))
}
