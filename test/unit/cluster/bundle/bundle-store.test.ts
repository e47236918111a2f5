import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { parseBundleAddress } from '../../../../src/cluster/bundle/address.ts'
import { type Bundle, makeBundle } from '../../../../src/cluster/bundle/bundle.ts'
import { BundleStore } from '../../../../src/cluster/bundle/bundle-store.ts'
import { collectBundles, rubbish } from '../../../../src/cluster/bundle/collect.ts'
import { partBytesMax, unusedMsMax } from '../../../../src/cluster/bundle/limits.ts'
import { ClusterKeys, asVersion, versionRecord } from '../../../../src/cluster/protocol/index.ts'
import { systemClock } from '../../../../src/base/clock.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import { put, remove } from '../../../../src/store/operations.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import type { Store } from '../../../../src/store/store.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { errorCode } from '../../../support/error-code.ts'

const keys = new ClusterKeys('c')

function place(t: TestContext) {
  const store = storeOver(new MemoryBackend({ clock: systemClock }), systemClock)
  t.after(() => store.close())
  const clock = new TestClock()
  return { store, clock, bundles: new BundleStore(store, keys, clock) }
}

const bundleOf = (text: string, bytes = 10): Bundle =>
  makeBundle('main.js', new Map([['main.js', new TextEncoder().encode(text.padEnd(bytes, '.'))]]), [])

async function keysOf(store: Store, hash: string): Promise<readonly string[]> {
  const { entries } = await store.range(keys.bundleFiles(hash))
  return entries.map(({ key, value }) => {
    assert.ok(value.length <= partBytesMax)
    return key.slice(keys.bundleFiles(hash).length)
  })
}

test('a bundle is kept in parts that any store takes, and read as it was', async (t) => {
  const { store, bundles } = place(t)
  const bundle = bundleOf('a', 2 * partBytesMax + 1)
  await bundles.put(bundle)
  assert.equal((await keysOf(store, bundle.hash)).length, 4)
  const read = await bundles.get(bundle.hash)
  assert.deepEqual(read, bundle)
  const { revision } = await store.get(keys.bundle(bundle.hash))
  await Promise.all([bundles.put(bundle), bundles.put(bundle)])
  const { entry } = await store.get(keys.bundle(bundle.hash))
  assert.ok(entry!.modRevision <= revision, 'what is there is not written again')
})

test('many that write the same bundle at once leave it whole', async (t) => {
  const { bundles } = place(t)
  const bundle = bundleOf('b', partBytesMax + 5)
  await Promise.all(Array.from({ length: 5 }, () => bundles.put(bundle)))
  assert.deepEqual(await bundles.get(bundle.hash), bundle)
})

test('damage in any place is noticed, and mended by writing the bundle again', async (t) => {
  const { store, bundles } = place(t)
  const bundle = bundleOf('c', partBytesMax + 5)
  const all = [keys.bundle(bundle.hash), keys.bundlePart(bundle.hash, 0), keys.bundlePart(bundle.hash, 1)]
  for (const key of all) {
    await bundles.put(bundle)
    const { entry } = await store.get(key)
    const changed = Uint8Array.from(entry!.value)
    changed[2]! ^= 4
    await store.transact({ then: [put(key, changed)] })
    assert.equal(await errorCode(bundles.get(bundle.hash)), 'BUNDLE_DAMAGED', key)
    await bundles.put(bundle)
    await store.transact({ then: [remove(key)] })
    const code = key === keys.bundle(bundle.hash) ? 'BUNDLE_MISSING' : 'BUNDLE_DAMAGED'
    assert.equal(await errorCode(bundles.get(bundle.hash)), code, key)
  }
  await bundles.put(bundle)
  assert.deepEqual(await bundles.get(bundle.hash), bundle)
})

async function writeVersion(store: Store, version: number, kind: string): Promise<void> {
  const record = versionRecord.encode({
    version: asVersion(version),
    flat: { name: 'net', components: { a: { kind, base: 'file:///bundle/' } }, connections: [] },
    kinds: {},
    createdAtMs: 0,
    by: 'test',
    change: 'deploy',
  })
  await store.transact({ then: [put(keys.network('net').version(asVersion(version)), record)] })
}

test('bundles that no kept version names go when nobody has used them for long', async (t) => {
  const { store, clock, bundles } = place(t)
  const [kept, dropped, fresh] = [bundleOf('kept'), bundleOf('dropped'), bundleOf('fresh')]
  await bundles.put(kept)
  await bundles.put(dropped)
  await writeVersion(store, 1, `bundle:${kept.hash}/main.js#a`)
  await writeVersion(store, 2, `bundle:${dropped.hash}/main.js#a`)
  clock.advance(unusedMsMax + 1)
  await bundles.put(fresh)
  assert.equal(await collectBundles(store, keys, clock), 0)
  await store.transact({ then: [remove(keys.network('net').version(asVersion(2)))] })
  assert.equal(await collectBundles(store, keys, clock), 1)
  assert.deepEqual(await keysOf(store, dropped.hash), [])
  assert.equal(await errorCode(bundles.get(dropped.hash)), 'BUNDLE_MISSING')
  assert.deepEqual(await bundles.get(kept.hash), kept)
  assert.deepEqual(await bundles.get(fresh.hash), fresh)
  const { entries } = await store.range(keys.bundleUses)
  assert.equal(entries.length, 2)
})

test('a bundle that somebody begins to use while it is looked for is kept', async (t) => {
  const { store, clock, bundles } = place(t)
  const bundle = bundleOf('used again')
  await bundles.put(bundle)
  clock.advance(unusedMsMax + 1)
  const late: Store = Object.assign(Object.create(store) as Store, {
    transact: async (...args: Parameters<Store['transact']>) => {
      await bundles.put(bundle)
      return store.transact(...args)
    },
  })
  assert.equal(await collectBundles(late, keys, clock), 0)
  assert.deepEqual(await bundles.get(bundle.hash), bundle)
})

test('rubbish is what is neither named nor new', () => {
  const stored = ['a', 'b', 'c'].map((hash, i) => ({ hash, usedAtMs: i * 1_000 }))
  assert.deepEqual(rubbish(stored, new Set(['a']), unusedMsMax + 2_000), ['b'])
  assert.deepEqual(rubbish(stored, new Set(), unusedMsMax), [])
})

test('addresses of bundles are told from all others', () => {
  const hash = 'a'.repeat(64)
  assert.deepEqual(parseBundleAddress(`bundle:${hash}/main.js##selector:a.x->b.y`), {
    hash,
    path: 'main.js',
    fragment: '##selector:a.x->b.y',
  })
  for (const other of ['map', 'file:///a.ts', `bundle:${hash}`, `bundle:${hash}/`, 'bundle:abc/main.js'])
    assert.equal(parseBundleAddress(other), undefined, other)
})
