import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import { systemRandom } from '../../../src/base/random.ts'
import {
  commitTransaction,
  comparesCommitted,
  takeIds,
} from '../../../src/cluster/control/snapshot-transactions.ts'
import {
  asGeneration,
  asInstanceId,
  asTerm,
  asVersion,
  asWorkerNumber,
  ClusterKeys,
  NetworkView,
  planRecord,
  snapshotRecord,
  type SnapshotRecord,
  wantedRecord,
} from '../../../src/cluster/protocol/index.ts'
import { isUnchanged, put } from '../../../src/store/operations.ts'
import { Election, LeaseKeeper, type Leadership } from '../../../src/store/recipes/index.ts'
import type { Store } from '../../../src/store/store.ts'
import { subjects, useOf } from './subjects.ts'

/** What managers write of snapshots, over the real stores (SN-1, SN-2). */

const keys = new ClusterKeys('c')
const network = keys.network('net')

async function read(store: Store): Promise<NetworkView> {
  const view = new NetworkView('net', network)
  for (const entry of (await store.range(network.prefix)).entries) view.apply(entry.key, entry)
  assert.deepEqual([...view.faults.values()], [])
  return view
}

function snapshot(id: number, { generation = 1, names = [] as readonly string[] } = {}): SnapshotRecord {
  return {
    id,
    incarnation: 7,
    generation: asGeneration(generation),
    version: asVersion(1),
    predecessor: null,
    committedAtMs: 1_000,
    tookMs: 10,
    bytes: 100,
    manifest: { name: `net/7/${id}/manifest`, bytes: 10, checksum: 1 },
    finished: [],
    hasChannelState: false,
    isLast: false,
    names: [...names],
  }
}

/** A plan as a manager writes it who has read `view`. */
async function plan(leadership: Leadership, view: NetworkView): Promise<boolean> {
  const generation = (view.plan?.value.generation ?? 0) + 1
  const restores = view.snapshots.committed?.value
  const value = planRecord.encode({
    network: 'net',
    generation: asGeneration(generation),
    parent: asGeneration(generation - 1),
    term: asTerm(leadership.token),
    version: asVersion(1),
    workers: [],
    instances: [],
    connections: {},
    waiting: [],
    done: [],
    failures: [],
    ...(restores && {
      restores: { id: restores.id, incarnation: restores.incarnation, manifest: restores.manifest },
    }),
    nextWorker: asWorkerNumber(0),
    nextInstance: asInstanceId(0),
    nextConnection: 0,
  })
  const compare = [isUnchanged(network.plan, view.plan?.entry), comparesCommitted(view.snapshots)]
  const { succeeded } = await leadership.transact({ compare, then: [put(network.plan, value)] })
  return succeeded
}

async function commit(leadership: Leadership, view: NetworkView, id: number): Promise<boolean> {
  const generation = view.plan?.value.generation ?? 0
  const { succeeded } = await leadership.transact(commitTransaction(view, snapshot(id, { generation }), 3))
  return succeeded
}

interface Managers {
  readonly store: Store
  /** The next one that leads; the one before does not know that it does not. */
  readonly elect: () => Promise<Leadership>
}

async function withManagers(store: Store, test: (managers: Managers) => Promise<void>) {
  const means = { clock: systemClock, random: systemRandom }
  const keepers: LeaseKeeper[] = []
  const election = new Election(store, keys.manager, means)
  let before: Leadership | undefined
  try {
    await test({
      store,
      elect: async () => {
        const keeper = new LeaseKeeper(store, means)
        keepers.push(keeper)
        const lease = await keeper.hold({ ttlMs: 120_000 })
        // The store lets go of it, as of one that was stopped for too long.
        if (before !== undefined) await store.revoke(before.lease.lease)
        before = await election.campaign(lease, { node: `n${keepers.length}` })
        return before
      },
    })
  } finally {
    await Promise.all(keepers.map((keeper) => keeper.close()))
  }
}

/** What a manager tries: written or not, or not its turn any more. */
async function outcome(write: Promise<boolean>): Promise<'written' | 'refused' | 'deposed'> {
  try {
    return (await write) ? 'written' : 'refused'
  } catch (error) {
    if (isVertigoError(error) && (error.code === 'STORE_HOLD_LOST' || error.code === 'STORE_LEASE_LOST'))
      return 'deposed'
    throw error
  }
}

/** All orders in which the steps of both can come, each one's own in their order. */
function merges<T>(a: readonly T[], b: readonly T[]): T[][] {
  if (a.length === 0) return [[...b]]
  if (b.length === 0) return [[...a]]
  return [
    ...merges(a.slice(1), b).map((rest) => [a[0]!, ...rest]),
    ...merges(a, b.slice(1)).map((rest) => [b[0]!, ...rest]),
  ]
}

for (const subject of subjects) {
  const use = useOf(subject)
  const skip = subject.missing ?? false
  const managed = (test: (managers: Managers) => Promise<void>): Promise<void> =>
    use((store) => withManagers(store, test))

  describe(`commits of snapshots: ${subject.name}`, { skip }, () => {
    it('SN-1: no id is given twice, whoever asks', () =>
      managed(async ({ store, elect }) => {
        const first = await elect()
        const stale = await read(store)
        const one = takeIds(stale.snapshots, 5_000)
        assert.equal((await first.transact(one.transaction)).succeeded, true)
        assert.equal((await first.transact(takeIds(stale.snapshots, 9_000).transaction)).succeeded, false)
        const second = await elect()
        const two = takeIds((await read(store)).snapshots, 9_000)
        assert.equal((await second.transact(two.transaction)).succeeded, true)
        assert.deepEqual([one.first, two.first, one.incarnation, two.incarnation], [1, 129, 5, 5])
        assert.equal(await outcome(plan(first, await read(store))), 'deposed')
      }))

    it('SN-2: of a commit and a plan that were made from one state of things, the first one counts', () =>
      managed(async ({ store, elect }) => {
        const leadership = await elect()
        assert.equal(await plan(leadership, await read(store)), true)
        let view = await read(store)
        assert.equal(await commit(leadership, view, 1), true)
        assert.equal(await plan(leadership, view), false)
        view = await read(store)
        assert.equal(await plan(leadership, view), true)
        assert.equal(await commit(leadership, view, 2), false)
        const { plan: now, snapshots } = await read(store)
        assert.deepEqual([now?.value.restores?.id, snapshots.committed?.value.id], [1, 1])
      }))

    it('SN-2: two commits from one state of things: one is written', () =>
      managed(async ({ store, elect }) => {
        const leadership = await elect()
        await plan(leadership, await read(store))
        const view = await read(store)
        const both = await Promise.all([commit(leadership, view, 1), commit(leadership, view, 2)])
        assert.deepEqual(both.toSorted(), [false, true])
      }))

    it('in all orders of an old and a new manager, what runs goes on from the last that was committed', () =>
      managed(async ({ store, elect }) => {
        const steps = merges(
          ['old reads', 'old commits', 'old plans'],
          ['new is elected', 'new reads', 'new plans', 'new commits'],
        )
        assert.equal(steps.length, 35)
        let id = 10
        for (const order of steps) {
          const seen: Record<string, NetworkView> = {}
          const leaders: Record<string, Leadership> = { old: await elect() }
          await plan(leaders['old']!, await read(store))
          const log: string[] = []
          for (const step of order) {
            const who = step.slice(0, 3)
            if (step.endsWith('elected')) leaders[who] = await elect()
            else if (step.endsWith('reads')) seen[who] = await read(store)
            else {
              const write = step.endsWith('plans')
                ? plan(leaders[who]!, seen[who]!)
                : commit(leaders[who]!, seen[who]!, ++id)
              const how = await outcome(write)
              log.push(`${step}: ${how}`)
              if (who === 'old' && log.some((line) => line.startsWith('new')))
                assert.equal(how, 'deposed', log.join(', '))
            }
            const { plan: newest, snapshots } = await read(store)
            const committed = snapshots.committed?.value
            // A snapshot of a generation that was superseded would be one that nobody goes on from.
            if (committed !== undefined && committed.generation < newest!.value.generation)
              assert.equal(newest!.value.restores?.id, committed.id, log.join(', '))
          }
          assert.ok(log.includes('new plans: written'), log.join(', '))
        }
      }))

    it('SW-1: keeps the newest, those with names, and gives each name to one', () =>
      managed(async ({ store, elect }) => {
        const leadership = await elect()
        await plan(leadership, await read(store))
        const save = async (id: number, names: readonly string[] = []): Promise<void> => {
          const transaction = commitTransaction(await read(store), snapshot(id, { names }), 2)
          assert.equal((await leadership.transact(transaction)).succeeded, true)
        }
        const kept = async (): Promise<readonly (readonly [number, ...string[]])[]> =>
          (await store.range(network.snapshots.kept)).entries.map((entry) => {
            const { id, names } = snapshotRecord.decode(entry)
            return [id, ...names] as const
          })
        const wanted = wantedRecord.encode({ by: 'me', atMs: 1 })
        await store.transact({ then: [put(network.snapshots.wantedAs('before/upgrade'), wanted)] })
        assert.deepEqual([...(await read(store)).snapshots.wanted.keys()], ['before/upgrade'])
        await save(1, ['before/upgrade', 'other'])
        assert.equal((await read(store)).snapshots.wanted.size, 0)
        for (const id of [2, 3, 4]) await save(id)
        assert.deepEqual(await kept(), [[1, 'before/upgrade', 'other'], [3], [4]])
        await save(5, ['other'])
        assert.deepEqual(await kept(), [[1, 'before/upgrade'], [4], [5, 'other']])
        await save(6, ['before/upgrade'])
        assert.deepEqual(await kept(), [[4], [5, 'other'], [6, 'before/upgrade']])
      }))
  })
}
