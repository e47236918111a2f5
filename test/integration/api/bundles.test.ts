import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import { ApiClient, parseTokens } from '../../../src/api/index.ts'
import { apiLimits } from '../../../src/api/app.ts'
import { systemClock } from '../../../src/base/clock.ts'
import {
  type Bundle,
  encodeBundle,
  encodeManifest,
  makeBundle,
  sha256,
} from '../../../src/cluster/bundle/bundle.ts'
import { bundleBodyBytesMax } from '../../../src/cluster/bundle/index.ts'
import { ask, cluster, network } from './support.ts'

const text = (content: string): Uint8Array => new TextEncoder().encode(content)
const octets = { 'content-type': 'application/octet-stream' }

function bundle(code: string): Bundle {
  return makeBundle('main.js', new Map([['main.js', text(code)]]), [])
}

async function send(
  address: string,
  hash: string,
  bytes: Uint8Array,
  headers: Record<string, string> = octets,
): Promise<readonly [number, string | undefined]> {
  const response = await fetch(`${address}/v1/bundles/${hash}`, {
    method: 'PUT',
    headers,
    body: bytes as Uint8Array<ArrayBuffer>,
  })
  const body = (await response.json()) as { readonly error?: { readonly code: string } }
  return [response.status, body.error?.code]
}

test('bundles are sent once, before the network that names them; without them it is refused', async (t) => {
  const { server, keys, store } = await cluster(t)
  const client = new ApiClient({ address: server.address, clock: systemClock })
  const one = bundle('export default (n) => n')
  const { part, kinds } = network(['a'])
  const a = { ...part.components['a']!, kind: `bundle:${one.hash}/main.js` }
  const deployment = { part: { ...part, components: { ...part.components, a } }, kinds }
  await assert.rejects(client.deploy(deployment), { code: 'BUNDLE_MISSING' })
  assert.deepEqual(await client.networks(), [])

  const sent: string[] = []
  await client.sendBundles([one], ({ hash }) => sent.push(hash))
  await client.sendBundles([one], ({ hash }) => sent.push(hash))
  assert.deepEqual(sent, [one.hash])
  assert.deepEqual(await client.deploy(deployment), { name: 'net', version: 1 })
  const { entry } = await store.get(keys.bundle(one.hash))
  assert.deepEqual(entry?.value, encodeManifest(one.manifest))
})

test('what does not match its hash, is no bundle, or cannot lie in a folder is refused, and not kept', async (t) => {
  const { server, store, keys, troubles } = await cluster(t)
  const { address } = server
  const good = bundle('export default 1')
  const bytes = encodeBundle(good)
  const flipped = Uint8Array.from(bytes)
  flipped[bytes.length - 1]! ^= 1
  const damaged = [422, 'BUNDLE_DAMAGED']
  assert.deepEqual(await send(address, good.hash, flipped), damaged)
  assert.deepEqual(await send(address, bundle('other').hash, bytes), damaged)
  for (const cut of [0, 3, 10, bytes.length - 1])
    assert.deepEqual(
      await send(address, good.hash, bytes.subarray(0, cut)),
      damaged,
      `the first ${cut} bytes`,
    )

  /** A manifest that matches its hash, whatever stands in it. */
  const withManifest = async (manifest: Uint8Array, content = text('x')): Promise<unknown> => {
    const length = new Uint8Array(4)
    new DataView(length.buffer).setUint32(0, manifest.length)
    return send(address, sha256(manifest), Buffer.concat([length, manifest, content]))
  }
  const file = (path: string) => ({ path, bytes: 1, sha256: sha256(text('x')) })
  const manifest = (entry: string, ...paths: string[]): Uint8Array =>
    text(JSON.stringify({ format: 1, entry, packages: [], files: paths.map(file) }))
  for (const [what, wrong, content] of [
    ['no JSON', text('{'), 'x'],
    ['JSON of something else', text('[[[]]]'), 'x'],
    ['a path that leads out', manifest('../../a.js', '../../a.js'), 'x'],
    ['an absolute path', manifest('/etc/a.js', '/etc/a.js'), 'x'],
    ['a path with a NUL', manifest('a\0.js', 'a\0.js'), 'x'],
    ['a path twice', manifest('a.js', 'a.js', 'a.js'), 'xx'],
    ['a file that is a folder', manifest('a', 'a', 'a/b'), 'xx'],
    ['packages of its own', manifest('a.js', 'a.js', 'node_modules/vertigo-flow'), 'xx'],
    ['the place of the manifest', manifest('a.js', 'a.js', 'vertigo-bundle.json'), 'xx'],
    ['no entry', manifest('b.js', 'a.js'), 'x'],
  ] as const)
    assert.deepEqual(await withManifest(wrong, text(content)), damaged, what)

  for (const name of ['x', '../../manager', good.hash.slice(1), good.hash.toUpperCase(), 'g'.repeat(64)])
    assert.deepEqual(await send(address, encodeURIComponent(name), bytes), [400, 'API_REQUEST_INVALID'], name)
  assert.deepEqual(await send(address, good.hash, bytes, { 'content-type': 'application/json' }), [
    400,
    'API_REQUEST_INVALID',
  ])
  const other = await ask(address, 'PUT', '/v1/config', { text: '{}', headers: octets })
  assert.equal(other.status, 400)
  const { entries } = await store.range(keys.bundles)
  assert.deepEqual(entries, [])
  assert.deepEqual(troubles, [])
})

test('a bundle without end is cut off, and many at a time are turned away; the node lives', async (t) => {
  const { server } = await cluster(t)
  const { address } = server
  const { hash } = bundle('')
  assert.deepEqual(await send(address, hash, new Uint8Array(bundleBodyBytesMax + 1)), [
    413,
    'API_REQUEST_TOO_LARGE',
  ])
  const held = Array.from({ length: apiLimits.uploadsMax }, () => {
    const asking = request(`${address}/v1/bundles/${hash}`, {
      method: 'PUT',
      headers: { ...octets, 'content-length': '100' },
    })
    asking.on('error', () => undefined)
    asking.write('x')
    return asking
  })
  await until('the node is busy with those', async () => {
    const [status, code] = await send(address, hash, text('x'))
    return status === 503 && code === 'API_BUSY'
  })
  for (const asking of held) asking.destroy()
  await until('it takes bundles again', async () => (await send(address, hash, text('x')))[0] === 422)
})

test('bundles want the role of who deploys, and are not read without it', async (t) => {
  const tokens = parseTokens(
    'viewer v viewer-token-0123456789\noperator o operator-token-0123456789\n',
    'tokens',
  )
  const { server } = await cluster(t, { tokens })
  const one = bundle('export default 2')
  const as = (role: string) => ({ ...octets, authorization: `Bearer ${role}-token-0123456789` })
  const bytes = encodeBundle(one)
  assert.deepEqual(await send(server.address, one.hash, bytes), [401, 'API_TOKEN_MISSING'])
  assert.deepEqual(await send(server.address, one.hash, bytes, as('viewer')), [403, 'API_ROLE_MISSING'])
  assert.deepEqual(await send(server.address, one.hash, bytes, as('operator')), [200, undefined])
})

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await look())) assert.ok(performance.now() < deadline, `not seen within 20 s: ${what}`)
}
