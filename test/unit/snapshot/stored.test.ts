import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import { collectable, unfitReferences } from '../../../src/snapshot/collection.ts'
import {
  incarnationPrefix,
  manifestName,
  networkPrefix,
  stateFileName,
} from '../../../src/snapshot/file-names.ts'
import {
  decodeManifest,
  encodeManifest,
  type FileReference,
  type SnapshotManifest,
} from '../../../src/snapshot/manifest.ts'
import { mergeStates } from '../../../src/snapshot/merge.ts'
import { decodeState, encodeState, type StateChunk } from '../../../src/snapshot/state-file.ts'
import { allNames, storageOver } from '../../../src/snapshot/storage/checked-storage.ts'
import { getManifest, putManifest } from '../../../src/snapshot/stored-manifest.ts'
import { MemoryStorageBackend } from '../../../src/snapshot/storage/memory/memory-backend.ts'
import type { SnapshotStorage } from '../../../src/snapshot/storage/storage.ts'
import { errorCode } from '../../support/error-code.ts'
import { chunksOf, head, type PlainEntry, plainEntries, whole } from './support.ts'

/** The parts together: state files and manifests in a storage, merged and collected. */

const owner = { network: 'words', incarnation: 1 }

async function putState(
  storage: SnapshotStorage,
  until: number,
  kind: 'full' | 'increment',
  chunks: Iterable<StateChunk> | AsyncIterable<StateChunk>,
): Promise<FileReference> {
  const name = stateFileName({
    ...owner,
    until,
    component: 'count',
    instance: 2,
    generation: 3,
    number: 0,
    kind,
  })
  const { bytes, checksum } = await storage.put(name, encodeState(head(kind), chunks), { ifAbsent: true })
  return { name, kind, bytes, checksum, until }
}

async function* merged(
  storage: SnapshotStorage,
  files: readonly FileReference[],
): AsyncGenerator<StateChunk> {
  const opened = await Promise.all(
    files.map((file) => decodeState(file.name, storage.get(file.name, { expected: file }))),
  )
  yield* mergeStates(opened)
}

function manifestOf(
  id: number,
  predecessor: number | null,
  files: readonly FileReference[],
): SnapshotManifest {
  const instances = [
    { component: 'count', instance: 2, ...whole, keyGroups: [0, 255] as const, stateVersion: 0, files },
  ]
  return { ...owner, generation: 3, id, predecessor, instances }
}

async function readManifest(storage: SnapshotStorage, id: number): Promise<SnapshotManifest> {
  const name = manifestName(owner, id)
  const pieces: Uint8Array[] = []
  for await (const piece of storage.get(name)) pieces.push(piece)
  return decodeManifest(name, Buffer.concat(pieces), { ...owner, id })
}

const entry = (section: number, kind: PlainEntry['kind'], key: string, ...parts: string[]): PlainEntry => ({
  section,
  kind,
  key,
  parts,
})

async function makeSnapshots() {
  const backend = new MemoryStorageBackend()
  const storage = storageOver(backend, systemClock)
  const full = await putState(
    storage,
    1,
    'full',
    chunksOf([entry(1, 'put', 'a', '1'), entry(9, 'put', 'l', 'x'), entry(256, 'put', 'at', '10')]),
  )
  const aborted = await putState(storage, 2, 'increment', chunksOf([entry(1, 'put', 'a', 'wrong')]))
  const changes = await putState(
    storage,
    3,
    'increment',
    chunksOf([entry(1, 'delete', 'a'), entry(9, 'append', 'l', 'y', 'z'), entry(256, 'put', 'at', '30')]),
  )
  const first = manifestOf(1, null, [full])
  const third = manifestOf(3, 1, [full, changes])
  for (const manifest of [first, third])
    await storage.put(manifestName(owner, manifest.id), encodeManifest(manifest))
  return { backend, storage, full, aborted, changes, first, third }
}

test('what was written comes back by its manifest; a merged file stands for its parts, which are collected', async () => {
  const { storage, full, aborted, changes, first, third } = await makeSnapshots()
  assert.deepEqual(unfitReferences(third, first), [])
  assert.deepEqual(unfitReferences(manifestOf(3, 1, [full, aborted]), first), [aborted])
  const expected = [entry(9, 'put', 'l', 'x', 'y', 'z'), entry(256, 'put', 'at', '30')]
  const read = await readManifest(storage, 3)
  assert.deepEqual(read, third)
  assert.deepEqual(await plainEntries(merged(storage, read.instances[0]!.files)), expected)

  const whole = await putState(storage, 50, 'full', merged(storage, [full, changes]))
  const fourth = manifestOf(4, 3, [whole])
  assert.deepEqual(unfitReferences(fourth, third), [])
  await storage.put(manifestName(owner, 4), encodeManifest(fourth))
  const present: string[] = []
  for await (const name of allNames(storage, networkPrefix('words'))) present.push(name)
  assert.ok(present.every((name) => name.startsWith(incarnationPrefix(owner))))
  const gone = collectable({
    incarnation: 1,
    lastCommitted: 4,
    kept: [fourth],
    keptManifests: [manifestName(owner, 4)],
    present,
  })
  await storage.delete(gone)
  assert.deepEqual((await storage.page('')).names, [manifestName(owner, 4), whole.name])
  assert.deepEqual(await plainEntries(merged(storage, [whole])), expected)
})

test('each file that is damaged, cut off, exchanged or missing is noticed when it is read by its manifest', async () => {
  const { backend, storage, full, changes } = await makeSnapshots()
  const read = (): Promise<string> => errorCode(plainEntries(merged(storage, [full, changes])))
  assert.equal(await read(), 'no error')
  for (const { name } of [full, changes]) {
    const whole = Buffer.from(backend.objects.get(name)!)
    for (let at = 0; at < whole.length; at++) {
      const flipped = Buffer.from(whole)
      flipped[at]! ^= 1 << (at % 8)
      backend.objects.set(name, flipped)
      assert.equal(await read(), 'SNAPSHOT_FILE_DAMAGED', `byte ${at} of ${name}`)
      backend.objects.set(name, whole.subarray(0, at))
      assert.equal(await read(), 'SNAPSHOT_FILE_DAMAGED', `${at} bytes of ${name}`)
    }
    // A whole file of the same name, from somewhere else.
    await storage.put(name, encodeState(head(name === full.name ? 'full' : 'increment'), []))
    assert.equal(await read(), 'SNAPSHOT_FILE_DAMAGED')
    backend.objects.delete(name)
    assert.equal(await read(), 'SNAPSHOT_FILE_MISSING')
    backend.objects.set(name, whole)
  }
  const manifest = manifestName(owner, 3)
  const whole = Buffer.from(backend.objects.get(manifest)!)
  for (let at = 0; at < whole.length; at++) {
    const flipped = Buffer.from(whole)
    flipped[at]! ^= 1 << (at % 8)
    backend.objects.set(manifest, flipped)
    assert.equal(
      await errorCode(readManifest(storage, 3)),
      'SNAPSHOT_FILE_DAMAGED',
      `byte ${at} of the manifest`,
    )
    backend.objects.set(manifest, whole.subarray(0, at))
    assert.equal(await errorCode(readManifest(storage, 3)), 'SNAPSHOT_FILE_DAMAGED', `${at} bytes of it`)
  }
  for (const more of [Buffer.alloc(1), Buffer.from('\n'), whole]) {
    backend.objects.set(manifest, Buffer.concat([whole, more]))
    assert.equal(await errorCode(readManifest(storage, 3)), 'SNAPSHOT_FILE_DAMAGED', `${more.length} more`)
  }
  backend.objects.delete(manifest)
  assert.equal(await errorCode(readManifest(storage, 3)), 'SNAPSHOT_FILE_MISSING')
})

test('a manifest that is whole, and is not the one that the commit refers to, is noticed', async () => {
  const { storage, third } = await makeSnapshots()
  const other = { ...owner, id: 9 }
  const ninth: SnapshotManifest = { ...third, id: 9 }
  const reference = await putManifest(storage, ninth)
  assert.deepEqual(await getManifest(storage, reference, other), ninth)
  const content = encodeManifest(ninth)
  const wrong = {
    'without its last byte': content.subarray(0, -1),
    'with an empty line': Buffer.concat([content, Buffer.from('\n')]),
    'with a blank': Buffer.from(content.toString().replace(':', ': ')),
    'with fewer files': encodeManifest({ ...ninth, instances: [] }),
    'of another generation': encodeManifest({ ...ninth, generation: 4 }),
    'of another one': encodeManifest(third),
  }
  for (const [what, bytes] of Object.entries(wrong)) {
    // As the storage would have it whole: its own checksums fit.
    await storage.put(reference.name, bytes)
    assert.equal(await errorCode(getManifest(storage, reference, other)), 'SNAPSHOT_FILE_DAMAGED', what)
  }
})

test('without a manifest nothing of a snapshot is found: what to do names no component that could begin afresh', async () => {
  const { storage, third } = await makeSnapshots()
  const reference = await putManifest(storage, { ...third, id: 9 })
  const read = (): Promise<unknown> => getManifest(storage, reference, { ...owner, id: 9 })
  const tells =
    (code: string) =>
    (error: unknown): boolean =>
      isVertigoError(error) &&
      error.code === code &&
      /undeploy/.test(error.remedy) &&
      !/discard/.test(error.remedy)
  await storage.put(reference.name, Buffer.from('{'))
  await assert.rejects(read(), tells('SNAPSHOT_FILE_DAMAGED'))
  await storage.delete([reference.name])
  await assert.rejects(read(), tells('SNAPSHOT_FILE_MISSING'))
})
