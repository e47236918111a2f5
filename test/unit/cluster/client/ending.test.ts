import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { systemRandom } from '../../../../src/base/random.ts'
import { Management, type NetworkStatus, statusInView } from '../../../../src/cluster/client/index.ts'
import {
  asGeneration,
  asInstanceId,
  asTerm,
  asVersion,
  asWorkerNumber,
  ClusterView,
  type NetworkOutcome,
  outcomeRecord,
  planRecord,
  type SnapshotRecord,
  snapshotRecord,
} from '../../../../src/cluster/protocol/index.ts'
import type { FlatNetwork } from '../../../../src/model/flatten.ts'
import { put, remove } from '../../../../src/store/operations.ts'
import type { Operation, Store } from '../../../../src/store/store.ts'
import { management, network, source } from './support.ts'

/** DE-9, for who asks meanwhile: version 1 was undeployed and still comes to its end, and version 2 is deployed. */

const by = 'test'

const of = (more: Partial<FlatNetwork> = {}): Parameters<Management['deploy']>[0] => {
  const { part, kinds } = network(['a'], { guarantee: 'exactly-once', ...more })
  return { part, kinds: { ...kinds, numbers: { ...source, rewinds: true } } }
}

/** What would not fit a snapshot of before: its snapshots are elsewhere. */
const elsewhere = of({ snapshot: { storage: 'file:///elsewhere' } })

function snapshot(id: number, version: number): SnapshotRecord {
  return {
    id,
    incarnation: 7,
    generation: asGeneration(version),
    version: asVersion(version),
    predecessor: null,
    committedAtMs: 5,
    tookMs: 1,
    bytes: 1,
    manifest: { name: `net/7/${id}/manifest`, bytes: 1, checksum: 1 },
    finished: [],
    hasChannelState: false,
    isLast: false,
    names: [],
    components: [
      { component: 'a', instances: 1, hasState: false, hasKeyedState: false, hasChannelState: false },
    ],
  }
}

async function ending() {
  const made = management()
  const { store, keys, client } = made
  const net = keys.network('net')
  const planned = (version: number): Operation =>
    put(
      net.plan,
      planRecord.encode({
        network: 'net',
        generation: asGeneration(version),
        parent: asGeneration(version - 1),
        term: asTerm(1),
        version: asVersion(version),
        workers: [],
        instances: [],
        connections: {},
        waiting: [],
        done: [],
        failures: [],
        nextWorker: asWorkerNumber(1),
        nextInstance: asInstanceId(1),
        nextConnection: 1,
      }),
    )
  const became = (version: number, state: NetworkOutcome['state'], error?: NetworkOutcome['error']) =>
    put(
      net.outcome,
      outcomeRecord.encode({
        version: asVersion(version),
        generation: asGeneration(version),
        state,
        ...(error && { error }),
        atMs: 9,
      }),
    )
  const committed = (id: number, version: number): Operation[] => {
    const value = snapshotRecord.encode(snapshot(id, version))
    return [put(net.snapshots.committed, value), put(net.snapshots.keptAt(7, id), value)]
  }
  const write = (...then: readonly Operation[]) => store.transact({ then })
  await client.deploy(of(), { by })
  await write(planned(1), became(1, 'running'), ...committed(3, 1))
  await client.undeploy('net')
  assert.equal(await client.deploy(of(), { by }), 2)
  const watched = async (): Promise<NetworkStatus | undefined> => {
    const view = new ClusterView(keys)
    for (const entry of (await store.range(keys.prefix)).entries) view.apply(entry.key, entry)
    return statusInView(view.networks.get('net'))
  }
  return { ...made, net, write, planned, became, committed, watched }
}

test('a further version is checked as what begins afresh, and not against the snapshot of what ends', async () => {
  const { client, net, write, planned, became, committed } = await ending()
  assert.equal(await client.deploy(elsewhere, { by, mode: 'replace' }), 3)
  assert.equal((await client.desired('net')).begunWith, 2)
  // It has ended, and what was deployed has gone on since.
  await write(became(1, 'stopped'), remove(net.snapshots.committed))
  assert.equal(await client.deploy(of(), { by, mode: 'replace' }), 4)
  await write(planned(4), became(4, 'running'), ...committed(9, 4))
  await assert.rejects(client.deploy(elsewhere, { by, mode: 'replace' }), {
    code: 'SNAPSHOT_UNFIT',
    message: /Snapshot 9/,
  })
})

test('a further version goes on from the one that is deployed: it is merged into that', async () => {
  const { client } = await ending()
  const { part, kinds } = network(['b'])
  assert.equal(await client.deploy({ part, kinds }, { by }), 3)
  const { flat } = await client.version('net', asVersion(3))
  assert.deepEqual(Object.keys(flat.components), ['numbers', 'a', 'b'])
  // What ends says nothing of it: the same again changes nothing.
  assert.equal(await client.deploy({ part, kinds }, { by }), 3)
})

test('nor is it kept from its check where what ends has ended, and the next has begun, just when it is written', async () => {
  const { store, keys, write, planned, became, committed } = await ending()
  let isRaced = false
  const racing = new Proxy(store, {
    get(target, name: keyof Store) {
      if (name !== 'transact') return target[name].bind(target)
      return async (...given: Parameters<Store['transact']>) => {
        if (!isRaced && (given[0].then ?? []).some(({ type }) => type === 'put')) {
          isRaced = true
          await write(became(2, 'running'), planned(2), ...committed(9, 2))
        }
        return target.transact(...given)
      }
    },
  })
  const client = new Management(racing, keys, { clock: systemClock, random: systemRandom })
  await assert.rejects(client.deploy(elsewhere, { by, mode: 'replace' }), {
    code: 'SNAPSHOT_UNFIT',
    message: /Snapshot 9/,
  })
  assert.ok(isRaced)
})

test('there is no state that could be discarded of what begins afresh', async () => {
  const { client } = await ending()
  const refused = { code: 'SNAPSHOT_UNKNOWN', message: /begins afresh/ }
  await assert.rejects(client.deploy(of(), { by, discardState: ['a'] }), refused)
  assert.equal((await client.desired('net')).version, 2)
  await client.undeploy('net')
  await assert.rejects(client.deploy(of(), { by, discardState: ['a'] }), refused)
  // Who names a snapshot says what it is of.
  const from = { snapshot: '3' }
  assert.equal(await client.deploy(of(), { by, from, discardState: ['a'] }), 3)
})

test('a snapshot that is asked for would be that of what ends: it is refused, with what to do', async () => {
  const { client, write, became } = await ending()
  const { snapshots } = client
  await assert.rejects(snapshots.want('net', 'mine', { by }), {
    code: 'NETWORK_NOT_RUNNING',
    message:
      'Version 1 of the network "net" was undeployed and still comes to its end; version 2 begins afresh after that.',
    remedy: /Ask again when version 2 runs: `vertigo status net` shows it\./,
  })
  // Nobody goes back to what there is.
  const found = await snapshots.list('net')
  assert.deepEqual(
    [found.wanted, found.snapshots.map(({ id, isCurrent }) => [id, isCurrent])],
    [[], [[3, false]]],
  )
  assert.equal((await snapshots.show('net', '3')).isCurrent, false)
  await write(became(1, 'stopped'))
  await snapshots.want('net', 'mine', { by })
  assert.deepEqual((await snapshots.list('net')).wanted, ['mine'])
})

test('the status tells what still ends, and what there is to know of its end', async () => {
  const { client, net, write, planned, became, watched } = await ending()
  const before = async () => [(await client.status('net')).before, (await watched())?.before]
  const both = <T>(value: T): T[] => [value, value]
  assert.deepEqual(await before(), both({ version: 1, state: 'stopping' }))
  const error = { code: 'SNAPSHOT_LAST_MISSING', message: 'Without a last one.', remedy: 'See to it.' }
  await write(became(1, 'stopped', error), remove(net.snapshots.committed))
  assert.deepEqual(await before(), both({ version: 1, state: 'stopped', error }))
  await write(planned(2))
  assert.deepEqual(await before(), both({ version: 1, state: 'stopped', error }))
  await write(became(2, 'running'))
  assert.deepEqual(await before(), both(undefined))
  await write(became(1, 'stopped'))
  assert.deepEqual(await before(), both(undefined))
})
