import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { catchUp } from '../../../../src/cluster/node/catch-up.ts'
import { NodeView } from '../../../../src/cluster/node/node-view.ts'
import { ClusterPorts } from '../../../../src/cluster/node/ports/cluster-ports.ts'
import { PortLines } from '../../../../src/cluster/node/ports/port-lines.ts'
import {
  asNodeId,
  asVersion,
  ClusterKeys,
  ClusterView,
  desiredRecord,
  versionRecord,
} from '../../../../src/cluster/protocol/index.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import { put } from '../../../../src/store/operations.ts'
import { eventLoopTurn, TestClock } from '../../../../src/testkit/test-clock.ts'
import { errorCode } from '../../../support/error-code.ts'

const keys = new ClusterKeys('c')
const store = storeOver(new MemoryBackend({ clock: systemClock }), systemClock)

/** Deploys a version of `net` that exports this input. */
async function deploy(version: number, input: string): Promise<void> {
  const of = keys.network('net')
  const record = {
    version: asVersion(version),
    flat: {
      name: 'net',
      components: { end: { kind: 'log', base: 'file:///n' } },
      connections: [],
      exports: { inputs: { [input]: 'end.in' } },
    },
    kinds: {},
    createdAtMs: 1,
    by: 'test',
    change: 'deploy',
  }
  const desired = { version: asVersion(version), goal: 'run' as const, changedAtMs: 1 }
  await store.transact({
    then: [
      put(of.version(asVersion(version)), versionRecord.encode(record)),
      put(of.desired, desiredRecord.encode(desired)),
    ],
  })
}

/** A node whose view follows when it is told to. */
function laggingNode() {
  const clock = new TestClock()
  const observer = new NodeView(keys)
  const follow = async (): Promise<void> => {
    const view = new ClusterView(keys)
    const { entries, revision } = await store.range(keys.prefix)
    for (const entry of entries) view.apply(entry.key, entry)
    observer.seen({ view, revision }, new Set(['net']))
  }
  const ports = new ClusterPorts({
    lines: new PortLines(clock),
    peers: { self: asNodeId('a'), nodes: () => [], to: () => assert.fail('nobody else is there') },
    view: () => observer.view,
    catchUp: (network, signal) => catchUp(network, { store, keys, observer, clock }, signal),
    clock,
  })
  return { clock, follow, ports }
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const done = (): void => void (settled = true)
  promise.then(done, done)
  for (let turn = 0; turn < 20; turn++) await eventLoopTurn()
  return settled
}

test('PC-4 what was deployed by another node is known to this one, however late its view is', async () => {
  const { follow, ports } = laggingNode()
  assert.equal(await errorCode(ports.check('net', 'input', 'in')), 'NETWORK_UNKNOWN')
  await deploy(1, 'in')
  const first = ports.check('net', 'input', 'in')
  assert.equal(await isSettled(first), false, 'it waits for the view')
  await follow()
  await first

  // A port that came with the newest version, and one that went.
  await deploy(2, 'other')
  const second = ports.check('net', 'input', 'other')
  assert.equal(await isSettled(second), false)
  await follow()
  await second
  assert.equal(await errorCode(ports.check('net', 'input', 'in')), 'PORT_UNKNOWN')
})

test('a view that does not come on is not waited for without end', async () => {
  const { clock, follow, ports } = laggingNode()
  await follow()
  await deploy(3, 'third')
  const checked = ports.check('net', 'input', 'third')
  assert.equal(await isSettled(checked), false)
  clock.advance(2_001)
  assert.equal(await errorCode(checked), 'PORT_UNKNOWN')
})
