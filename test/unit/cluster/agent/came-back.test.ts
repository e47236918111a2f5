import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { systemRandom } from '../../../../src/base/random.ts'
import { join } from '../../../../src/cluster/agent/membership.ts'
import {
  asWorkerNumber,
  ClusterKeys,
  deathRecord,
  planRecord,
} from '../../../../src/cluster/protocol/index.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import { put } from '../../../../src/store/operations.ts'
import { LeaseKeeper } from '../../../../src/store/recipes/index.ts'
import { nodeNamed } from '../node-record.ts'
import { plan, version } from './plans.ts'

test('a node alone that was taken down tells of it when it comes again, with what it had', async (t) => {
  const store = storeOver(new MemoryBackend({ clock: systemClock }), systemClock)
  const keys = new ClusterKeys('c')
  const leases = new LeaseKeeper(store, { clock: systemClock, random: systemRandom })
  t.after(() => leases.close())
  const means = { store, keys, leases, clock: systemClock, random: systemRandom }
  const options = { cluster: 'c', ttlMs: 60_000 }
  const first = await join(
    { ...nodeNamed('n'), incarnation: 'first' },
    { ...means, isGone: () => false },
    options,
  )
  const had = plan(1, [version(1, { components: { boom: 1 }, connections: [] })], [['boom[0]', 1, 1]])
  const workers = [{ worker: asWorkerNumber(1), node: first.record.id, incarnation: 'first' }]
  const value = planRecord.encode({ ...had, workers })
  await store.transact({ then: [put(keys.network('net').plan, value)] })
  const { record } = await join(
    { ...nodeNamed('n'), incarnation: 'second' },
    { ...means, isGone: ({ incarnation }) => incarnation === 'first' },
    options,
  )
  assert.equal(record.incarnation, 'second')
  const { entry } = await store.get(keys.death(record.id))
  assert.ok(entry !== undefined)
  const { incarnation, suspects } = deathRecord.decode(entry)
  assert.deepEqual([incarnation, suspects], ['first', [{ network: 'net', component: 'boom' }]])
})
