import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { VertigoError } from '../../../../src/base/errors.ts'
import { seededRandom } from '../../../../src/base/random.ts'
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
import type { Store } from '../../../../src/store/store.ts'
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
function laggingNode(asked: Store = store) {
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
    catchUp: (network, timeoutMs) => catchUp(network, { store: asked, keys, observer, clock }, timeoutMs),
    clock,
    random: seededRandom(1),
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
  const { clock, follow, ports } = laggingNode()
  assert.equal(await errorCode(ports.check('net', 'input', 'in')), 'NETWORK_UNKNOWN')
  await deploy(1, 'in')
  const first = ports.check('net', 'input', 'in')
  clock.advance(250)
  assert.equal(await isSettled(first), false, 'it waits for the view')
  await follow()
  await first

  // A port that came with the newest version, and one that went.
  await deploy(2, 'other')
  clock.advance(250)
  const second = ports.check('net', 'input', 'other')
  assert.equal(await isSettled(second), false)
  await follow()
  await second
  clock.advance(250)
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

/** A store of which only reads count: each goes to `read`. */
function reading(read: Store['get']): Store {
  return new Proxy(store, {
    get: (target, name, self) => (name === 'get' ? read : (Reflect.get(target, name, self) as unknown)),
  })
}

test('CS-3 a call keeps its deadline while its view is compared, and has the error of the view', async () => {
  const given: (number | undefined)[] = []
  const silent = reading((_, { timeoutMs } = {}) => {
    given.push(timeoutMs)
    return Promise.withResolvers<never>().promise
  })
  const { clock, follow, ports } = laggingNode(silent)
  await follow()
  const sent = ports.send('net', 'nowhere', [1], { timeoutMs: 300 })
  assert.equal(await isSettled(sent), false)
  clock.advance(301)
  assert.equal(await isSettled(sent), true, 'its time is over')
  assert.equal(await errorCode(sent), 'PORT_UNKNOWN')
  assert.deepEqual(given, [2_000])

  const cancelled = new AbortController()
  const cut = ports.send('net', 'nowhere', [1], { signal: cancelled.signal })
  cancelled.abort(new VertigoError('CALL_CANCELLED', 'enough'))
  assert.equal(await isSettled(cut), true)
  assert.equal(await errorCode(cut), 'CALL_CANCELLED')
})

test('CS-3 a store that fails leaves the word to the view', async () => {
  const broken = reading(() => Promise.reject(new VertigoError('STORE_UNREACHABLE', 'it is gone')))
  const { follow, ports } = laggingNode(broken)
  await follow()
  assert.equal(await errorCode(ports.check('net', 'input', 'nowhere')), 'PORT_UNKNOWN')
})

test('CS-2 who polls a port that is not there makes few reads of the store', async () => {
  let reads = 0
  const counted = reading((...call) => {
    reads++
    return store.get(...call)
  })
  const { clock, follow, ports } = laggingNode(counted)
  await follow()
  assert.equal(await errorCode(ports.check('net', 'input', 'nowhere')), 'PORT_UNKNOWN')
  for (let round = 1; round <= 4; round++) {
    const calls = Array.from({ length: 50 }, () => ports.check('net', 'input', 'nowhere'))
    assert.equal(reads, round)
    clock.advance(249)
    // Another network has its own time.
    if (round === 1) {
      assert.equal(await errorCode(ports.check('other', 'input', 'in')), 'NETWORK_UNKNOWN')
      reads--
    }
    assert.equal(reads, round, 'its time has not come')
    clock.advance(1)
    for (const call of calls) assert.equal(await errorCode(call), 'PORT_UNKNOWN')
    assert.equal(reads, round + 1, 'one for all')
  }
})
