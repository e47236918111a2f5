import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { isVertigoError } from '../../../../src/base/errors.ts'
import { systemRandom } from '../../../../src/base/random.ts'
import { join, type JoinMeans, type Membership } from '../../../../src/cluster/agent/membership.ts'
import { asNodeId, ClusterKeys, nodeRecord } from '../../../../src/cluster/protocol/index.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import { LeaseKeeper } from '../../../../src/store/recipes/index.ts'

const cluster = 'c'
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
  return join(record, means, { cluster, ttlMs: 60_000, incarnation })
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
  await assert.rejects(joinAs('b', [], means), { code: 'CLUSTER_FOREIGN' })
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
