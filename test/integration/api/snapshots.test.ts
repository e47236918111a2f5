import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test, type TestContext } from 'node:test'
import { ApiClient } from '../../../src/api/index.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { asGeneration, asVersion, type SnapshotRecord } from '../../../src/cluster/protocol/index.ts'
import { encodeManifest, type SnapshotManifest } from '../../../src/snapshot/manifest.ts'
import { storageOver } from '../../../src/snapshot/storage/checked-storage.ts'
import { MemoryStorageBackend } from '../../../src/snapshot/storage/memory/memory-backend.ts'
import { ask, cluster, network } from './support.ts'

/** Snapshots by the HTTP API: what is asked, what is refused, and files that go both ways. */

const path = '/v1/networks/net/snapshots'

async function deployed(t: TestContext, guarantee: 'exactly-once' | 'at-most-once' = 'exactly-once') {
  const { server } = await cluster(t)
  const made = network(['a'])
  const kinds = { ...made.kinds, numbers: { ...made.kinds['numbers']!, rewinds: true } }
  const json = { part: { ...made.part, guarantee }, kinds }
  const { status, body } = await ask(server.address, 'POST', '/v1/networks', { json })
  assert.deepEqual([status, body], [200, { name: 'net', version: 1 }])
  return server.address
}

const codeOf = ({ status, body }: { status: number; body: unknown }): unknown[] => [
  status,
  (body as { error: { code: string } }).error.code,
]

const name = 'net/000000000007/000000000003/a-0.1-0.full'
const state = Buffer.alloc(300_000, 'what a has seen. ')

/** As `vertigo snapshot export` writes it. */
async function exported(): Promise<{ snapshot: SnapshotRecord; manifest: SnapshotManifest }> {
  const elsewhere = storageOver(new MemoryStorageBackend(), systemClock)
  const stored = await elsewhere.put(name, state)
  const part = {
    component: 'a',
    instance: 0,
    instances: 1,
    isFinished: false,
    hasChannelState: false,
    keyGroups: null,
    stateVersion: 0,
    files: [{ name, kind: 'full' as const, ...stored, until: 3 }],
  }
  const about = { network: 'net', incarnation: 7, generation: 2, id: 3, predecessor: null }
  const manifest: SnapshotManifest = { ...about, instances: [part] }
  const at = 'net/000000000007/000000000003/manifest'
  const reference = { name: at, ...(await elsewhere.put(at, encodeManifest(manifest))) }
  const snapshot: SnapshotRecord = {
    id: 3,
    incarnation: 7,
    predecessor: null,
    manifest: reference,
    finished: [],
    names: ['mine'],
    committedAtMs: 5,
    tookMs: 1,
    bytes: state.length,
    hasChannelState: false,
    isLast: false,
    generation: asGeneration(2),
    version: asVersion(4),
  }
  return { snapshot, manifest }
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000)
}

test('a wrong name is refused in one way, however long it is', async (t) => {
  const address = await deployed(t)
  for (const name of ['', '4', 'a b', 'a'.repeat(101), 'a'.repeat(5_000)]) {
    const { status, body } = await ask(address, 'POST', path, { json: { name } })
    const { code, message, remedy } = (body as { error: { code: string; message: string; remedy: string } })
      .error
    assert.deepEqual([status, code], [422, 'USAGE'], name)
    assert.match(message, /is no name for a snapshot/)
    assert.match(remedy, /100 at most/)
    assert.ok(message.length < 200)
  }
  assert.equal((await ask(address, 'POST', path, { json: { name: 'a'.repeat(100) } })).status, 200)
})

test('one is wanted, and given up, by its name; what cannot be is refused', async (t) => {
  const address = await deployed(t)
  assert.deepEqual((await ask(address, 'GET', path)).body, { snapshots: [], wanted: [] })
  assert.deepEqual((await ask(address, 'POST', path, { json: { name: 'one' } })).body, { name: 'one' })
  assert.deepEqual((await ask(address, 'GET', path)).body, { snapshots: [], wanted: ['one'] })
  assert.deepEqual((await ask(address, 'DELETE', `${path}/one`)).body, { done: true })
  assert.deepEqual(codeOf(await ask(address, 'DELETE', `${path}/one`)), [404, 'SNAPSHOT_UNKNOWN'])
  assert.deepEqual(codeOf(await ask(address, 'GET', `${path}/one/content`)), [404, 'SNAPSHOT_UNKNOWN'])
  assert.deepEqual(codeOf(await ask(address, 'POST', path, { json: { name: '1' } })), [422, 'USAGE'])
  assert.deepEqual(codeOf(await ask(address, 'GET', '/v1/networks/ten/snapshots')), [404, 'NETWORK_UNKNOWN'])
  const none = await deployed(t, 'at-most-once')
  assert.deepEqual(codeOf(await ask(none, 'POST', path, { json: { name: 'one' } })), [409, 'SNAPSHOT_NONE'])
})

test('a snapshot from elsewhere is taken in file by file, and only a whole one is gone on from', async (t) => {
  const address = await deployed(t)
  const client = new ApiClient({ address, clock: systemClock })
  const given = await exported()
  const begun = await client.importSnapshot('net', given, undefined)
  assert.deepEqual(begun, { name: 'imported-7-3', id: 3, isPartial: true })
  assert.deepEqual(await client.importSnapshot('net', given, undefined), begun)
  await assert.rejects(client.completeSnapshot('net', begun.name), { code: 'SNAPSHOT_FILE_MISSING' })
  const { part, kinds } = network(['a'])
  const deployment = { part: { ...part, guarantee: 'at-least-once' as const }, kinds }
  const from = { snapshot: begun.name }
  await assert.rejects(client.deploy(deployment, { from }), { code: 'SNAPSHOT_UNFIT' })

  const send = (bytes: Uint8Array, file = name): Promise<void> =>
    client.putSnapshotFile('net', begun.name, { name: file, content: pieces(bytes) })
  await assert.rejects(send(state.subarray(1)), { code: 'SNAPSHOT_FILE_DAMAGED' })
  await assert.rejects(send(state, 'net/000000000007/000000000003/b-0.1-0.full'), {
    code: 'SNAPSHOT_FILE_MISSING',
  })
  await send(state)
  await send(state)
  const whole = await client.completeSnapshot('net', begun.name)
  assert.deepEqual([whole.id, whole.names, whole.isPartial], [3, ['imported-7-3'], undefined])
  const back: Uint8Array[] = []
  for await (const piece of client.snapshotFile('net', begun.name, name)) back.push(piece)
  assert.ok(Buffer.concat(back).equals(state))
  await assert.rejects(client.snapshotFile('net', begun.name, 'x')[Symbol.asyncIterator]().next(), {
    code: 'SNAPSHOT_FILE_MISSING',
  })
  assert.equal((await client.deploy(deployment, { from })).version, 2)
})

test('what is said of a snapshot has to be true', async (t) => {
  const address = await deployed(t)
  const client = new ApiClient({ address, clock: systemClock })
  const { snapshot, manifest } = await exported()
  const refused = async (change: object, of: object, code: string): Promise<void> => {
    const given = { snapshot: { ...snapshot, ...change }, manifest: { ...manifest, ...of } }
    await assert.rejects(client.importSnapshot('net', given, undefined), { code })
  }
  await refused({}, { network: 'ten' }, 'SNAPSHOT_FOREIGN')
  await refused({ id: 4 }, {}, 'SNAPSHOT_FOREIGN')
  await refused({ id: -1 }, {}, 'SNAPSHOT_FILE_DAMAGED')
  await refused({}, { generation: 9 }, 'SNAPSHOT_FILE_DAMAGED')
  await refused({}, { instances: [{}] }, 'SNAPSHOT_FILE_DAMAGED')
  assert.deepEqual((await client.snapshots('net')).snapshots, [])
})
