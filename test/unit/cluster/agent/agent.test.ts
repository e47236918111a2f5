import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { systemRandom } from '../../../../src/base/random.ts'
import { Agent } from '../../../../src/cluster/agent/agent.ts'
import type { AgentWorker } from '../../../../src/cluster/agent/agent-worker.ts'
import { join } from '../../../../src/cluster/agent/membership.ts'
import {
  asGeneration,
  asInstanceId,
  asNodeId,
  asTerm,
  asVersion,
  asWorkerNumber,
  ClusterKeys,
  type Plan,
  planRecord,
  versionRecord,
} from '../../../../src/cluster/protocol/index.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import { put } from '../../../../src/store/operations.ts'
import { LeaseKeeper } from '../../../../src/store/recipes/index.ts'
import { eventLoopTurn } from '../../../../src/testkit/test-clock.ts'
import { version } from './plans.ts'

/** A node with one worker, which closes when it is told to. */
async function hosting() {
  const store = storeOver(new MemoryBackend({ clock: systemClock }), systemClock)
  const keys = new ClusterKeys('c')
  const net = keys.network('net')
  const leases = new LeaseKeeper(store, { clock: systemClock, random: systemRandom })
  const membership = await join(
    {
      id: asNodeId('n'),
      incarnation: 'first',
      pid: 1,
      processStart: '',
      machine: 'm',
      version: '0',
      protocol: { min: 1, max: 1 },
      control: { host: 'n', port: 1 },
      groups: [],
      labels: {},
      workers: 1,
    },
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
  const plan = (generation: number, instances: readonly number[]): Promise<unknown> =>
    store.transact({ then: [put(net.plan, planRecord.encode(planOf(generation, instances)))] })
  await store.transact({
    then: [
      put(
        net.version(asVersion(1)),
        versionRecord.encode(version(1, { components: { a: 1 }, connections: [] })),
      ),
    ],
  })
  const end = async (): Promise<void> => {
    await leases.close()
    await store.close()
  }
  return { agent, plan, prepared: prepared.promise, closing: closing.promise, closed, membership, end }
}

function planOf(generation: number, instances: readonly number[]): Plan {
  const worker = asWorkerNumber(1)
  return {
    network: 'net',
    generation: asGeneration(generation),
    parent: asGeneration(generation - 1),
    term: asTerm(1),
    version: asVersion(1),
    connections: {},
    waiting: [],
    done: [],
    failures: [],
    workers: instances.length === 0 ? [] : [{ worker, node: asNodeId('n'), incarnation: 'first' }],
    instances: instances.map((index) => ({
      id: asInstanceId(index + 1),
      component: 'a',
      index,
      worker,
      version: asVersion(1),
      since: asGeneration(generation),
      draining: false,
    })),
    nextWorker: asWorkerNumber(2),
    nextInstance: asInstanceId(2),
    nextConnection: 1,
  }
}

for (const way of ['left', 'lost its lease'] as const)
  test(`who has ${way} waits for the workers of a network that it had given up before`, async () => {
    const { agent, plan, prepared, closing, closed, membership, end } = await hosting()
    await plan(1, [0])
    await prepared
    await plan(2, [])
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
