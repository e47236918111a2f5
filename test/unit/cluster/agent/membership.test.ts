import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { isVertigoError } from '../../../../src/base/errors.ts'
import { systemRandom } from '../../../../src/base/random.ts'
import { join, type JoinMeans, type Membership } from '../../../../src/cluster/agent/membership.ts'
import { eventLoopTurn, TestClock } from '../../../../src/testkit/test-clock.ts'
import { asNodeId, ClusterKeys, nodeRecord } from '../../../../src/cluster/protocol/index.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import { LeaseKeeper } from '../../../../src/store/recipes/index.ts'

const cluster = 'c'
const ttlMs = 60_000
const keys = new ClusterKeys(cluster)

function world(t: TestContext): JoinMeans {
  const store = storeOver(new MemoryBackend({ clock: systemClock }), systemClock)
  const leases = new LeaseKeeper(store, { clock: systemClock, random: systemRandom })
  t.after(async () => {
    await leases.close()
    await store.close()
  })
  return { store, keys, leases, clock: systemClock, random: systemRandom, isGone: () => false }
}

function joinAs(
  id: string,
  authorities: string[],
  means: JoinMeans,
  incarnation?: string,
  signal?: AbortSignal,
): Promise<Membership> {
  const record = {
    id: asNodeId(id),
    incarnation: `life of ${id}`,
    pid: 1,
    processStart: '',
    machine: 'm',
    version: '0',
    protocol: { min: 1, max: 1 },
    authorities,
    control: { host: id, port: 1 },
    groups: [],
    labels: {},
    workers: 1,
  }
  return join(record, means, { cluster, ttlMs, incarnation, ...(signal && { signal }) })
}

/** What of it is known when this time has passed; no more than the waits of the one who joins need. */
async function afterMs<T>(waitMs: number, clock: TestClock, outcome: Promise<T>): Promise<T | undefined> {
  let result: PromiseSettledResult<T> | undefined
  outcome.then(
    (value) => (result = { status: 'fulfilled', value }),
    (reason: unknown) => (result = { status: 'rejected', reason }),
  )
  const endMs = clock.now() + waitMs
  for (;;) {
    for (let turn = 0; turn < 10; turn++) await eventLoopTurn()
    if (result?.status === 'rejected') throw result.reason
    if (result !== undefined) return result.value
    if (clock.now() >= endMs) return undefined
    clock.advance(Math.min(1_000, endMs - clock.now()))
  }
}

async function there({ store }: JoinMeans): Promise<readonly string[]> {
  const { entries } = await store.range(keys.nodes)
  return entries.map((entry) => nodeRecord.decode(entry).id)
}

test('ME-3 of two that come at once and do not belong together, one stays', async (t) => {
  const means = world(t)
  const outcomes = await Promise.allSettled([joinAs('a', ['x'], means), joinAs('b', ['y'], means)])
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  assert.equal(refused.length, 1)
  const reason: unknown = refused[0]!.reason
  assert.ok(isVertigoError(reason))
  assert.equal(reason.code, 'CLUSTER_FOREIGN')
  const stays = outcomes[0].status === 'fulfilled' ? 'a' : 'b'
  assert.deepEqual(await there(means), [stays])
})

test('ME-3 who is refused leaves no trace', async (t) => {
  const means = world(t)
  await joinAs('a', ['x'], means)
  const before = await means.store.range('')
  const clock = new TestClock()
  const refused = afterMs(ttlMs * 1.6, clock, joinAs('b', [], { ...means, clock }))
  await assert.rejects(refused, { code: 'CLUSTER_FOREIGN' })
  await assert.rejects(joinAs('b', ['x'], means, 'another incarnation'), { code: 'CLUSTER_REPLACED' })
  assert.deepEqual(await means.store.range(''), before)
  // Whose process is gone stands in nobody's way.
  await joinAs('b', [], { ...means, isGone: ({ id }) => id === 'a' })
})

test('AD-2 who comes again to a store without its cluster makes no new one', async (t) => {
  const means = world(t)
  const { incarnation } = await joinAs('a', [], means)
  const empty = world(t)
  await assert.rejects(joinAs('a', [], empty, incarnation), { code: 'CLUSTER_REPLACED' })
  assert.deepEqual((await empty.store.range('')).entries, [])
})

test('ME-4 a node waits for the records of those that have ended, and joins', async (t) => {
  const means = world(t)
  const former = await joinAs('a', ['x'], means)
  const clock = new TestClock()
  const joining = joinAs('b', ['y'], { ...means, clock })
  assert.equal(await afterMs(ttlMs * 1.4, clock, joining), undefined, 'it is not refused yet')
  await former.lease.close()
  const joined = await afterMs(1_000, clock, joining)
  assert.equal(joined?.record.id, 'b')
  assert.deepEqual(await there(means), ['b'])
})

test('ME-4 who ends while it waits for others does not wait on', async (t) => {
  const means = world(t)
  await joinAs('a', ['x'], means)
  const clock = new TestClock()
  const ending = new AbortController()
  const joining = joinAs('b', ['y'], { ...means, clock }, undefined, ending.signal)
  assert.equal(await afterMs(ttlMs, clock, joining), undefined)
  ending.abort(new Error('it ends'))
  await assert.rejects(joining, /it ends/)
})

test('AD-2 who comes again hears that the cluster is another one before it hears of strangers', async (t) => {
  const means = world(t)
  await joinAs('a', ['x'], means)
  await assert.rejects(joinAs('b', ['y'], means, 'another incarnation'), { code: 'CLUSTER_REPLACED' })
})
