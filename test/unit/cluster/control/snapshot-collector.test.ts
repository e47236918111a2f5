import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { type CollectorFacts, SnapshotCollector } from '../../../../src/cluster/control/snapshot-collector.ts'
import { asGeneration, asVersion, type SnapshotRecord } from '../../../../src/cluster/protocol/index.ts'
import type { SnapshotManifest } from '../../../../src/snapshot/manifest.ts'
import { allNames, storageOver } from '../../../../src/snapshot/storage/checked-storage.ts'
import { MemoryStorageBackend } from '../../../../src/snapshot/storage/memory/memory-backend.ts'
import { putManifest } from '../../../../src/snapshot/stored-manifest.ts'

const signal = new AbortController().signal
const padded = (number: number): string => String(number).padStart(12, '0')

/** A storage with snapshots of a network, each of which has a file of its own and all that the one before has. */
class Shelf {
  readonly backend = new MemoryStorageBackend()
  readonly storage = storageOver(this.backend, systemClock)
  readonly records: SnapshotRecord[] = []

  async file(
    incarnation: number,
    until: number,
  ): Promise<SnapshotManifest['instances'][number]['files'][number]> {
    const name = `net/${padded(incarnation)}/${padded(until)}/count-0.1-${until}.full`
    const stored = await this.storage.put(name, Buffer.from(`state of ${until}`))
    return { name, kind: 'full', ...stored, until }
  }

  async snapshot(incarnation: number, id: number): Promise<SnapshotRecord> {
    const part = {
      component: 'count',
      instance: 0,
      instances: 1,
      isFinished: false,
      hasChannelState: false,
      keyGroups: null,
      stateVersion: 0,
      files: [await this.file(incarnation, id)],
    }
    const instances = [part]
    const about = { network: 'net', incarnation, generation: 1, id, predecessor: null }
    const manifest = await putManifest(this.storage, { ...about, instances })
    const record: SnapshotRecord = {
      id,
      incarnation,
      manifest,
      predecessor: null,
      finished: [],
      names: [],
      committedAtMs: 0,
      tookMs: 1,
      bytes: 1,
      hasChannelState: false,
      isLast: false,
      generation: asGeneration(1),
      version: asVersion(1),
    }
    this.records.push(record)
    return record
  }

  async names(): Promise<string[]> {
    const names: string[] = []
    for await (const name of allNames(this.storage, '')) names.push(name)
    return names
  }

  async collect(collector: SnapshotCollector, facts: CollectorFacts): Promise<number> {
    return collector.collect(this.storage, () => facts, signal)
  }
}

test('SG-1, CO-2: deletes what no kept snapshot needs, and nothing else; again, it finds nothing to do', async () => {
  const shelf = new Shelf()
  await shelf.snapshot(5, 1)
  await shelf.snapshot(5, 2)
  const third = await shelf.snapshot(5, 3)
  const later = await shelf.file(5, 4)
  await shelf.storage.put('net/owner', Buffer.from('{}'))
  await shelf.storage.put(
    'other/000000000005/000000000001/count-0.1-1.full',
    Buffer.from('of another network'),
  )
  const collector = new SnapshotCollector('net')
  const facts = { incarnation: 5, lastCommitted: 3, kept: [third] }
  assert.equal(await shelf.collect(collector, facts), 4)
  assert.deepEqual(await shelf.names(), [
    'net/000000000005/000000000003/count-0.1-3.full',
    'net/000000000005/000000000003/manifest',
    later.name,
    'net/owner',
    'other/000000000005/000000000001/count-0.1-1.full',
  ])
  assert.equal(await shelf.collect(collector, facts), 0)
})

test('SG-3: what is of another incarnation goes only when it was found twice', async () => {
  const shelf = new Shelf()
  await shelf.snapshot(4, 9)
  const last = await shelf.snapshot(5, 10)
  const collector = new SnapshotCollector('net')
  const facts = { incarnation: 5, lastCommitted: 10, kept: [last] }
  assert.equal(await shelf.collect(collector, facts), 0)
  assert.ok(collector.hasDoubts)
  // It was brought here between the two, and is kept from now on.
  assert.equal(await shelf.collect(collector, { ...facts, kept: shelf.records }), 0)
  assert.equal(await shelf.collect(collector, facts), 0)
  assert.equal(await shelf.collect(collector, facts), 2)
  assert.equal((await shelf.names()).length, 2)
})

test('SG-4: nothing is deleted where a kept snapshot cannot be read', async () => {
  const shelf = new Shelf()
  const [first, second] = [await shelf.snapshot(5, 1), await shelf.snapshot(5, 2)]
  shelf.backend.objects.delete(first.manifest.name)
  const facts = { incarnation: 5, lastCommitted: 2, kept: [first, second] }
  await assert.rejects(shelf.collect(new SnapshotCollector('net'), facts), { code: 'SNAPSHOT_FILE_MISSING' })
  assert.equal((await shelf.names()).length, 3)
})

test('nothing is deleted before something was committed, and all of what is over', async () => {
  const shelf = new Shelf()
  await shelf.snapshot(5, 1)
  const last = await shelf.snapshot(5, 2)
  const facts = { incarnation: 5, lastCommitted: undefined, kept: [] }
  assert.equal(await shelf.collect(new SnapshotCollector('net'), facts), 0)
  // A later life of the network takes numbers from there on.
  const over = { ...facts, overBelow: 3, kept: [last] }
  assert.equal(await shelf.collect(new SnapshotCollector('net'), over), 2)
  assert.equal(await shelf.collect(new SnapshotCollector('net'), { ...over, kept: [] }), 2)
  assert.deepEqual(await shelf.names(), [])
})

test('SG-1: a storage with very many names is gone through in rounds', async () => {
  const shelf = new Shelf()
  for (let id = 1; id <= 4_500; id++) await shelf.file(5, id)
  const last = await shelf.snapshot(5, 4_501)
  const collector = new SnapshotCollector('net')
  const facts = { incarnation: 5, lastCommitted: 4_501, kept: [last] }
  assert.equal(await shelf.collect(collector, facts), 4_000)
  assert.ok(!collector.isAtBegin)
  assert.equal(await shelf.collect(collector, facts), 500)
  assert.ok(collector.isAtBegin)
  assert.equal((await shelf.names()).length, 2)
})
