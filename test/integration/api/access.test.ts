import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { test } from 'node:test'
import { parseTokens } from '../../../src/api/index.ts'
import { FakeCluster } from '../../fixtures/api/fake-cluster.ts'
import { ask, cluster, network } from './support.ts'

const tokens = parseTokens(
  'viewer screen viewer-token-0123456789\noperator ci operator-token-0123456789\nadmin root admin-token-0123456789\n',
  'tokens',
)
const bearer = (role: string): Record<string, string> => ({
  authorization: `Bearer ${role}-token-0123456789`,
})

test('roles decide what may be asked, before a body is read', async (t) => {
  const { server } = await cluster(t, { tokens })
  const codes = async (method: string, path: string, json?: unknown): Promise<unknown[]> => {
    const found: unknown[] = []
    for (const headers of [{}, bearer('wrong'), bearer('viewer'), bearer('operator'), bearer('admin')]) {
      const { status } = await ask(server.address, method, path, {
        headers,
        ...(json !== undefined && { json }),
      })
      found.push(status)
    }
    return found
  }
  assert.deepEqual(await codes('GET', '/v1/health'), [200, 200, 200, 200, 200])
  assert.deepEqual(await codes('GET', '/v1/nodes'), [401, 401, 200, 200, 200])
  assert.deepEqual(await codes('POST', '/v1/networks', network(['a'])), [401, 401, 403, 200, 200])
  assert.deepEqual(await codes('PUT', '/v1/config', {}), [401, 401, 403, 403, 200])
  assert.deepEqual(await codes('POST', '/v1/nodes/n2/drain'), [401, 401, 403, 200, 200])
  assert.deepEqual(await codes('GET', '/v1/networks/none/watch'), [401, 401, 404, 404, 404])
  const missing = await ask(server.address, 'GET', '/v1/nodes')
  assert.equal(missing.headers.get('www-authenticate'), 'Bearer')
  const { body } = await ask(server.address, 'GET', '/v1/networks/net/versions', {
    headers: bearer('viewer'),
  })
  assert.equal((body as { by: string }[])[0]?.by, 'ci')
  // More than the limit, from one who may not: refused without it being taken.
  const huge = await ask(server.address, 'POST', '/v1/networks', { text: `"${'x'.repeat(100_000)}"` })
  assert.equal(huge.status, 401)
})

/** `fetch` sets the header `host` by itself. */
async function askAs(address: string, headers: Record<string, string>): Promise<number | undefined> {
  const asking = request(`${address}/v1/nodes`, { headers })
  asking.end()
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode
}

test('without tokens, names and pages from elsewhere are refused', async (t) => {
  const { server } = await cluster(t)
  const { address } = server
  const { host } = new URL(address)
  assert.equal(await askAs(address, {}), 200)
  assert.equal(await askAs(address, { host: host.replace('127.0.0.1', 'localhost') }), 200)
  assert.equal(await askAs(address, { host: 'rebound.example' }), 403)
  assert.equal(await askAs(address, { origin: 'http://page.example' }), 403)
  assert.equal(await askAs(address, { origin: address }), 200)
  assert.equal(await askAs(address, { 'sec-fetch-site': 'cross-site' }), 403)
})

test('a port that is taken, and an address that others reach, are refused', async (t) => {
  const { server } = await cluster(t)
  const port = Number(new URL(server.address).port)
  await assert.rejects(FakeCluster.start({ port }), { code: 'API_ADDRESS_UNFIT', message: /another process/ })
  await assert.rejects(FakeCluster.start({ host: '0.0.0.0' }), { code: 'API_OPEN' })
})
