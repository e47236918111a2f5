import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FakeCluster } from '../../fixtures/api/fake-cluster.ts'
import { within } from '../../support/eventually.ts'
import { ask, cluster, network } from './support.ts'

/** Sends bytes as they are; gives what comes back until the other end closes. */
async function raw(address: string, text: string | Uint8Array): Promise<string> {
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname)
  socket.setEncoding('utf8')
  let answer = ''
  socket.on('data', (more: string) => {
    answer += more
  })
  // The other end may close while we write.
  socket.on('error', () => undefined)
  socket.end(text)
  await once(socket, 'close')
  return answer
}

async function lives({ server }: FakeCluster): Promise<void> {
  assert.deepEqual((await ask(server.address, 'GET', '/v1/health')).body, { ok: true })
}

const json = { 'content-type': 'application/json' }

test('requests that do not fit are answered with an error of one form; the node lives', async (t) => {
  const held = await cluster(t)
  const { address } = held.server
  const { part, kinds } = network(['a'])
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  const cases: readonly (readonly [
    string,
    string,
    string | undefined,
    Record<string, string>,
    number,
    string,
  ])[] = [
    ['GET', '/', undefined, {}, 404, 'API_ROUTE_UNKNOWN'],
    ['GET', '/v1/nothing', undefined, {}, 404, 'API_ROUTE_UNKNOWN'],
    ['GET', '/v1/networks/a/b/c', undefined, {}, 404, 'API_ROUTE_UNKNOWN'],
    ['GET', '/v1/networks/%', undefined, {}, 400, 'API_REQUEST_INVALID'],
    ['GET', '/v1/networks/%ff', undefined, {}, 400, 'API_REQUEST_INVALID'],
    ['GET', `/v1/networks/${'n'.repeat(600)}`, undefined, {}, 400, 'API_REQUEST_INVALID'],
    ['PUT', '/v1/networks', '{}', json, 405, 'API_METHOD_UNKNOWN'],
    ['DELETE', '/v1/nodes', undefined, {}, 405, 'API_METHOD_UNKNOWN'],
    ['PATCH', '/v1/networks/net', '{}', json, 405, 'API_METHOD_UNKNOWN'],
    ['GET', '/v1/networks?more=1', undefined, {}, 400, 'API_REQUEST_INVALID'],
    ['GET', '/v1/events?after=-1', undefined, {}, 400, 'API_REQUEST_INVALID'],
    ['GET', '/v1/events?after=1&after=2', undefined, {}, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks', undefined, {}, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks', '', json, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks', '{', json, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks', 'null', json, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks', '[]', json, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks', '{}', json, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks', deep, json, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks', '{"__proto__":{"a":1},"part":{},"kinds":{}}', json, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks', '{"part":{},"kinds":{},"mode":"some"}', json, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks', '{"part":{},"kinds":{},"expected":"1"}', json, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks', '{"part":{},"kinds":{},"more":1}', json, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks', '{"part":{},"kinds":{}}', json, 422, 'NETWORK_INVALID'],
    ['POST', '/v1/networks', `{"part":${deep},"kinds":{}}`, json, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks', `{"part":{"name":${deep}},"kinds":{}}`, json, 422, 'NETWORK_INVALID'],
    [
      'POST',
      '/v1/networks',
      JSON.stringify({ part, kinds }).replace('"log"', `"log","config":{"a":${deep}}`),
      json,
      422,
      'NETWORK_INVALID',
    ],
    ['POST', '/v1/networks', '{}', { 'content-type': 'text/plain' }, 400, 'API_REQUEST_INVALID'],
    ['POST', '/v1/networks', '{}', { 'content-type': 'no type' }, 400, 'API_REQUEST_INVALID'],
    ['PUT', '/v1/config', `{"quorum":1${' '.repeat(100_000)}}`, json, 413, 'API_REQUEST_TOO_LARGE'],
    ['PUT', '/v1/config', '{"quorum":1.5}', json, 400, 'API_REQUEST_INVALID'],
    ['PUT', '/v1/config', '{"quorum":"1"}', json, 400, 'API_REQUEST_INVALID'],
  ]
  for (const [method, path, text, headers, status, code] of cases) {
    const answer = await ask(address, method, path, { headers, ...(text !== undefined && { text }) })
    const { error } = answer.body as { error: { code: string; remedy: string } }
    const what = `${method} ${path.slice(0, 40)} ${text?.slice(0, 80)}`
    assert.deepEqual([answer.status, error.code], [status, code], `${what}: ${JSON.stringify(answer.body)}`)
    assert.ok(error.remedy.length > 0)
  }
  const { headers } = await ask(address, 'DELETE', '/v1/networks')
  assert.equal(headers.get('allow'), 'GET, POST')
  await lives(held)
  assert.deepEqual(held.troubles, [])
  assert.deepEqual((await ask(address, 'GET', '/v1/networks')).body, [])
})

test('a body without end is cut off', async (t) => {
  const held = await cluster(t)
  const { address } = held.server
  const huge = '{"part":"' + 'x'.repeat(17 * 1024 * 1024)
  const answer = await ask(address, 'POST', '/v1/networks', { text: huge, headers: json })
  assert.equal(answer.status, 413)
  await lives(held)
})

for (const [what, host] of [
  ['is taken', ''],
  ['was refused before it came', 'elsewhere'],
] as const)
  test(`a body that comes one byte at a time is given up, also where it ${what}`, async (t) => {
    const requestMsMax = 1_800
    const held = await cluster(t, { requestMsMax })
    const { hostname, port, host: own } = new URL(held.server.address)
    const socket = connect(Number(port), hostname)
    // By a reset, as it never ends its half itself.
    const closed = new Promise<void>((resolve) => {
      socket.on('close', () => resolve())
    })
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    socket.write(
      `POST /v1/networks HTTP/1.1\r\nhost: ${host || own}\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n`,
    )
    const bytes = setInterval(() => socket.write(' '), 50)
    t.after(() => {
      clearInterval(bytes)
      socket.destroy()
    })
    await within('the node closes the connection', 20_000, closed)
    assert.deepEqual(held.troubles, [])
    await lives(held)
  })

/** Another process: in one with the node, the two would take turns. */
const askOften = `
  const [address, rounds] = process.argv.slice(1)
  const body = '{"part":"' + 'x'.repeat(20 * 1024 * 1024)
  const headers = { 'content-type': 'application/json' }
  for (let n = 0; n < Number(rounds); n++) {
    const response = await fetch(address + '/v1/networks', { method: 'POST', body, headers })
    const { error } = await response.json()
    console.log(response.status, error.code)
  }`

test('who sends too much hears that, and no broken connection', async (t) => {
  const held = await cluster(t)
  const rounds = 20
  const args = ['--input-type=module', '-e', askOften, held.server.address, String(rounds)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  await once(child, 'close')
  assert.equal(said, '413 API_REQUEST_TOO_LARGE\n'.repeat(rounds))
  await lives(held)
})

test('what is no HTTP is refused on its own; the node lives', async (t) => {
  const held = await cluster(t)
  const { address } = held.server
  const cases: readonly (readonly [string | Uint8Array, RegExp])[] = [
    ['hello\r\n\r\n', /^HTTP\/1\.1 400 [^]*API_REQUEST_INVALID/],
    ['GET /v1/health HTTP/9.9\r\n\r\n', /^HTTP\/1\.1 (400|505)/],
    ['GET /v1/health HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400/],
    [`GET /v1/health HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`, /^HTTP\/1\.1 431/],
    [
      'POST /v1/networks HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n',
      /^HTTP\/1\.1 400/,
    ],
    [Uint8Array.from([0x16, 3, 1, 0, 0xa5, 1, 0, 0, 0xa1, 3, 3]), /^HTTP\/1\.1 400/],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^HTTP\/1\.1 (400|404|405|505)/],
  ]
  for (const [bytes, expected] of cases)
    assert.match(await raw(address, bytes), expected, String(bytes).slice(0, 60))
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
      await raw(address, bytes)
    }),
    { numRuns: 60 },
  )
  await lives(held)
  assert.deepEqual(held.troubles, [])
})

test('property: any JSON in place of a network is refused without trouble', async (t) => {
  const held = await cluster(t)
  const { address } = held.server
  const whole = network(['a', 'b']) as unknown as Record<string, unknown>
  const places = [
    'part',
    'part.name',
    'part.components',
    'part.components.a',
    'part.components.a.kind',
    'part.components.a.config',
    'part.components.a.instances',
    'part.connections',
    'part.connections.0',
    'part.connections.0.from',
    'part.connections.0.selector',
    'part.initial',
    'part.exports',
    'kinds',
    'kinds.a',
    'kinds.a.inputs',
  ]
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...places), fc.jsonValue({ maxDepth: 3 }), async (place, value) => {
      const body = structuredClone(whole)
      const path = place.split('.')
      let at = body
      for (const step of path.slice(0, -1)) at = at[step] as Record<string, unknown>
      at[path.at(-1)!] = value
      const answer = await ask(address, 'POST', '/v1/networks', { json: body })
      assert.ok([200, 400, 422, 409].includes(answer.status), `${place}: ${JSON.stringify(answer)}`)
    }),
    { numRuns: 300 },
  )
  assert.deepEqual(held.troubles, [])
})
