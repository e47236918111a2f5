import assert from 'node:assert/strict'
import { test } from 'node:test'
import { machineClock } from '../../../src/base/clock.ts'
import { systemRandom } from '../../../src/base/random.ts'
import { Management } from '../../../src/cluster/client/index.ts'
import {
  asGeneration,
  asVersion,
  ClusterKeys,
  ClusterView,
  desiredRecord,
  snapshotRecord,
} from '../../../src/cluster/protocol/index.ts'
import { put } from '../../../src/store/operations.ts'
import { newPrefix, open, withCluster } from './support.ts'

/** As in `store-lmdb/snapshot-record.test.ts`; of etcd, values have no checksum but the record's own. */

const keys = new ClusterKeys('c')
const network = keys.network('net')
const snapshot = {
  id: 5,
  incarnation: 7,
  generation: asGeneration(2),
  version: asVersion(1),
  predecessor: 4,
  committedAtMs: 1_000,
  tookMs: 1,
  bytes: 300,
  manifest: { name: 'net/7/5/manifest', bytes: 200, checksum: 12_345 },
  finished: [{ component: 'lines', index: 0 }],
  hasChannelState: false,
  isLast: false,
  names: ['kept'],
}
const record = Buffer.from(snapshotRecord.encode(snapshot))

await withCluster('the record of the last snapshot', { members: 1 }, (cluster) => {
  test('a flipped bit in any byte of it is noticed by who asks and by who watches, and nothing else is believed', async () => {
    const store = await open({ endpoints: cluster().endpoints, prefix: newPrefix() })
    const desired = desiredRecord.encode({ version: asVersion(1), goal: 'run', changedAtMs: 0 })
    const { committed } = network.snapshots
    await store.transact({ then: [put(network.desired, desired)] })
    const { snapshots } = new Management(store, keys, { clock: machineClock, random: systemRandom })
    const readAs = async (stored: Buffer): Promise<string> => {
      await store.transact({ then: [put(committed, stored)] })
      const view = new ClusterView(keys)
      for (const entry of (await store.range(keys.prefix)).entries) view.apply(entry.key, entry)
      const [fault] = view.networks.get('net')?.faults.values() ?? []
      const seen = view.networks.get('net')?.snapshots.committed?.value
      const [listed] = (await snapshots.list('net')).damaged ?? []
      const code = fault?.code === 'STORE_CORRUPT' ? 'SNAPSHOT_RECORD_DAMAGED' : fault?.code
      assert.equal(listed?.error.code, code, 'both say the same')
      assert.equal((await snapshots.last('net')).damaged?.code, code)
      return fault?.code ?? JSON.stringify(seen)
    }
    const whole = await readAs(record)
    assert.deepEqual(JSON.parse(whole), snapshot)
    const said = new Map<string, number>()
    for (let at = 0; at < record.length; at++) {
      const flipped = Buffer.from(record)
      flipped[at]! ^= 1 << (at % 7)
      const got = await readAs(flipped)
      said.set(got, (said.get(got) ?? 0) + 1)
      assert.ok(['STORE_CORRUPT', 'STORE_FORMAT_NEWER', whole].includes(got), `byte ${at}: ${got}`)
    }
    // Two bytes alone can be others without another meaning: the name of the checksum, and then there is none; and how one is written.
    assert.ok((said.get(whole) ?? 0) <= 2, JSON.stringify([...said]))
    // As earlier versions wrote it.
    const { c: _, ...old } = JSON.parse(record.toString()) as Record<string, unknown>
    assert.equal(await readAs(Buffer.from(JSON.stringify(old))), whole)
  })
})
