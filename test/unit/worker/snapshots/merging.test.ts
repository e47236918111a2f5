import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { defaultMergePolicy, unfitReferences } from '../../../../src/snapshot/collection.ts'
import type { InstanceManifest, SnapshotManifest } from '../../../../src/snapshot/manifest.ts'
import { mergeFiles } from '../../../../src/snapshot/merge-files.ts'
import { mergeStates } from '../../../../src/snapshot/merge.ts'
import { decodeState, encodeState, instanceSection } from '../../../../src/snapshot/state-file.ts'
import { storageOver } from '../../../../src/snapshot/storage/checked-storage.ts'
import { MemoryStorageBackend } from '../../../../src/snapshot/storage/memory/memory-backend.ts'
import type { SnapshotStorage } from '../../../../src/snapshot/storage/storage.ts'
import { MemoryState } from '../../../../src/state/memory/memory-state.ts'
import { encodeKey } from '../../../../src/state/keys.ts'
import { InstanceParts, type PartInWork } from '../../../../src/worker/snapshots/instance-parts.ts'

/** Files of an instance that have become many are made one, beside the snapshots. */

const of = { network: 'net', incarnation: 1, generation: 1, component: 'count', instance: 0 } as const
const { incrementsMax } = defaultMergePolicy

async function file(storage: SnapshotStorage, number: number, kind: 'full' | 'increment', value: string) {
  const name = `net/000000000001/${String(number).padStart(12, '0')}/count-0.1-${number}.${kind}`
  const entries = [{ kind: 'put' as const, key: Buffer.from(`k${number % 3}`), parts: [Buffer.from(value)] }]
  const stored = await storage.put(name, encodeState({ ...of, kind }, [{ section: number % 2, entries }]))
  return { name, kind, ...stored, until: number }
}

/** What an instance's part has after so many snapshots without a merge. */
async function partOf(storage: SnapshotStorage, increments: number): Promise<InstanceManifest> {
  const files = [await file(storage, 1, 'full', 'v1')]
  for (let number = 2; number <= increments + 1; number++)
    files.push(await file(storage, number, 'increment', `v${number}`))
  return {
    component: 'count',
    instance: 0,
    instances: 1,
    isFinished: false,
    hasChannelState: false,
    keyGroups: [0, 255],
    stateVersion: 0,
    files,
  }
}

async function contentOf(storage: SnapshotStorage, { files }: InstanceManifest): Promise<string[]> {
  const opened = await Promise.all(files.map(async ({ name }) => decodeState(name, storage.get(name))))
  const found: string[] = []
  for await (const { section, entries } of mergeStates(opened))
    if (section < instanceSection)
      for (const { key, parts } of entries)
        found.push(`${section} ${Buffer.from(key).toString()} ${Buffer.concat(parts).toString()}`)
  return found.toSorted()
}

function partsOf(snapshot: number, part: InstanceManifest): InstanceParts {
  const owner = { network: 'net', component: 'count', instance: 0, instances: 1, place: 'count[0]' }
  return new InstanceParts(
    { ...owner, keyed: undefined, keyGroups: [0, 255], stateVersion: 0, states: [] },
    { snapshot, part },
  )
}

test('a part with many files asks for them to be made one, once, and the next one stands on that', async () => {
  const storage = storageOver(new MemoryStorageBackend(), systemClock)
  const part = await partOf(storage, incrementsMax + 1)
  const parts = partsOf(incrementsMax + 2, part)
  const asked = parts.merge({ generation: 1, incarnation: 1 })
  assert.deepEqual(asked?.files, part.files)
  assert.equal(parts.merge({ generation: 1, incarnation: 1 }), undefined)

  const before = await contentOf(storage, part)
  const merged = await mergeFiles(storage, asked)
  assert.equal(merged.kind, 'full')
  assert.deepEqual(await contentOf(storage, { ...part, files: [merged] }), before)
  // CO-1: a manager takes it, though no snapshot of before has it.
  const manifest = (id: number, files: InstanceManifest['files']): SnapshotManifest => {
    return {
      network: 'net',
      incarnation: 1,
      generation: 1,
      id,
      predecessor: null,
      instances: [{ ...part, files }],
    }
  }
  const next = manifest(part.files.length + 1, [merged])
  assert.deepEqual(unfitReferences(next, manifest(part.files.length, part.files)), [])
})

test('a part with few files asks for nothing', async () => {
  const storage = storageOver(new MemoryStorageBackend(), systemClock)
  const parts = partsOf(9, await partOf(storage, incrementsMax))
  assert.equal(parts.merge({ generation: 1, incarnation: 1 }), undefined)
})

test('files of another instance are not merged', async () => {
  const storage = storageOver(new MemoryStorageBackend(), systemClock)
  const { files } = await partOf(storage, 2)
  const request = { files, name: 'net/000000000001/000000000009/x', head: { ...of, instance: 1 }, until: 9 }
  await assert.rejects(mergeFiles(storage, request), { code: 'SNAPSHOT_FOREIGN' })
})

/** An instance with keyed state that takes and commits snapshots, one after the other. */
class Taker {
  readonly state: MemoryState
  private readonly storage = storageOver(new MemoryStorageBackend(), systemClock)
  readonly parts: InstanceParts
  private last = 0

  constructor(type: 'value' | 'list') {
    this.state = new MemoryState([{ type, initial: undefined, ttlMs: undefined }])
    this.state.beginSnapshots()
    const owner = { network: 'net', component: 'count', instance: 0, instances: 1, place: 'count[0]' }
    this.parts = new InstanceParts({
      ...owner,
      keyed: this.state,
      keyGroups: [0, 255],
      stateVersion: 0,
      states: [],
    })
  }

  change(keys: number, value: string): void {
    for (let key = 0; key < keys; key++) {
      const row = this.state.row(encodeKey(key), key)
      if (row.epoch !== this.state.tracker.epoch) this.state.tracker.note(row)
      row.slots[0] = this.state.slots[0]!.type === 'value' ? value : [value]
    }
  }

  /** Whether a merge is asked for, which is done when the next snapshot begins. */
  get wantsMerge(): boolean {
    return this.parts.merge({ generation: 1, incarnation: 1 }) !== undefined
  }

  /** After which there are so many increments that a merge is asked for, and some more has changed. */
  async takeMany(): Promise<void> {
    this.change(100, 'a')
    for (let number = 0; number <= incrementsMax + 2; number++) {
      await this.snapshot()
      this.change(10, `b${number}`)
    }
  }

  /** A snapshot has begun, and is not over. */
  begin(): PartInWork {
    const predecessor = this.last === 0 ? null : this.last
    const about = { generation: 1, snapshot: this.last + 1, incarnation: 1, predecessor } as const
    const begin = { type: 'begin', ...about, isAligned: true, alignMsMax: null } as const
    return this.parts.begin(begin, { saved: { entries: [], hasChannelState: false }, isFinished: false })
  }

  /** The kinds of the files that its part refers to. */
  async snapshot(): Promise<readonly string[]> {
    const work = this.begin()
    this.last++
    work.step(systemClock, Infinity)
    const { files } = await work.store(
      () => Promise.resolve(this.storage),
      () => undefined,
    )
    return files.map(({ kind }) => kind)
  }
}

test('IP-5: a state of which most has changed is written whole, and asks for no merge', async () => {
  const taker = new Taker('value')
  taker.change(100, 'a')
  assert.deepEqual(await taker.snapshot(), ['full'])
  taker.change(10, 'b')
  assert.deepEqual(await taker.snapshot(), ['full', 'increment'])
  taker.change(90, 'c')
  assert.deepEqual(await taker.snapshot(), ['full'])
  taker.change(90, 'd')
  assert.deepEqual(await taker.snapshot(), ['full'])
  taker.change(20, 'e')
  assert.deepEqual(await taker.snapshot(), ['full', 'increment'])
})

test('IP-5: what has not changed of a large state is not written again, and where there is nothing of the kind it is', async () => {
  const taker = new Taker('value')
  taker.change(100, 'x'.repeat(20_000))
  assert.deepEqual(await taker.snapshot(), ['full'])
  taker.change(99, 'a')
  assert.deepEqual(await taker.snapshot(), ['full', 'increment'])
  taker.change(100, 'b')
  assert.deepEqual(await taker.snapshot(), ['full'])
})

test('IP-5: of lists, what was put in is written', async () => {
  const taker = new Taker('list')
  taker.change(10, 'a')
  assert.deepEqual(await taker.snapshot(), ['full'])
  taker.change(10, 'b')
  assert.deepEqual(await taker.snapshot(), ['full', 'increment'])
})

test('IP-5: where many files are there, no merge is asked for by a snapshot that is whole, and one is by another', async () => {
  for (const isWhole of [true, false]) {
    const taker = new Taker('value')
    await taker.takeMany()
    if (isWhole) taker.change(100, 'c')
    taker.begin()
    assert.equal(taker.wantsMerge, !isWhole)
  }
})

test('a merge whose files no part has any more is not waited for, and is not used', async () => {
  const storage = storageOver(new MemoryStorageBackend(), systemClock)
  const taker = new Taker('value')
  await taker.takeMany()
  const request = taker.parts.merge({ generation: 1, incarnation: 1 })!
  assert.equal(taker.parts.waitsFor(request), true)
  taker.change(100, 'c')
  assert.deepEqual(await taker.snapshot(), ['full'])
  taker.begin()
  assert.equal(taker.parts.waitsFor(request), false)
  taker.parts.merged(request, await file(storage, 99, 'full', 'merged'))
  taker.change(10, 'd')
  assert.deepEqual(await taker.snapshot(), ['full', 'increment'])
})
