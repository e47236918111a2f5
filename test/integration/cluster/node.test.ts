import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connectCluster, type NodeEvent, startNode, type StartNodeOptions } from '../../../src/cluster.ts'
import type { ErrorCode } from '../../../src/base/error-codes.ts'
import { machineClock } from '../../../src/base/clock.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import {
  asNodeId,
  clusterFormat,
  ClusterKeys,
  clusterRecord,
  type NodeRecord,
  nodeRecord,
} from '../../../src/cluster/protocol/index.ts'
import { put } from '../../../src/store/operations.ts'
import type { Entry } from '../../../src/store/store.ts'
import { openStore } from '../../../src/stores.ts'
import { assertCode, project, start } from '../../e2e/support.ts'
import { eventually } from '../../support/eventually.ts'

const ticks = {
  name: 'ticks',
  components: {
    source: { kind: 'interval', config: { periodMs: 20 } },
    end: { kind: 'take', config: { count: 0 } },
  },
  connections: [{ from: 'source.out', to: 'end.in' }],
}

test('a node that is told to end gives its instances to others, and leaves', async (t) => {
  const folder = project(t, { 'ticks.json': JSON.stringify(ticks) })
  const store = `lmdb:${folder}/store`
  const a = start(t, [
    'node',
    '--store',
    store,
    '--id',
    'a',
    '--ttl-ms',
    '30000',
    '--workers',
    '2',
    '--api',
    '127.0.0.1:0',
    '--json',
  ])
  await a.until(/"type":"elected"/)
  const cluster = await connectCluster({ store })
  t.after(() => cluster.close())
  await cluster.deploy(`${folder}/ticks.json`, { by: 'test' })
  const places = async (): Promise<readonly string[]> => {
    const { state, instances } = await cluster.networks.status('ticks')
    return state === 'running' ? instances.map(({ node }) => String(node)) : []
  }
  await eventually('all runs on the one node', async () => (await places()).join() === 'a,a')
  const b = await node(t, { store, id: 'b', workers: 2, ttlMs: 30_000 })
  assert.deepEqual(await places(), ['a', 'a'], 'nothing is moved without need')
  a.child.kill('SIGTERM')
  assertCode(await a.ended(), 0)
  assert.match(a.stdout, /"type":"drained","left":0/)
  await eventually('all runs on the other node', async () => (await places()).join() === 'b,b')
  assert.deepEqual(
    (await cluster.operation.nodes([])).map(({ id }) => id),
    ['b'],
  )
  assert.equal(
    b.some(({ type }) => type === 'declared-dead'),
    false,
    'it was not taken for dead',
  )
})

test('a node that nobody can take over from leaves without waiting', async (t) => {
  const folder = project(t, { 'ticks.json': JSON.stringify(ticks) })
  const store = `lmdb:${folder}/store`
  const events: NodeEvent[] = []
  const onEvent = (event: NodeEvent): void => void events.push(event)
  const alone = await startNode({ store, id: 'a', workers: 1, ttlMs: 30_000, onEvent })
  t.after(() => alone.close())
  const cluster = await connectCluster({ store })
  t.after(() => cluster.close())
  await cluster.deploy(`${folder}/ticks.json`, { by: 'test' })
  await eventually('it runs', async () => (await cluster.networks.status('ticks')).state === 'running')
  await alone.drain({ graceMs: 60_000 })
  const drained = events.find(({ type }) => type === 'drained')
  assert.deepEqual(drained, { type: 'drained', left: 2, why: 'no other node is there to take them' })
  assert.deepEqual(await cluster.operation.nodes([]), [])
})

test('what cannot be is refused before anything is touched', async (t) => {
  const folder = project(t, {})
  const store = `lmdb:${folder}/store`
  await node(t, { store, id: 'a', ttlMs: 30_000 })
  // Who comes with the same name waits for as long as a lease of its own whether that one's ends.
  await refused('NODE_EXISTS', { store, id: 'a', ttlMs: 1_000 })
  await refused('NODE_OPEN', { store, listen: { host: '192.0.2.1' } })
  await refused('NODE_ADDRESS_UNFIT', { store, listen: { host: '0.0.0.0' }, insecure: true })
  await refused('API_OPEN', { store, api: { host: '0.0.0.0', port: 0 } })
  await refused('USAGE', { store: 'memory:' })
  await refused('USAGE', { store, id: 'a b' })
  const taken = createServer()
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const { port } = taken.address() as { readonly port: number }
  await refused('API_ADDRESS_UNFIT', { store, api: { port } })
  await refused('NODE_ADDRESS_UNFIT', { store, listen: { host: '127.0.0.1', port } })
  const cluster = await connectCluster({ store })
  t.after(() => cluster.close())
  assert.deepEqual(
    (await cluster.operation.nodes([])).map(({ id }) => id),
    ['a'],
  )
})

test('a node that has no version of the protocol in common with one that is there is refused', async (t) => {
  const store = `lmdb:${project(t, {})}/store`
  await node(t, { store, id: 'a', ttlMs: 30_000 })
  await anotherVersion(t, store, 'b', { min: 7, max: 9 })
  await refused('LINK_VERSION_UNFIT', { store, id: 'c' })
  const cluster = await connectCluster({ store })
  t.after(() => cluster.close())
  const there = await cluster.operation.nodes([])
  assert.ok(!there.some(({ id }) => id === 'c'), 'it was never there')
})

test('the store of a cluster of a newer format is not touched', async (t) => {
  const folder = project(t, {})
  const url = `lmdb:${folder}/store`
  const store = await openStore(url, machineClock)
  const keys = new ClusterKeys('vertigo')
  const record = { format: clusterFormat + 1, name: 'vertigo', incarnation: '1', createdAtMs: 1 }
  await store.transact({ then: [put(keys.cluster, clusterRecord.encode(record))] })
  const before = await store.range('')
  await store.close()
  await refused('CLUSTER_FORMAT_NEWER', { store: url, id: 'a' })
  const again = await openStore(url, machineClock)
  t.after(() => again.close())
  assert.deepEqual(await again.range(''), before)
})

test('a stranger in the cluster does not end those that belong to it', async (t) => {
  const url = `lmdb:${project(t, {})}/store`
  const events = await node(t, { store: url, id: 'a', ttlMs: 10_000 })
  const store = await openStore(url, machineClock)
  t.after(() => store.close())
  const keys = new ClusterKeys('vertigo')
  const [own] = (await store.range(keys.nodes)).entries as [Entry]
  // It came first, when all had lost their leases.
  const stranger = { ...nodeRecord.decode(own), id: asNodeId('x'), authorities: ['theirs'] }
  await store.transact({ then: [put(keys.node(stranger.id), nodeRecord.encode(stranger))] })
  await store.revoke(own.lease!)
  const of = (type: NodeEvent['type']): readonly NodeEvent[] => events.filter((event) => event.type === type)
  await eventually('it says what is in its way', () =>
    of('troubled').some((event) => JSON.stringify(event).includes('CLUSTER_FOREIGN')),
  )
  assert.deepEqual(of('gave-up'), [])
  await store.transact({ then: [{ type: 'delete', key: keys.node(stranger.id) }] })
  await eventually('it joins again when the stranger is gone', () => of('joined').length >= 2)
})

/** A node of another version of Vertigo, as far as the store knows. */
async function anotherVersion(
  t: TestContext,
  url: string,
  id: string,
  protocol: NodeRecord['protocol'],
): Promise<void> {
  const store = await openStore(url, machineClock)
  t.after(() => store.close())
  const keys = new ClusterKeys('vertigo')
  const [{ value }] = (await store.range(keys.nodes)).entries as [Entry]
  const record = nodeRecord.decode({ key: 'a', value })
  const other = { ...record, id: asNodeId(id), version: '9.0.0', protocol }
  await store.transact({ then: [put(keys.node(other.id), nodeRecord.encode(other))] })
}

/** Gives what it tells. */
async function node(t: TestContext, options: StartNodeOptions): Promise<readonly NodeEvent[]> {
  const events: NodeEvent[] = []
  const running = await startNode({ workers: 1, ...options, onEvent: (event) => events.push(event) })
  t.after(() => running.close())
  return events
}

async function refused(code: ErrorCode, options: StartNodeOptions): Promise<void> {
  await assert.rejects(
    async () => {
      const running = await startNode(options)
      await running.close()
    },
    (error) => isVertigoError(error) && error.code === code,
  )
}
