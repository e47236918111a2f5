import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AgentWorkerEvents } from '../../../../src/cluster/agent/agent-worker.ts'
import { NetworkAgent } from '../../../../src/cluster/agent/network-agent.ts'
import {
  asNodeId,
  asVersion,
  asWorkerNumber,
  ClusterKeys,
  NetworkView,
  planRecord,
  type ReadyRecord,
  versionRecord,
} from '../../../../src/cluster/protocol/index.ts'
import { eventLoopTurn } from '../../../../src/testkit/test-clock.ts'
import { never } from '../../../../src/testkit/cluster/steps.ts'
import { plan, version } from './plans.ts'

// Found by the simulation: seed 23 with workers that die at a step.
test('a worker that died before a plan with none but new instances for it is told to be lost', async () => {
  const keys = new ClusterKeys('c').network('net')
  const view = new NetworkView('net', keys)
  const write = (key: string, value: Uint8Array, revision: number): void =>
    view.apply(key, { key, value, createRevision: 1, modRevision: revision, version: 1 })
  const told: ReadyRecord[] = []
  const worker: { events?: AgentWorkerEvents } = {}
  const agent = new NetworkAgent({
    cluster: 'test',
    node: asNodeId('n'),
    incarnation: 'i',
    makeWorker: (number, events) => {
      worker.events = events
      return {
        number,
        prepare: () => never(),
        switchOver() {},
        hold() {},
        release() {},
        snapshot() {},
        close: () => Promise.resolve(),
        terminate: () => Promise.resolve(),
      }
    },
    localize: (assignment) => Promise.resolve(assignment),
    publish: (record) => told.push(record),
    events: { rejected() {}, logged() {}, failed() {}, linkFailed: () => assert.fail('there is no link') },
  })
  const v1 = version(1, { components: { a: 2 }, connections: [] })
  write(keys.version(asVersion(1)), versionRecord.encode(v1), 1)
  write(keys.plan, planRecord.encode(plan(1, [v1], [['a[0]', 1, 1]])), 2)
  agent.update(view)
  worker.events!.died(new Error('it ran out of memory'))
  write(keys.plan, planRecord.encode(plan(2, [v1], [['a[1]', 2, 1]])), 3)
  agent.update(view)
  await eventLoopTurn()
  const { generation, lost } = told.at(-1)!
  assert.deepEqual({ generation, lost }, { generation: 2, lost: [asWorkerNumber(1)] })
})
