import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type TestContext, test } from 'node:test'
import { ApiClient, apiAddress, parseTokens } from '../../../src/api/index.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import { FakeCluster } from '../../fixtures/api/fake-cluster.ts'
import { eventually } from '../../support/eventually.ts'
import { cluster, network } from './support.ts'

async function server(t: TestContext, listener: RequestListener): Promise<string> {
  const answering = createServer(listener)
  answering.listen(0, '127.0.0.1')
  await once(answering, 'listening')
  t.after(() => {
    answering.closeAllConnections()
    answering.close()
  })
  return `http://127.0.0.1:${(answering.address() as { port: number }).port}`
}

const clock = systemClock

test('errors of the node come out as they went in', async (t) => {
  const held = await cluster(t)
  const client = new ApiClient({ address: held.server.address, clock, user: 'kim' })
  await assert.rejects(client.status('none'), { code: 'NETWORK_UNKNOWN', exitCode: 2 })
  const { part, kinds } = network(['a'])
  const wrong = { ...part, connections: [{ from: 'numbers.none', to: 'a.in', base: 'file:///net.yaml' }] }
  await assert.rejects(client.deploy({ part: wrong, kinds }), (error) => {
    assert.ok(isVertigoError(error) && error.code === 'NETWORK_INVALID')
    const found = error.faults.map(({ code, place, remedy }) => [code, place.path, remedy.length > 0])
    assert.deepEqual(found, [['PORT_UNKNOWN', 'connections[0].from', true]])
    return true
  })
  assert.deepEqual(await client.deploy({ part, kinds }, { mode: 'replace' }), { name: 'net', version: 1 })
  await assert.rejects(client.scale('net', 'a', 2, { expected: 7 }), { code: 'CLUSTER_CHANGE_CONFLICT' })
  assert.deepEqual(await client.scale('net', 'a', 2, { expected: 1 }), { name: 'net', version: 2 })
  assert.equal((await client.versions('net'))[0]?.by, 'kim')
  assert.equal((await client.definition('net', 1)).version, 1)
  assert.deepEqual(
    (await client.nodes()).map(({ id }) => id),
    ['n1', 'n2'],
  )
  assert.equal((await client.events({ limit: 1 })).length, 1)
})

test('tokens are sent; a role that is not enough is told', async (t) => {
  const tokens = parseTokens('viewer screen viewer-token-0123456789', 'tokens')
  const { server } = await cluster(t, { tokens })
  const asking = (token?: string): ApiClient =>
    new ApiClient({ address: server.address, clock, ...(token !== undefined && { token }) })
  await assert.rejects(asking().nodes(), { code: 'API_TOKEN_MISSING' })
  const viewer = asking('viewer-token-0123456789')
  assert.deepEqual((await viewer.identity()).caller, { name: 'screen', role: 'viewer' })
  await assert.rejects(viewer.drain('n1'), { code: 'API_ROLE_MISSING' })
})

test('nobody there, one that is silent, and one that is no node', async (t) => {
  const gone = await server(t, () => undefined)
  const silent = new ApiClient({ address: gone, clock, timeoutMs: 50 })
  await assert.rejects(silent.nodes(), { code: 'API_TIMEOUT' })
  const nobody = new ApiClient({ address: 'http://127.0.0.1:1', clock })
  await assert.rejects(nobody.nodes(), { code: 'API_UNREACHABLE', message: /127\.0\.0\.1:1 \(\w+/ })
  const watching = nobody.watchEvents(0, new AbortController().signal)
  await assert.rejects(watching.next(), { code: 'API_UNREACHABLE' })
  for (const [status, body] of [
    [200, '<html>'],
    [502, '<html>'],
    [500, '{}'],
    [500, '{"error":5}'],
    [302, ''],
  ] as const) {
    const address = await server(t, (_, response) => {
      response.writeHead(status, { location: '/elsewhere' }).end(body)
    })
    const client = new ApiClient({ address, clock })
    const expected = { code: status === 302 ? 'API_UNREACHABLE' : 'API_ANSWER_INVALID' }
    await assert.rejects(client.nodes(), expected, `${status} ${body}`)
    await assert.rejects(client.watchEvents(0, new AbortController().signal).next(), expected)
  }
})

test('an error of a code that is not known here is told with its text', async (t) => {
  const address = await server(t, (_, response) => {
    response.writeHead(418).end('{"error":{"code":"NEW_CODE","message":"of a newer node","remedy":"do"}}')
  })
  await assert.rejects(new ApiClient({ address, clock }).nodes(), {
    code: 'API_ANSWER_INVALID',
    message: 'NEW_CODE: of a newer node',
    remedy: 'do',
  })
})

test('addresses, as people write them', () => {
  assert.equal(apiAddress('http://localhost:7411/'), 'http://localhost:7411')
  assert.equal(apiAddress('node-1:7411'), 'http://node-1:7411')
  assert.equal(apiAddress('https://example.org/vertigo/'), 'https://example.org/vertigo')
  for (const text of ['', 'http://', 'a b', 'http://u:p@host'])
    assert.throws(() => apiAddress(text), { code: 'USAGE' }, text)
})

test('who closes the connection gives up what waits: a message for room, a request for its answer', async (t) => {
  const calls: { readonly what: string; readonly signal: AbortSignal }[] = []
  const waiting = (what: string, signal: AbortSignal | undefined): Promise<never> => {
    assert.ok(signal !== undefined)
    calls.push({ what, signal })
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error))
    })
  }
  const held = await FakeCluster.start(
    {},
    {
      ports: {
        check: async () => undefined,
        send: (_, __, ___, options) => waiting('send', options?.signal),
        async *read() {
          // Nothing ever comes.
        },
        request: (_, request) => waiting('request', request.signal),
      },
    },
  )
  t.after(() => held.close())
  const body = { port: 'in', message: { id: 1 } }
  for (const [what, path, json] of [
    ['send', '/v1/networks/net/ports/in', 1],
    ['request', '/v1/networks/net/request', body],
  ] as const) {
    const leaving = new AbortController()
    const asking = fetch(`${held.server.address}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(json),
      signal: leaving.signal,
    })
    asking.catch(() => undefined)
    const call = await eventually(`the node is asked to ${what}`, () =>
      calls.find((one) => one.what === what),
    )
    assert.ok(!call.signal.aborted)
    leaving.abort()
    await eventually(`it gives up to ${what}`, () => call.signal.aborted)
  }
  assert.deepEqual(held.troubles, [])
  assert.equal((await fetch(`${held.server.address}/v1/health`)).status, 200)
})
