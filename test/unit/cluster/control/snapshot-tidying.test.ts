import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SnapshotTidying, tidyMs } from '../../../../src/cluster/control/snapshot-tidying.ts'
import {
  asGeneration,
  asVersion,
  ClusterKeys,
  lineageRecord,
  NetworkView,
  snapshotRecord,
} from '../../../../src/cluster/protocol/index.ts'
import { allNames, storageOver } from '../../../../src/snapshot/storage/checked-storage.ts'
import { MemoryStorageBackend } from '../../../../src/snapshot/storage/memory/memory-backend.ts'
import { putManifest } from '../../../../src/snapshot/stored-manifest.ts'
import { eventLoopTurn, TestClock } from '../../../../src/testkit/test-clock.ts'

const network = new ClusterKeys('c').network('net')

/** A network that is over, with the snapshots 1 and 2, and a file that none of them needs. */
async function shelf() {
  const clock = new TestClock()
  const storage = storageOver(new MemoryStorageBackend(), clock)
  const view = new NetworkView('net', network)
  const troubles: string[] = []
  const tidying = new SnapshotTidying('net', {
    clock,
    events: { troubled: (_what, error) => void troubles.push(error.message) },
    storages: { defaultAddress: 'file:///snapshots', open: async () => storage },
    view: () => view,
  })
  const write = (key: string, value: Uint8Array | undefined): void =>
    view.apply(key, value && { key, value, createRevision: 1, modRevision: 1, version: 1 })
  const taken = async (id: number): Promise<Uint8Array> => {
    const made = { network: 'net', incarnation: 7, generation: 1, id, predecessor: null, instances: [] }
    return snapshotRecord.encode({
      id,
      incarnation: 7,
      generation: asGeneration(1),
      version: asVersion(1),
      predecessor: null,
      committedAtMs: 0,
      tookMs: 1,
      bytes: 1,
      manifest: await putManifest(storage, made, {}),
      finished: [],
      hasChannelState: false,
      isLast: false,
      names: [],
    })
  }
  const [first, second] = [await taken(1), await taken(2)]
  const unneeded = 'net/000000000007/000000000001/count-0.1-1.full'
  await storage.put(unneeded, Buffer.from('state'))
  write(network.snapshots.lineage, lineageRecord.encode({ incarnation: 7, below: 129 }))
  write(network.snapshots.keptAt(7, 1), first)
  write(network.snapshots.keptAt(7, 2), second)
  /** What a round leaves. */
  const left = async (): Promise<readonly string[]> => {
    tidying.look()
    for (let turn = 0; turn < 20; turn++) await eventLoopTurn()
    clock.advance(tidyMs)
    for (let turn = 0; turn < 20; turn++) await eventLoopTurn()
    const names: string[] = []
    for await (const name of allNames(storage, 'net/')) names.push(name)
    return names
  }
  return { write, first, second, left, troubles, close: () => tidying.close() }
}

test('what no snapshot needs is deleted', async () => {
  const { left, troubles, close } = await shelf()
  assert.deepEqual(
    await left(),
    [1, 2].map((id) => `net/000000000007/00000000000${id}/manifest`),
  )
  assert.deepEqual(troubles, [])
  await close()
})

for (const [what, key] of [
  ['one that is kept', network.snapshots.keptAt(7, 1)],
  ['the last one', network.snapshots.committed],
] as const)
  test(`DS-2, SG-4: nothing is deleted while the record of ${what} is damaged, and it is told`, async () => {
    const { write, first, left, troubles, close } = await shelf()
    write(key, first.subarray(0, -3))
    assert.equal((await left()).length, 3)
    assert.match(troubles.join(), /is damaged/)
    // Somebody has taken it away.
    write(key, undefined)
    assert.ok(!(await left()).some((name) => name.endsWith('.full')))
    await close()
  })
