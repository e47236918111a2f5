import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { systemRandom } from '../../../../src/base/random.ts'
import { Agent } from '../../../../src/cluster/agent/agent.ts'
import type { AgentWorker } from '../../../../src/cluster/agent/agent-worker.ts'
import { join } from '../../../../src/cluster/agent/membership.ts'
import {
  asVersion,
  asWorkerNumber,
  ClusterKeys,
  planRecord,
  versionRecord,
} from '../../../../src/cluster/protocol/index.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import { put } from '../../../../src/store/operations.ts'
import { LeaseKeeper } from '../../../../src/store/recipes/index.ts'
import { eventLoopTurn } from '../../../../src/testkit/test-clock.ts'
import { nodeNamed } from '../node-record.ts'
import { type Placed, plan, version } from './plans.ts'

/** A node with one worker, which closes when it is told to. */
async function hosting() {
  const store = storeOver(new MemoryBackend({ clock: systemClock }), systemClock)
  const keys = new ClusterKeys('c')
  const net = keys.network('net')
  const leases = new LeaseKeeper(store, { clock: systemClock, random: systemRandom })
  const membership = await join(
    nodeNamed('n'),
    { store, keys, leases, clock: systemClock, random: systemRandom, isGone: () => false },
    { cluster: 'c', ttlMs: 60_000 },
  )
  const prepared = Promise.withResolvers<void>()
  const closing = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<void>()
  const worker: AgentWorker = {
    number: asWorkerNumber(1),
    async prepare() {
      prepared.resolve()
      return { listens: { host: 'n', port: 2 } }
    },
    switchOver() {},
    hold() {},
    snapshot() {},
    release() {},
    close() {
      closing.resolve()
      return closed.promise
    },
    async terminate() {},
  }
  const agent = new Agent({
    store,
    keys,
    random: systemRandom,
    membership,
    workersOf: () => () => worker,
    localize: (assignment) => Promise.resolve(assignment),
    events: {
      rejected: (_network, _record, taken) => taken(),
      logged: (_network, _record, taken) => taken(),
      failed: (_network, _what, error) => assert.fail(error),
      linkFailed: (_network, _from, _to, error) => assert.fail(error),
      seen() {},
      troubled: (_what, error) => assert.fail(error),
    },
  })
  const v1 = version(1, { components: { a: 1 }, connections: [] })
  const planned = (generation: number, placed: readonly Placed[]): Promise<unknown> =>
    store.transact({ then: [put(net.plan, planRecord.encode(plan(generation, [v1], placed)))] })
  await store.transact({ then: [put(net.version(asVersion(1)), versionRecord.encode(v1))] })
  const end = async (): Promise<void> => {
    await leases.close()
    await store.close()
  }
  return { agent, planned, prepared: prepared.promise, closing: closing.promise, closed, membership, end }
}

for (const way of ['left', 'lost its lease'] as const)
  test(`who has ${way} waits for the workers of a network that it had given up before`, async () => {
    const { agent, planned, prepared, closing, closed, membership, end } = await hosting()
    await planned(1, [['a[0]', 1, 1]])
    await prepared
    await planned(2, [])
    await closing
    let isOver = false
    if (way === 'lost its lease') await membership.lease.close()
    const over = (way === 'left' ? agent.close() : agent.terminated).then(() => {
      isOver = true
    })
    // As many turns as ending it takes where nothing is waited for, and more.
    for (let turn = 0; turn < 50; turn++) await eventLoopTurn()
    assert.equal(isOver, false)
    closed.resolve()
    await over
    await end()
  })
