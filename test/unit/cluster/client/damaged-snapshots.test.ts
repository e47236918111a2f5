import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { systemRandom } from '../../../../src/base/random.ts'
import { Management, statusInView } from '../../../../src/cluster/client/index.ts'
import {
  asGeneration,
  asVersion,
  ClusterKeys,
  ClusterView,
  desiredRecord,
  lineageRecord,
  snapshotRecord,
  type SnapshotRecord,
  standstill,
  versionRecord,
} from '../../../../src/cluster/protocol/index.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import { put, remove } from '../../../../src/store/operations.ts'
import { versionOf } from '../../../scenario/support/networks.ts'

/** DS-1, DS-2: what there is to see, and to do, where the record of a snapshot is damaged. */

const keys = new ClusterKeys('c')
const network = keys.network('net')
const names = network.snapshots

const snapshot = (id: number, more: Partial<SnapshotRecord> = {}): SnapshotRecord => ({
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
  names: [],
  ...more,
})

/** One bit of its digits is another one, so it is JSON, and of the right form. */
function flipped(record: SnapshotRecord): Uint8Array {
  const bytes = Buffer.from(snapshotRecord.encode(record))
  bytes[bytes.indexOf('"id":') + 5]! ^= 1
  return bytes
}

/** A network with the snapshots 1 to 3, of which 3 is the last. `damaged`: whose records are; `last` is that of what was committed last. */
async function managed(damaged: readonly (number | 'last')[], kept: readonly SnapshotRecord[] = []) {
  const store = storeOver(new MemoryBackend({ clock: systemClock }), systemClock)
  const management = new Management(store, keys, { clock: systemClock, random: systemRandom })
  const made = versionOf(1, ['a source', 'b', 'a -> b'])
  const version = { ...made, flat: { ...made.flat, guarantee: 'exactly-once' as const } }
  const encoded = (one: SnapshotRecord, name: number | 'last' = one.id): Uint8Array =>
    damaged.includes(name) ? flipped(one) : snapshotRecord.encode(one)
  await store.transact({
    then: [
      put(network.desired, desiredRecord.encode({ version: asVersion(1), goal: 'run', changedAtMs: 0 })),
      put(network.version(asVersion(1)), versionRecord.encode(version)),
      put(names.lineage, lineageRecord.encode({ incarnation: 7, below: 129 })),
      put(names.committed, encoded(snapshot(3), 'last')),
      ...[snapshot(1, { names: ['old'] }), snapshot(2), snapshot(3), ...kept].map((one) =>
        put(names.keptAt(one.incarnation, one.id), encoded(one)),
      ),
    ],
  })
  const deploy = (from?: { snapshot: string; acceptDuplicates?: boolean }, discardState: string[] = []) =>
    management.deploy(
      { part: version.flat, kinds: version.kinds },
      { by: 'me', discardState, ...(from && { from }) },
    )
  const committed = async (): Promise<SnapshotRecord> =>
    snapshotRecord.decode((await store.get(names.committed)).entry!)
  const view = async () => {
    const seen = new ClusterView(keys)
    for (const entry of (await store.range(keys.prefix)).entries) seen.apply(entry.key, entry)
    return seen.networks.get('net')!
  }
  return { store, management, snapshots: management.snapshots, deploy, committed, view }
}

test('DS-1: the record of the last one is shown as damaged with the way out, by the list, the status and the fault', async () => {
  const { management, snapshots, view } = await managed(['last'])
  const found = await snapshots.list('net')
  assert.deepEqual(
    found.snapshots.map(({ id, isCurrent }) => [id, isCurrent]),
    [
      [3, false],
      [2, false],
      [1, false],
    ],
  )
  const [last, ...more] = found.damaged ?? []
  assert.deepEqual([last?.record, last?.error.code, more], ['last', 'SNAPSHOT_RECORD_DAMAGED', []])
  assert.match(last!.error.message, /record of the last snapshot of "net".* is damaged/)
  assert.match(last!.error.remedy ?? '', /--from-snapshot 3`/)
  const { snapshots: status } = await management.status('net')
  assert.deepEqual(status, { damaged: last!.error })
  assert.equal(standstill(await view())?.remedy, last!.error.remedy)
})

test('what is deployed without a word of where to go on from is refused, and nothing is written', async () => {
  const { deploy, store } = await managed(['last'])
  const { revision } = await store.get('any')
  const refused = { code: 'SNAPSHOT_RECORD_DAMAGED', remedy: /--from-snapshot 3`/ }
  const isRefused = (error: { code?: string; remedy?: string }): boolean =>
    error.code === refused.code && refused.remedy.test(error.remedy ?? '')
  await assert.rejects(
    (async () => {
      const version = versionOf(1, ['a source', 'b', 'a -> b'])
      const flat = { ...version.flat, guarantee: 'exactly-once' as const, description: 'another' }
      const management = new Management(store, keys, { clock: systemClock, random: systemRandom })
      await management.deploy({ part: flat, kinds: version.kinds }, { by: 'me', mode: 'replace' })
    })(),
    isRefused,
  )
  // Which one it would be discarded of is not known.
  await assert.rejects(deploy(undefined, ['b']), isRefused)
  assert.equal((await store.get('any')).revision, revision)
})

test('it goes on from the newest that is kept, which nothing was published after, without more ado', async () => {
  const { deploy, committed, view, snapshots } = await managed(['last'])
  assert.equal(await deploy({ snapshot: '3' }), 2)
  const { id, chosenFor, upTo } = await committed()
  assert.deepEqual([id, chosenFor, upTo], [3, 2, { incarnation: 7, id: 3 }])
  assert.equal(standstill(await view()), undefined)
  assert.equal((await snapshots.list('net')).damaged, undefined)
})

test('it goes on from an older one, by its name, only where duplicates are accepted; sinks may be as far as the newest', async () => {
  const { deploy, committed } = await managed(['last'])
  await assert.rejects(deploy({ snapshot: 'old' }), {
    code: 'SNAPSHOT_REPEATS',
    message: /Snapshot 1 of "net" is not its last, which is 3/,
  })
  await deploy({ snapshot: 'old', acceptDuplicates: true }, ['b'])
  const { id, upTo, discards } = await committed()
  assert.deepEqual([id, upTo, discards], [1, { incarnation: 7, id: 3 }, ['b']])
})

test('where the newest that is kept is damaged as well, what is older repeats, and sinks may be as far as its number', async () => {
  const { deploy, committed, snapshots } = await managed(['last', 3])
  const [last] = (await snapshots.list('net')).damaged ?? []
  assert.match(last!.error.remedy ?? '', /--from-snapshot 2`/)
  await assert.rejects(deploy({ snapshot: '3' }), {
    code: 'SNAPSHOT_RECORD_DAMAGED',
    message: /snapshot 3 of "net"/,
  })
  await assert.rejects(deploy({ snapshot: '2' }), { code: 'SNAPSHOT_REPEATS' })
  await deploy({ snapshot: '2', acceptDuplicates: true })
  const { id, upTo } = await committed()
  assert.deepEqual([id, upTo], [2, { incarnation: 7, id: 3 }])
})

test('one from elsewhere, whatever its number, is not what was published last', async () => {
  const imported = snapshot(9, { incarnation: 8, generation: asGeneration(0), version: asVersion(0) })
  const { deploy } = await managed(['last'], [imported])
  await assert.rejects(deploy({ snapshot: '9' }), { code: 'SNAPSHOT_REPEATS', message: /which is 3/ })
  assert.equal(await deploy({ snapshot: '3' }), 2)
})

test('SC-2: the newest that is kept is not taken away while the record of the last one is damaged', async () => {
  const { snapshots } = await managed(['last'])
  await assert.rejects(snapshots.remove('net', '3'), { code: 'SNAPSHOT_RECORD_DAMAGED' })
  await snapshots.remove('net', '2')
  const left = (await snapshots.list('net')).snapshots
  assert.deepEqual(
    left.map(({ id }) => id),
    [3, 1],
  )
  const { snapshots: both } = await managed(['last', 3])
  await assert.rejects(both.remove('net', '3'), { code: 'SNAPSHOT_RECORD_DAMAGED' })
})

test('DS-2: a damaged one among those that are kept is shown, hurts nothing else, and can be taken away by its number', async () => {
  const { snapshots, management, deploy, view } = await managed([2])
  const { snapshots: all, damaged } = await snapshots.list('net')
  assert.deepEqual(
    all.map(({ id, isCurrent }) => [id, isCurrent]),
    [
      [3, true],
      [1, false],
    ],
  )
  assert.deepEqual(
    damaged?.map(({ record, id, error }) => [record, id, error.code]),
    [['kept', 2, 'SNAPSHOT_RECORD_DAMAGED']],
  )
  await assert.rejects(snapshots.show('net', '2'), { code: 'SNAPSHOT_RECORD_DAMAGED' })
  assert.equal((await snapshots.show('net', 'old')).id, 1)
  assert.equal((await management.status('net')).snapshots?.last?.id, 3)
  assert.equal(standstill(await view()), undefined)
  assert.equal(await deploy({ snapshot: '3' }), 2)
  await snapshots.remove('net', '2')
  assert.equal((await snapshots.list('net')).damaged, undefined)
})

test('what tells of the last snapshot that came to nothing hides nothing of the network where it is damaged', async () => {
  const { management, store, snapshots } = await managed([])
  await store.transact({ then: [put(names.aborted, Buffer.from('{"format":'))] })
  const { state, snapshots: told } = await management.status('net')
  assert.deepEqual([state, told?.last?.id, told?.failing], ['deploying', 3, undefined])
  assert.equal((await snapshots.list('net')).aborted, undefined)
  await management.undeploy('net')
  assert.equal((await management.status('net')).state, 'stopping')
})

test('a damaged record of the numbers is told by the status, as by the nodes, with the way out', async () => {
  const { management, store, view } = await managed([])
  await store.transact({ then: [put(names.lineage, Buffer.from('{"format":'))] })
  const { damaged, last } = (await management.status('net')).snapshots!
  assert.deepEqual([damaged?.code, last?.id], ['STORE_CORRUPT', 3])
  assert.match(damaged!.remedy!, /store delete .*\/net\/snapshots\/lineage .* goes on from its last snapshot/)
  const seen = await view()
  assert.equal(standstill(seen)?.remedy, damaged!.remedy)
  assert.deepEqual(statusInView(seen)?.snapshots?.damaged, damaged)
  await store.transact({ then: [remove(names.lineage)] })
  assert.equal((await management.status('net')).snapshots?.damaged, undefined)
})
