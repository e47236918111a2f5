import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { systemClock } from '../../../../src/base/clock.ts'
import { systemRandom } from '../../../../src/base/random.ts'
import { type Bundle, makeBundle } from '../../../../src/cluster/bundle/bundle.ts'
import { BundleFolder, defaultBundleFolder } from '../../../../src/cluster/bundle/bundle-folder.ts'
import { cachedMsMax } from '../../../../src/cluster/bundle/limits.ts'
import { errorCode } from '../../../support/error-code.ts'
import { type Files, project } from './support.ts'

function folderOf(t: TestContext, files: Files = {}) {
  const path = project(t, files)
  const folder = join(path, 'cache')
  const open = () =>
    BundleFolder.open({ folder, packagesFrom: path, clock: systemClock, random: systemRandom })
  return { path, folder, open }
}

const text = (source: string): Uint8Array => new TextEncoder().encode(source)
const bundleOf = (source: string, packages: readonly string[] = []): Bundle =>
  makeBundle(
    'main.js',
    new Map([
      ['main.js', text(source)],
      ['package.json', text('{"type":"module"}')],
    ]),
    packages,
  )

/** Counts how often a bundle is asked for. */
function fetching(bundle: Bundle) {
  const fetch = Object.assign(
    () => {
      fetch.times++
      return Promise.resolve(bundle)
    },
    { times: 0 },
  )
  return fetch
}

test('a bundle is fetched once, also by another start, and finds the package that runs', async (t) => {
  const { open } = folderOf(t)
  const bundle = bundleOf(`import { isNetworkBuilder } from 'vertigo-flow'\nexport default isNetworkBuilder`)
  const fetch = fetching(bundle)
  const first = await open()
  const [place, same] = await Promise.all([
    first.ensure(bundle.hash, fetch),
    first.ensure(bundle.hash, fetch),
  ])
  assert.equal(place, same)
  assert.equal(await (await open()).ensure(bundle.hash, fetch), place)
  assert.equal(fetch.times, 1)
  const loaded = (await import(pathToFileURL(join(place, 'main.js')).href)) as { default: unknown }
  const own = await import('vertigo-flow')
  assert.equal(loaded.default, own.isNetworkBuilder)
})

test('whatever was changed in a bundle, it is fetched again', async (t) => {
  const { open } = folderOf(t)
  const bundle = bundleOf('export default 1')
  const fetch = fetching(bundle)
  const place = await (await open()).ensure(bundle.hash, fetch)
  const changes: (() => void)[] = [
    () => writeFileSync(join(place, 'main.js'), 'export default 2'),
    () => writeFileSync(join(place, 'vertigo-bundle.json'), '{}'),
    () => rmSync(join(place, 'package.json')),
    () => {
      rmSync(join(place, 'node_modules/vertigo-flow'))
      symlinkSync('/tmp', join(place, 'node_modules/vertigo-flow'))
    },
    () => rmSync(join(place, 'node_modules'), { recursive: true }),
  ]
  for (const [nth, change] of changes.entries()) {
    change()
    await (await open()).ensure(bundle.hash, fetch)
    assert.equal(fetch.times, nth + 2, `change ${nth}`)
    assert.equal(readFileSync(join(place, 'main.js'), 'utf8'), 'export default 1')
  }
})

test('several processes that bring the same bundle do not disturb each other', async (t) => {
  const { open, folder } = folderOf(t)
  const bundle = bundleOf('export default 3')
  const folders = await Promise.all(Array.from({ length: 5 }, open))
  const places = await Promise.all(
    folders.map((one) => one.ensure(bundle.hash, () => Promise.resolve(bundle))),
  )
  assert.equal(new Set(places).size, 1)
  assert.deepEqual(readdirSync(join(folder, readdirSync(folder)[0]!)), [bundle.hash])
})

test('a fetch that fails is tried again by the next who asks', async (t) => {
  const opened = await folderOf(t).open()
  const bundle = bundleOf('export default 4')
  await assert.rejects(
    opened.ensure(bundle.hash, () => Promise.reject(new Error('no store'))),
    /no store/,
  )
  assert.ok(existsSync(await opened.ensure(bundle.hash, () => Promise.resolve(bundle))))
})

test('a folder that others can write into is refused', async (t) => {
  const { open, folder } = folderOf(t)
  await open()
  for (const mode of [0o770, 0o707]) {
    chmodSync(folder, mode)
    assert.equal(await errorCode(open()), 'BUNDLE_CACHE_UNSAFE')
  }
})

test('packages that were left out are those of the node; one that is not there is named', async (t) => {
  const { open } = folderOf(t, {
    'node_modules/there/package.json': '{ "name": "there", "type": "module", "exports": "./index.js" }',
    'node_modules/there/index.js': `export default 'there'`,
  })
  const opened = await open()
  const bundle = bundleOf(`export { default } from 'there'`, ['there'])
  const place = await opened.ensure(bundle.hash, () => Promise.resolve(bundle))
  const loaded = (await import(pathToFileURL(join(place, 'main.js')).href)) as { default: unknown }
  assert.equal(loaded.default, 'there')
  const other = bundleOf(`import 'absent'`, ['absent'])
  const failing = opened.ensure(other.hash, () => Promise.resolve(other))
  assert.equal(await errorCode(failing), 'BUNDLE_PACKAGE_MISSING')
  await assert.rejects(failing, /The package "absent"/)
})

test('what nobody has used for long is forgotten', async (t) => {
  const { open } = folderOf(t)
  const [old, used] = [bundleOf('export default 5'), bundleOf('export default 6')]
  const first = await open()
  const places = await Promise.all(
    [old, used].map((bundle) => first.ensure(bundle.hash, () => Promise.resolve(bundle))),
  )
  const past = (Date.now() - cachedMsMax) / 1_000 - 10
  utimesSync(places[0]!, past, past)
  await open()
  assert.deepEqual(
    places.map((place) => existsSync(place)),
    [false, true],
  )
})

test('the folder is in the cache of the user', () => {
  assert.equal(defaultBundleFolder({ XDG_CACHE_HOME: '/x' }), '/x/vertigo/bundles')
  assert.match(defaultBundleFolder({ XDG_CACHE_HOME: 'not/absolute' }), /vertigo.bundles/)
})
