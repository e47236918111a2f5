import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { manifestName, networkPrefix, placeOf, stateFileName } from '../../../src/snapshot/file-names.ts'
import { whole } from './support.ts'
import { decodeManifest, encodeManifest, type SnapshotManifest } from '../../../src/snapshot/manifest.ts'
import { errorCode } from '../../support/error-code.ts'

const file = (name: string, kind: 'full' | 'increment') => ({ name, kind, bytes: 10, checksum: 7, until: 5 })
const manifest: SnapshotManifest = {
  network: 'words',
  incarnation: 2,
  generation: 4,
  id: 5,
  predecessor: 3,
  instances: [
    {
      component: 'count',
      instance: 0,
      keyGroups: [0, 127],
      ...whole,
      stateVersion: 1,
      files: [file('a', 'full'), file('b', 'increment')],
    },
    {
      component: 'lines',
      instance: 0,
      ...whole,
      keyGroups: null,
      stateVersion: 0,
      files: [file('c', 'full')],
    },
  ],
}
const owner = { network: 'words', incarnation: 2 }
const decode = (content: Uint8Array, whose: Parameters<typeof decodeManifest>[2] = owner): SnapshotManifest =>
  decodeManifest('m', content, whose)
const codeOf = (...given: Parameters<typeof decode>): Promise<string> =>
  errorCode((async () => decode(...given))())

test('gives what was written', () => {
  assert.deepEqual(decode(encodeManifest(manifest), { ...owner, id: 5 }), manifest)
  assert.deepEqual(decode(encodeManifest({ ...manifest, predecessor: null })).predecessor, null)
  assert.deepEqual(decode(encodeManifest(manifest), { network: 'words' }), manifest)
})

test('refuses the snapshot of another network, of another incarnation, and another one, by name', async () => {
  const content = encodeManifest(manifest)
  assert.equal(await codeOf(content, { network: 'letters', incarnation: 2 }), 'SNAPSHOT_FOREIGN')
  assert.equal(await codeOf(content, { network: 'words', incarnation: 3 }), 'SNAPSHOT_FOREIGN')
  assert.equal(await codeOf(content, { ...owner, id: 6 }), 'SNAPSHOT_FOREIGN')
  assert.throws(() => decode(content, { network: 'letters' }), /"words", not of "letters"/)
})

test('refuses a newer format, and whatever is no manifest', async () => {
  const changed = (change: object): Buffer =>
    Buffer.from(JSON.stringify({ format: 1, ...manifest, ...change }))
  assert.equal(await codeOf(changed({})), 'no error')
  assert.equal(await codeOf(changed({ format: 3, instances: 'of another kind' })), 'SNAPSHOT_FORMAT_NEWER')
  const [count, lines] = manifest.instances
  for (const change of [
    { format: 'one' },
    { network: 7 },
    { id: -1 },
    { generation: 1.5 },
    { predecessor: 5 },
    { predecessor: 'none' },
    { instances: {} },
    { instances: [null] },
    { instances: [{ ...count, component: undefined }] },
    { instances: [{ ...count, keyGroups: [1] }] },
    { instances: [{ ...count, stateVersion: null }] },
    { instances: [{ ...count, isFinished: 1 }] },
    { instances: [{ ...count, hasChannelState: undefined }] },
    { instances: [{ ...count, instances: 0 }] },
    { instances: [{ ...count, files: [file('b', 'increment')] }] },
    { instances: [{ ...count, files: [file('a', 'full'), file('b', 'full')] }] },
    { instances: [{ ...lines, files: [{ ...file('a', 'full'), checksum: 'x' }] }] },
  ])
    assert.equal(await codeOf(changed(change)), 'SNAPSHOT_FILE_DAMAGED', JSON.stringify(change))
  for (const text of ['', '{', 'null', '[]', '7'])
    assert.equal(await codeOf(Buffer.from(text)), 'SNAPSHOT_FILE_DAMAGED')
})

test('each file has a name of its own that a storage takes, and says where it belongs', () => {
  const stored = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/
  const number = fc.nat({ max: 2 ** 31 })
  const given = fc.record({
    network: fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
    incarnation: number,
    until: number,
    component: fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
    instance: number,
    generation: number,
    number,
    kind: fc.constantFrom('full' as const, 'increment' as const),
  })
  fc.assert(
    fc.property(given, given, (one, other) => {
      const name = stateFileName(one)
      assert.match(name, stored)
      assert.ok(name.startsWith(networkPrefix(one.network)))
      assert.deepEqual(placeOf(name), { incarnation: one.incarnation, until: one.until })
      if (JSON.stringify(one) !== JSON.stringify(other)) assert.notEqual(name, stateFileName(other))
      assert.match(manifestName(one, one.until), stored)
    }),
  )
  const near = {
    network: 'a',
    incarnation: 1,
    until: 2,
    component: 'c',
    instance: 1,
    generation: 2,
    number: 3,
    kind: 'full' as const,
  }
  const names = [
    near,
    { ...near, component: 'c-1' },
    { ...near, component: 'c.1' },
    { ...near, component: 'c_2e1' },
    { ...near, network: 'A' },
  ]
  assert.equal(new Set(names.map(stateFileName)).size, names.length)
  assert.ok(
    manifestName({ network: 'a', incarnation: 1 }, 9) < manifestName({ network: 'a', incarnation: 1 }, 10),
  )
})
