import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { decodeManifest, encodeManifest, type FileReference } from '../../../src/snapshot/manifest.ts'
import { mergeFiles } from '../../../src/snapshot/merge-files.ts'
import {
  defaultInlineBytesMax,
  getFile,
  inlineBytesMaxOf,
  manifestInlineBytesMax,
  putFile,
  withoutContents,
} from '../../../src/snapshot/small-files.ts'
import { encodeState } from '../../../src/snapshot/state-file.ts'
import { allNames, storageOver } from '../../../src/snapshot/storage/checked-storage.ts'
import { MemoryStorageBackend } from '../../../src/snapshot/storage/memory/memory-backend.ts'
import type { SnapshotStorage } from '../../../src/snapshot/storage/storage.ts'
import { errorCode } from '../../support/error-code.ts'
import { whole } from './support.ts'

const name = 'net/000000000001/000000000001/count-0.1-0.full'
const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => at % 251))

async function* pieces(content: Buffer, length = 7): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += length) yield content.subarray(at, at + length)
}

async function read(storage: SnapshotStorage, file: FileReference): Promise<Buffer> {
  const found: Uint8Array[] = []
  for await (const piece of getFile(storage, file)) found.push(piece)
  return Buffer.concat(found)
}

async function namesIn(storage: SnapshotStorage): Promise<string[]> {
  const names: string[] = []
  for await (const one of allNames(storage, '')) names.push(one)
  return names
}

test('what is small needs no storage; what has a byte more is stored, and both are given as they were', async () => {
  for (const [length, inlineBytesMax, isInline] of [
    [0, 100, true],
    [99, 100, true],
    [100, 100, true],
    [101, 100, false],
    [5_000, 100, false],
    [0, 0, false],
    [1, 0, false],
    [1, -20, false],
  ] as const) {
    const storage = storageOver(new MemoryStorageBackend(), systemClock)
    let opened = 0
    const open = (): Promise<SnapshotStorage> => (opened++, Promise.resolve(storage))
    const stored = await putFile(open, name, pieces(bytes(length)), { inlineBytesMax })
    const what = `${length} of ${inlineBytesMax}`
    assert.equal(stored.inline !== undefined, isInline, what)
    assert.equal(opened, isInline ? 0 : 1, what)
    assert.deepEqual(await namesIn(storage), isInline ? [] : [name], what)
    assert.equal(stored.bytes, length, what)
    assert.deepEqual(await read(storage, { name, kind: 'full', until: 1, ...stored }), bytes(length), what)
  }
})

test('an end of the snapshot ends it, also where all of it was taken', async () => {
  const storage = storageOver(new MemoryStorageBackend(), systemClock)
  const ending = new AbortController()
  const content = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes(3)
    ending.abort(new Error('over'))
  }
  const put = putFile(() => Promise.resolve(storage), name, content(), {
    inlineBytesMax: 100,
    signal: ending.signal,
  })
  await assert.rejects(put, /over/)
})

test('a storage that cannot be opened is told, and the content is let go', async () => {
  let isOver = false
  const content = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield bytes(10)
    } finally {
      isOver = true
    }
  }
  const refused = (): Promise<SnapshotStorage> => Promise.reject(new Error('no storage'))
  await assert.rejects(putFile(refused, name, content(), { inlineBytesMax: 100 }), /no storage/)
  assert.equal(isOver, true)
})

test('whatever is changed in it is noticed', async () => {
  const storage = storageOver(new MemoryStorageBackend(), systemClock)
  const stored = await putFile(() => Promise.resolve(storage), name, pieces(bytes(40)), {
    inlineBytesMax: 100,
  })
  const file = { name, kind: 'full', until: 1, ...stored } as const
  for (let at = 0; at < 40; at++) {
    const changed = bytes(40)
    changed[at]! ^= 1
    const inline = changed.toString('base64')
    assert.equal(await errorCode(read(storage, { ...file, inline })), 'SNAPSHOT_FILE_DAMAGED')
  }
  for (const inline of ['', bytes(39).toString('base64'), bytes(41).toString('base64'), '!'])
    assert.equal(await errorCode(read(storage, { ...file, inline })), 'SNAPSHOT_FILE_DAMAGED')
})

test('a manifest says by its format whether files are in it', () => {
  const file = { name, kind: 'full', bytes: 3, checksum: 7, until: 1 } as const
  const of = (files: readonly FileReference[]) => ({
    network: 'net',
    incarnation: 1,
    generation: 1,
    id: 1,
    predecessor: null,
    instances: [{ component: 'count', instance: 0, ...whole, keyGroups: null, stateVersion: 0, files }],
  })
  const formatOf = (files: readonly FileReference[]): unknown =>
    (JSON.parse(encodeManifest(of(files)).toString()) as { readonly format: unknown }).format
  assert.equal(formatOf([file]), 1)
  assert.equal(formatOf([file, { ...file, kind: 'increment', inline: 'YWJj' }]), 2)
  const manifest = of([{ ...file, inline: 'YWJj' }])
  assert.deepEqual(decodeManifest('m', encodeManifest(manifest), { network: 'net' }), manifest)
  assert.deepEqual(withoutContents(manifest), of([file]))
  const wrong = JSON.stringify({ format: 2, ...of([{ ...file, inline: 3 } as unknown as FileReference]) })
  assert.throws(() => decodeManifest('m', Buffer.from(wrong), { network: 'net' }), {
    code: 'SNAPSHOT_FILE_DAMAGED',
  })
})

test('however many instances there are, a manifest has no more than it may', () => {
  assert.equal(inlineBytesMaxOf(1), defaultInlineBytesMax)
  assert.equal(inlineBytesMaxOf(0), defaultInlineBytesMax)
  assert.equal(inlineBytesMaxOf(5, 0), 0)
  for (const instances of [1, 2, 33, 1_000, 600_000])
    assert.ok(inlineBytesMaxOf(instances, 10_000_000) * instances <= manifestInlineBytesMax)
})

test('files in manifests are made one, in the manifest where that one is small, too', async () => {
  const of = { network: 'net', incarnation: 1, generation: 1, component: 'count', instance: 0 } as const
  const entry = (key: string) => ({ kind: 'put' as const, key: Buffer.from(key), parts: [bytes(20)] })
  for (const inlineBytesMax of [0, 100_000]) {
    const storage = storageOver(new MemoryStorageBackend(), systemClock)
    const files: FileReference[] = []
    for (const [at, kind] of (['full', 'increment', 'increment'] as const).entries()) {
      const file = `net/000000000001/${String(at + 1).padStart(12, '0')}/count-0.1-${at}.${kind}`
      const content = encodeState({ ...of, kind }, [{ section: 1, entries: [entry(`k${at}`)] }])
      // One of them is stored.
      const stored = await putFile(() => Promise.resolve(storage), file, content, {
        inlineBytesMax: at === 1 ? 0 : 1_000,
      })
      files.push({ name: file, kind, until: at + 1, ...stored })
    }
    const merged = await mergeFiles(storage, {
      files,
      name: 'net/000000000001/000000000009/count-0.1-9.full',
      head: of,
      until: 9,
      inlineBytesMax,
    })
    assert.equal(merged.inline !== undefined, inlineBytesMax > 0)
    const text = (await read(storage, merged)).toString('latin1')
    for (const key of ['k0', 'k1', 'k2']) assert.ok(text.includes(key))
  }
})
