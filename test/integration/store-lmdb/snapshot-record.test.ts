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
import { acquireEnvironment } from '../../../src/store/lmdb/environment.ts'
import { put } from '../../../src/store/operations.ts'
import { errorCode } from '../../support/error-code.ts'
import { makeFolder, openStore } from './support.ts'

/** The record of the last snapshot decides from where a network goes on: it is never believed, nor taken for none, once it is damaged. */

const keys = new ClusterKeys('c')
const network = keys.network('net')

const record = snapshotRecord.encode({
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
})

test('a flipped bit in any byte of it, and any other length, are noticed by all who read it', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder)
  const desired = desiredRecord.encode({ version: asVersion(1), goal: 'run', changedAtMs: 0 })
  const { committed } = network.snapshots
  await store.transact({ then: [put(network.desired, desired), put(committed, record)] })
  const environment = await acquireEnvironment(folder, machineClock)
  t.after(() => environment.release())
  const name = Buffer.from(committed)
  const whole = Buffer.from(environment.keys.get(name)!)
  const { snapshots } = new Management(store, keys, { clock: machineClock, random: systemRandom })

  /** To who asks for it, to who looks at all that there is, and to who wants to be told of it: what a manager begins with. */
  const readAs = async (stored: Buffer): Promise<readonly string[]> => {
    environment.keys.putSync(name, stored)
    const [listed] = (await snapshots.list('net')).damaged ?? []
    const view = new ClusterView(keys)
    for (const entry of (await store.range(keys.prefix, { damaged: 'tell' })).entries)
      view.apply(entry.key, entry)
    const [fault] = view.networks.get('net')!.faults.values()
    assert.ok(view.networks.get('net')?.desired !== undefined, 'the rest is there')
    return [
      listed?.error.code ?? 'no error',
      await errorCode(store.range(keys.prefix)),
      fault?.code ?? 'no error',
    ]
  }
  const damaged = ['SNAPSHOT_RECORD_DAMAGED', 'STORE_CORRUPT', 'STORE_CORRUPT']
  const sound = ['no error', 'no error', 'no error']
  assert.deepEqual(await readAs(whole), sound)
  for (let at = 0; at < whole.length; at++) {
    const flipped = Buffer.from(whole)
    flipped[at]! ^= 1 << (at % 8)
    assert.deepEqual(await readAs(flipped), damaged, `byte ${at}`)
    if (at % 7 === 0) assert.deepEqual(await readAs(whole.subarray(0, at)), damaged, `${at} bytes`)
  }
  for (const more of [Buffer.alloc(1), Buffer.from('}'), whole])
    assert.deepEqual(await readAs(Buffer.concat([whole, more])), damaged, `${more.length} more`)
  assert.deepEqual(await readAs(whole), sound)
})

test('where the store gives it and it is not whole, it is a fault of its network, and not no snapshot', () => {
  const { committed } = network.snapshots
  const wrong = [
    ...Array.from(record, (_, length) => record.subarray(0, length)),
    Buffer.concat([record, Buffer.from('}')]),
    Buffer.concat([record, record]),
    Buffer.from(Buffer.from(record).toString().replace('"manifest"', '"nanifest"')),
    Buffer.from(Buffer.from(record).toString().replace('"id":5', '"id":-5')),
  ]
  for (const value of wrong) {
    const view = new ClusterView(keys)
    view.apply(committed, { key: committed, value, createRevision: 1, modRevision: 1, version: 1 })
    const faults = [...(view.networks.get('net')?.faults.values() ?? [])]
    // Its loop decides nothing while there is one.
    assert.deepEqual(
      faults.map(({ code }) => code),
      ['STORE_CORRUPT'],
      `${value.length} bytes`,
    )
  }
})
