import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import { createServer, type Server as NetServer } from 'node:net'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { provideEtcd } from '../../../scripts/servers/etcd.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import type { VertigoError } from '../../../src/base/errors.ts'
import { openEtcdStore } from '../../../src/store/etcd/open.ts'
import type { EtcdStoreOptions } from '../../../src/store/etcd/open.ts'
import { openEtcdAddress } from '../../../src/store/etcd/open-address.ts'
import { put } from '../../../src/store/operations.ts'
import { parseStoreUrl } from '../../../src/store/url.ts'
import { Authority, type Certificate } from '../../support/certificates.ts'
import { EtcdCluster } from '../../support/etcd-cluster.ts'
import { errorCode } from '../../support/error-code.ts'
import { eventually } from '../../support/eventually.ts'
import { ownTime } from '../../support/own-time.ts'
import { patienceMs, patient } from '../../support/store/patient-store.ts'
import { bytes, newPrefix, open, text, withCluster } from './support.ts'

/** Who may come in, and what is said to who may not. */

/** Of somebody who answers. */
async function refusal(options: EtcdStoreOptions): Promise<VertigoError> {
  const opening = openEtcdStore({ timeoutMs: 20_000, ...options })
  try {
    await (await opening).close()
  } catch (error) {
    assert.ok(isVertigoError(error), String(error))
    return error
  }
  return assert.fail('it should have been refused')
}

/** Nobody answers, or nothing that is understood. */
async function unreachable(options: EtcdStoreOptions): Promise<VertigoError> {
  let error: VertigoError | undefined
  const tookMs = await ownTime(async () => (error = await refusal({ timeoutMs: 2_000, ...options })))
  assert.equal(error?.code, 'STORE_UNREACHABLE')
  assert.ok(tookMs < 3_500, `it is refused within the stated time, and not after ${tookMs} ms`)
  return error
}

describe('wrong addresses', () => {
  const servers: NetServer[] = []
  after(() => {
    for (const server of servers) server.close()
  })
  async function listening(server: NetServer): Promise<string> {
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    assert.ok(address !== null && typeof address === 'object')
    return `127.0.0.1:${address.port}`
  }

  test('nobody there', async () => {
    const error = await unreachable({ endpoints: ['127.0.0.1:1', '127.0.0.1:2'] })
    assert.match(error.message, /127\.0\.0\.1:1/)
  })

  test('a host that does not exist', async () => {
    await unreachable({ endpoints: ['no-such-host.invalid:2379'] })
  })

  test('a port that takes connections and says nothing', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}).resume())
    await unreachable({ endpoints: [await listening(silent)] })
  })

  test('a web server', async () => {
    const web = createHttpServer((_, response) => response.end('hello'))
    await unreachable({ endpoints: [await listening(web)] })
  })

  test('a server of HTTP/2 that is not etcd', async () => {
    const web = createHttp2Server()
    web.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 404 })
      stream.end()
    })
    assert.equal((await refusal({ endpoints: [await listening(web)] })).code, 'STORE_FOREIGN')
  })
})

await withCluster('what is there already', { members: 1 }, (cluster) => {
  const base64 = (value: string): string => Buffer.from(value).toString('base64')
  const write = (key: string, value: string): Promise<unknown> =>
    cluster().members[0]!.admin('kv/put', { key: base64(key), value: base64(value) })

  test('keys of somebody else under the prefix', async () => {
    await write('theirs/a', '1')
    const error = await refusal({ endpoints: cluster().endpoints, prefix: 'theirs' })
    assert.equal(error.code, 'STORE_FOREIGN')
    const { kvs = [] } = await cluster().members[0]!.admin('kv/range', {
      key: base64('theirs'),
      range_end: base64('theirt'),
    })
    assert.equal(kvs.length, 1, 'nothing was written')
  })

  test('a mark that is none, and one of a newer version', async () => {
    await write('odd\0format', 'x')
    assert.equal((await refusal({ endpoints: cluster().endpoints, prefix: 'odd' })).code, 'STORE_FOREIGN')
    await write('new\0format', '{"vertigo":"store","format":2}')
    const error = await refusal({ endpoints: cluster().endpoints, prefix: 'new' })
    assert.equal(error.code, 'STORE_FORMAT_NEWER')
  })

  test('stores with different prefixes know nothing of each other, nor of other keys', async () => {
    await write('zzz', 'other')
    await write('a', 'other')
    const prefixes = ['left', 'left0', 'lef']
    const stores = await Promise.all(
      prefixes.map((prefix) => open({ endpoints: cluster().endpoints, prefix })),
    )
    for (const store of stores) await store.transact({ then: [put('a', bytes('mine'))] })
    for (const store of stores) {
      const { entries } = await store.range('')
      assert.deepEqual(
        entries.map(({ key }) => key),
        ['a'],
      )
      await store.transact({ then: [{ type: 'delete-range', prefix: '' }] })
      assert.deepEqual((await store.range('')).entries, [])
    }
    const { kvs = [] } = await cluster().members[0]!.admin('kv/range', { key: base64('zzz') })
    assert.equal(kvs.length, 1)
  })

  test('a range of more than a page is of one revision, whatever happens meanwhile', async () => {
    const store = await open({ endpoints: cluster().endpoints, prefix: newPrefix() })
    const count = 3_000
    const keys = Array.from({ length: count }, (_, i) => `p/${String(i).padStart(5, '0')}`)
    const fill = async (value: string): Promise<void> => {
      for (let at = 0; at < count; at += 100)
        await store.transact({ then: keys.slice(at, at + 100).map((key) => put(key, bytes(value))) })
    }
    await fill('0')
    const done = new AbortController()
    const writeBoth = (n: number): Promise<unknown> =>
      store.transact({ then: [put(keys[0]!, bytes(String(n))), put(keys.at(-1)!, bytes(String(n)))] })
    await writeBoth(0)
    const writing = (async () => {
      for (let n = 1; !done.signal.aborted; n++) await writeBoth(n)
    })()
    for (let round = 0; round < 30; round++) {
      if (round % 10 === 5) await cluster().compact()
      const { entries, more } = await store.range('p/')
      assert.equal(more, false)
      assert.equal(entries.length, count)
      assert.equal(entries[0]!.modRevision, entries.at(-1)!.modRevision, 'first and last change together')
    }
    done.abort()
    await writing
    const part = await store.range('p/', { after: keys[1_000]!, limit: 700 })
    assert.deepEqual(
      part.entries.map(({ key }) => key),
      keys.slice(1_001, 1_701),
    )
    assert.equal(part.more, true)
    const end = await store.range('p/', { after: keys.at(-1)! })
    assert.deepEqual([end.entries.length, end.more], [0, false])
    assert.ok(end.revision >= part.revision)
    assert.equal((await store.range('p/', { after: 'a' })).entries.length, count)
    assert.equal((await store.range('p/', { after: 'z' })).entries.length, 0)
  })
})

await withCluster(
  'user and password',
  { members: 1 },
  (cluster) => {
    const member = (): EtcdCluster['members'][number] => cluster().members[0]!
    before(async () => {
      await member().admin('auth/user/add', { name: 'root', password: 'secret-root' })
      await member().admin('auth/user/grant', { user: 'root', role: 'root' })
      await member().admin('auth/user/add', { name: 'ann', password: 'secret-ann' })
      await member().admin('auth/role/add', { name: 'ann' })
      const perm = {
        permType: 'READWRITE',
        key: Buffer.from('anns').toString('base64'),
        range_end: Buffer.from('annt').toString('base64'),
      }
      await member().admin('auth/role/grant', { name: 'ann', perm })
      await member().admin('auth/user/grant', { user: 'ann', role: 'ann' })
      // Before there are passwords, having one does no harm.
      await (
        await open({ endpoints: cluster().endpoints, prefix: 'anns', user: 'ann', password: 'x' })
      ).close()
      await member().admin('auth/enable')
    })

    test('the right password, and tokens that are renewed when the member forgets them', async () => {
      const store = await open({
        endpoints: cluster().endpoints,
        prefix: 'anns',
        user: 'ann',
        password: 'secret-ann',
      })
      await store.transact({ then: [put('a', bytes('1'))] }, { repeat: 'once' })
      const seen: (string | undefined)[] = []
      const watch = store.watch('a')
      const following = (async () => {
        for await (const { events } of watch) for (const { entry } of events) seen.push(text(entry?.value))
      })()
      await eventually('the watch begins', () => seen.length === 1)
      const grant = await store.grant(60_000)
      await member().kill()
      member().start()
      await store.transact({ then: [put('a', bytes('2'))] }, { repeat: 'once' })
      await eventually('the watch goes on', () => seen.at(-1) === '2')
      await store.keepAlive(grant.lease)
      watch.close()
      await following
    })

    test('a wrong password, an unknown user, no user, and keys that are not for the user', async () => {
      const base = { endpoints: cluster().endpoints, prefix: 'anns' }
      for (const login of [
        { user: 'ann', password: 'wrong-word' },
        { user: 'bob', password: 'wrong-word' },
        {},
        { user: 'ann', password: 'secret-ann', prefix: 'others' },
      ]) {
        const error = await refusal({ ...base, ...login })
        assert.equal(error.code, 'STORE_REFUSED', error.message)
        const said = JSON.stringify([error.message, error.stack, error.cause, String(error.cause)])
        assert.doesNotMatch(said, /wrong-word|secret-ann/)
      }
    })
  },
  ['distribution', 'current'],
)

const provided = await provideEtcd('distribution')
const authority = await Authority.make('vertigo test')
const reason =
  'missing' in provided ? provided.missing : authority === undefined ? 'there is no openssl' : false
describe('TLS', { skip: reason }, () => {
  let cluster: EtcdCluster
  let stranger: Authority
  let client: Certificate
  before(async () => {
    assert.ok('path' in provided && authority !== undefined)
    const server = await authority.issue('server', 'IP:127.0.0.1')
    client = await authority.issue('client', 'DNS:client')
    stranger = (await Authority.make('somebody else'))!
    const args = [
      `--cert-file=${server.certFile}`,
      `--key-file=${server.keyFile}`,
      '--client-cert-auth',
      `--trusted-ca-file=${authority.own.certFile}`,
    ]
    cluster = await EtcdCluster.start({ path: provided.path, clientScheme: 'https', args })
  })
  after(async () => {
    await cluster?.stop()
    await stranger?.remove()
    await authority?.remove()
  })

  test('both sides show certificates that the other trusts', async () => {
    const tls = { ca: authority!.own.cert, cert: client.cert, key: client.key }
    const store = await open({ endpoints: cluster.endpoints, tls })
    await store.transact({ then: [put('a', bytes('1'))] })
    await store.close()
  })

  test('by an address that names the files', async () => {
    const files = `ca=${authority!.own.certFile}&cert=${client.certFile}&key=${client.keyFile}`
    const address = parseStoreUrl(`etcds://${cluster.endpoints[0]}/by-address?${files}`)
    assert.ok(address.type === 'etcd')
    const store = patient(await openEtcdAddress(address, { timeoutMs: patienceMs }))
    await store.transact({ then: [put('a', bytes('1'))] })
    await store.close()
    const { ca: _, ...rest } = address.tls!
    const missing = openEtcdAddress({ ...address, tls: { ...rest, ca: 'no-such-file.pem' } })
    assert.equal(await errorCode(missing), 'STORE_REFUSED')
  })

  test('an authority that is not trusted', async () => {
    const tls = { ca: stranger.own.cert, cert: client.cert, key: client.key }
    const error = await refusal({ endpoints: cluster.endpoints, tls })
    assert.equal(error.code, 'STORE_REFUSED', error.message)
    assert.ok(error.cause !== undefined)
  })

  test('a certificate for another host', async () => {
    const tls = { ca: authority!.own.cert, cert: client.cert, key: client.key }
    const endpoint = cluster.endpoints[0]!.replace('127.0.0.1', 'localhost')
    const error = await refusal({ endpoints: [endpoint], tls })
    assert.equal(error.code, 'STORE_REFUSED', error.message)
  })

  test('no certificate where one is asked for', async () => {
    const error = await refusal({ endpoints: cluster.endpoints, tls: { ca: authority!.own.cert } })
    assert.equal(error.code, 'STORE_REFUSED', error.message)
  })

  test('a certificate of another authority', async () => {
    const foreign = await stranger.issue('client', 'DNS:client')
    const tls = { ca: authority!.own.cert, cert: foreign.cert, key: foreign.key }
    const error = await refusal({ endpoints: cluster.endpoints, tls })
    assert.equal(error.code, 'STORE_REFUSED', error.message)
  })

  test('no TLS where it is asked for, and TLS where there is none', async () => {
    await unreachable({ endpoints: cluster.endpoints })
    assert.ok('path' in provided)
    const plain = await EtcdCluster.start({ path: provided.path })
    try {
      const tls = { ca: authority!.own.cert }
      const error = await unreachable({ endpoints: plain.endpoints, tls })
      assert.match(error.message, /TLS/)
    } finally {
      await plain.stop()
    }
  })

  test('files that are no certificates', async () => {
    const tls = { ca: bytes('no certificate'), cert: bytes('x'), key: bytes('y') }
    assert.equal((await refusal({ endpoints: cluster.endpoints, tls })).code, 'STORE_REFUSED')
  })
})
