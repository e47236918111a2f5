import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { systemRandom } from '../../../../src/base/random.ts'
import { Management } from '../../../../src/cluster/client/index.ts'
import { Snapshots } from '../../../../src/cluster/client/snapshots.ts'
import {
  asGeneration,
  asVersion,
  ClusterKeys,
  desiredRecord,
  snapshotRecord,
  type SnapshotRecord,
  versionRecord,
} from '../../../../src/cluster/protocol/index.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import { put, remove } from '../../../../src/store/operations.ts'
import type { Store } from '../../../../src/store/store.ts'
import { versionOf } from '../../../scenario/support/networks.ts'

const keys = new ClusterKeys('c')
const network = keys.network('net')

const snapshot = (id: number, names: readonly string[] = []): SnapshotRecord => ({
  id,
  incarnation: 7,
  generation: asGeneration(2),
  version: asVersion(1),
  predecessor: null,
  committedAtMs: 0,
  tookMs: 1,
  bytes: 1,
  manifest: { name: `net/7/${id}/manifest`, bytes: 1, checksum: 1 },
  finished: [],
  hasChannelState: false,
  isLast: false,
  names: [...names],
})

/** A network with the snapshots 1, 2 and 3, of which 3 is the last. */
async function managed() {
  const store = storeOver(new MemoryBackend({ clock: systemClock }), systemClock)
  const management = new Management(store, keys, { clock: systemClock, random: systemRandom })
  const made = versionOf(1, ['a source', 'b', 'a -> b'])
  const version = { ...made, flat: { ...made.flat, guarantee: 'exactly-once' as const } }
  await store.transact({
    then: [
      put(network.desired, desiredRecord.encode({ version: asVersion(1), goal: 'run', changedAtMs: 0 })),
      put(network.version(asVersion(1)), versionRecord.encode(version)),
      put(network.snapshots.committed, snapshotRecord.encode(snapshot(3))),
      ...[snapshot(1, ['old']), snapshot(2), snapshot(3)].map((one) =>
        put(network.snapshots.keptAt(7, one.id), snapshotRecord.encode(one)),
      ),
    ],
  })
  return { store, management, snapshots: management.snapshots, version }
}

test('lists and shows snapshots, by name and by number', async () => {
  const { snapshots } = await managed()
  const { snapshots: all, aborted } = await snapshots.list('net')
  assert.deepEqual(
    all.map(({ id, isCurrent }) => [id, isCurrent]),
    [
      [3, true],
      [2, false],
      [1, false],
    ],
  )
  assert.equal(aborted, undefined)
  assert.equal((await snapshots.show('net', 'old')).id, 1)
  assert.equal((await snapshots.show('net', '2')).id, 2)
  await assert.rejects(snapshots.show('net', 'odl'), {
    code: 'SNAPSHOT_UNKNOWN',
    message: /Did you mean.*old/i,
  })
  await assert.rejects(snapshots.list('ten'), { code: 'NETWORK_UNKNOWN' })
})

test('wants one by its name until it is there', async () => {
  const { store, snapshots } = await managed()
  await snapshots.want('net', 'before', { by: 'me' })
  assert.equal(await snapshots.created('net', 'before'), undefined)
  await snapshots.unwant('net', 'before')
  await assert.rejects(snapshots.created('net', 'before'), { code: 'SNAPSHOT_UNKNOWN' })
  const made = snapshotRecord.encode(snapshot(4, ['before']))
  await store.transact({ then: [put(network.snapshots.keptAt(7, 4), made)] })
  assert.equal((await snapshots.created('net', 'before'))?.id, 4)
  await assert.rejects(snapshots.want('net', '4', { by: 'me' }), { code: 'USAGE' })
  await assert.rejects(snapshots.want('ten', 'before', { by: 'me' }), { code: 'NETWORK_UNKNOWN' })
})

test('SC-1: a name that another one has is refused, unless that is to lose it', async () => {
  const { snapshots } = await managed()
  await assert.rejects(snapshots.want('net', 'old', { by: 'me' }), {
    code: 'SNAPSHOT_NAME_TAKEN',
    message: 'Snapshot 1 of the network "net" has the name "old" already.',
  })
  assert.deepEqual((await snapshots.list('net')).wanted, [])
  await snapshots.want('net', 'new', { by: 'me' })
  await snapshots.want('net', 'new', { by: 'another' })
  await snapshots.want('net', 'old', { by: 'me', replace: true })
  assert.deepEqual((await snapshots.list('net')).wanted, ['new', 'old'])
})

test('SC-1: nor is a name taken from one that was committed just when it was looked for', async () => {
  const { store, snapshots: others } = await managed()
  await others.want('net', 'mine', { by: 'another' })
  const made = snapshotRecord.encode(snapshot(4, ['mine']))
  let isCommitted = false
  const racing = new Proxy(store, {
    get(of, name: keyof Store) {
      if (name !== 'range') return of[name].bind(of)
      return async (...given: Parameters<Store['range']>) => {
        const found = await of.range(...given)
        if (isCommitted) return found
        isCommitted = true
        const { committed } = network.snapshots
        await of.transact({
          then: [
            put(committed, made),
            put(network.snapshots.keptAt(7, 4), made),
            remove(network.snapshots.wantedAs('mine')),
          ],
        })
        return found
      }
    },
  })
  const snapshots = new Snapshots(racing, keys, { clock: systemClock, random: systemRandom })
  await assert.rejects(snapshots.want('net', 'mine', { by: 'me' }), { code: 'SNAPSHOT_NAME_TAKEN' })
  assert.deepEqual((await snapshots.list('net')).wanted, [])
})

test('wants none where there never would be one', async () => {
  const { store, snapshots, version } = await managed()
  const desired = (goal: 'run' | 'stop') =>
    put(network.desired, desiredRecord.encode({ version: asVersion(1), goal, changedAtMs: 0 }))
  await store.transact({ then: [desired('stop')] })
  await assert.rejects(snapshots.want('net', 'one', { by: 'me' }), { code: 'NETWORK_NOT_RUNNING' })
  const { guarantee: _, ...flat } = version.flat
  await store.transact({
    then: [desired('run'), put(network.version(asVersion(1)), versionRecord.encode({ ...version, flat }))],
  })
  await assert.rejects(snapshots.want('net', 'one', { by: 'me' }), { code: 'SNAPSHOT_NONE' })
  assert.deepEqual((await snapshots.list('net')).wanted, [])
})

test('one that is wanted, and not there yet, is given up by its name', async () => {
  const { snapshots } = await managed()
  await snapshots.want('net', 'soon', { by: 'me' })
  assert.deepEqual((await snapshots.list('net')).wanted, ['soon'])
  await snapshots.remove('net', 'soon')
  assert.deepEqual((await snapshots.list('net')).wanted, [])
  await assert.rejects(snapshots.remove('net', 'soon'), { code: 'SNAPSHOT_UNKNOWN' })
})

test('SC-2: takes snapshots away, but never the last one', async () => {
  const { snapshots } = await managed()
  await snapshots.remove('net', 'old')
  await snapshots.remove('net', '3')
  const { snapshots: left } = await snapshots.list('net')
  assert.deepEqual(
    left.map(({ id }) => id),
    [3, 2],
  )
})

test('a deployment goes on from the last snapshot, and from an older one only if that is accepted', async () => {
  const { store, management, version } = await managed()
  const deployment = { part: version.flat, kinds: version.kinds }
  const committed = async (): Promise<SnapshotRecord> =>
    snapshotRecord.decode((await store.get(network.snapshots.committed)).entry!)
  const by = 'me'
  await assert.rejects(management.deploy(deployment, { by, from: { snapshot: 'old' } }), {
    code: 'SNAPSHOT_REPEATS',
    message: /Snapshot 1 of "net" is not its last, which is 3/,
  })
  assert.equal((await committed()).id, 3)
  assert.equal(await management.deploy(deployment, { by, from: { snapshot: '3' } }), 2)
  assert.deepEqual([(await committed()).id, (await committed()).generation], [3, 0])
  const from = { snapshot: 'old', acceptDuplicates: true }
  assert.equal(await management.deploy(deployment, { by, from }), 3)
  assert.equal((await committed()).id, 1)
  await assert.rejects(management.deploy(deployment, { by, from: { snapshot: 'none' } }), {
    code: 'SNAPSHOT_UNKNOWN',
  })
})

test('DE-9: who names a snapshot while what was undeployed comes to its end does not wait for that', async () => {
  const { management, version } = await managed()
  const deployment = { part: version.flat, kinds: version.kinds }
  const by = 'me'
  const begunWith = async () => (await management.desired('net')).begunWith
  await management.undeploy('net')
  assert.equal(await management.deploy(deployment, { by }), 2)
  assert.equal(await begunWith(), 2)
  assert.equal(await management.deploy(deployment, { by, from: { snapshot: '3' } }), 3)
  assert.equal(await begunWith(), undefined)
})

/** As a commit writes it: `a` has finished, `b` has keyed state, and messages were on their way to it. */
const full: SnapshotRecord = {
  ...snapshot(3),
  finished: [
    { component: 'a', index: 0 },
    { component: 'b', index: 0 },
  ],
  hasChannelState: true,
  components: [
    { component: 'a', instances: 1, hasState: false, hasKeyedState: false, hasChannelState: false },
    { component: 'b', instances: 1, hasState: true, hasKeyedState: true, hasChannelState: true },
  ],
}

test('what does not fit a snapshot is refused, until its state is discarded', async () => {
  const { store, management, version } = await managed()
  const write = put(network.snapshots.keptAt(7, 3), snapshotRecord.encode(full))
  await store.transact({ then: [write, put(network.snapshots.committed, snapshotRecord.encode(full))] })
  const by = 'me'
  const from = { snapshot: '3' }
  const { flat } = version
  const kinds = { ...version.kinds, a: { ...version.kinds['a']!, rewinds: true } }
  const deployment = (b: object): Parameters<typeof management.deploy>[0] => ({
    part: {
      ...flat,
      components: { ...flat.components, b: { ...flat.components['b']!, ...b } },
      connections: flat.connections.map((one) => ({ ...one, selector: 'round-robin' as const })),
    },
    kinds,
  })
  const refused = (message: RegExp) => ({ code: 'SNAPSHOT_UNFIT', message })
  const options = { by, from, mode: 'replace' } as const
  await assert.rejects(
    management.deploy({ part: flat, kinds }, options),
    refused(/keyed state of b, which keeps none/),
  )
  await assert.rejects(
    management.deploy(deployment({ instances: 2 }), options),
    refused(/to 1 instances of b, and .* 2/),
  )
  const { b: _, ...others } = flat.components
  const alone = {
    part: {
      ...flat,
      components: { ...others, c: flat.components['b']! },
      connections: [{ ...flat.connections[0]!, to: 'c.in' }],
    },
    kinds: { ...kinds, c: version.kinds['b']! },
  }
  await assert.rejects(management.deploy(alone, options), refused(/state of b, which is not in the network/))
  await assert.rejects(management.deploy(alone, { ...options, discardState: ['bb'] }), {
    code: 'COMPONENT_UNKNOWN',
    message: /Did you mean "b"/,
  })
  await management.deploy(alone, { ...options, discardState: ['b'] })
  const { entry } = await store.get(network.snapshots.committed)
  const { chosenFor, discards, finished, hasChannelState } = snapshotRecord.decode(entry!)
  assert.deepEqual(
    [chosenFor, discards, finished, hasChannelState],
    [2, ['b'], [{ component: 'a', index: 0 }], false],
  )
})

test('state is discarded without a snapshot being named, where there is a last one', async () => {
  const { store, management, version } = await managed()
  const deployment = { part: version.flat, kinds: version.kinds }
  await management.deploy(deployment, { by: 'me', discardState: ['b'] })
  const { entry } = await store.get(network.snapshots.committed)
  const { id, chosenFor, discards } = snapshotRecord.decode(entry!)
  assert.deepEqual([id, chosenFor, discards], [3, 2, ['b']])
  await store.transact({ then: [remove(network.snapshots.committed)] })
  await assert.rejects(management.deploy(deployment, { by: 'me', discardState: ['b'] }), {
    code: 'SNAPSHOT_UNKNOWN',
  })
})

test('a network that goes on keeps its snapshots where they are', async () => {
  const { store, management, version } = await managed()
  await store.transact({ then: [put(network.snapshots.committed, snapshotRecord.encode(full))] })
  const kinds = { ...version.kinds, a: { ...version.kinds['a']!, rewinds: true } }
  const moved = { part: { ...version.flat, snapshot: { storage: 'file:///elsewhere' } }, kinds }
  await assert.rejects(management.deploy(moved, { by: 'me', mode: 'replace' }), {
    code: 'SNAPSHOT_UNFIT',
    message: /Snapshot 3.*where the cluster keeps snapshots.*file:\/\/\/elsewhere/,
  })
  await store.transact({ then: [remove(network.snapshots.committed)] })
  assert.equal(await management.deploy(moved, { by: 'me', mode: 'replace' }), 2)
})
