import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, test } from 'node:test'
import { VertigoError } from '../../../src/base/errors.ts'
import { httpSink } from '../../../src/connectors/http-sink.ts'
import { kindDefinition } from '../../../src/component/kind.ts'
import { systemClock } from '../../../src/base/clock.ts'
import type { Sink } from '../../../src/component/sink.ts'

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
})

/** A server that answers with these, one after the other; 0: it hangs up. */
async function answering(...statuses: readonly number[]): Promise<{ url: string; keys: string[] }> {
  const keys: string[] = []
  const left = [...statuses]
  const server = createServer((request, response) => {
    keys.push(request.headers['idempotency-key'] as string)
    const status = left.length > 1 ? left.shift()! : left[0]!
    request.resume()
    if (status === 0) response.destroy()
    else response.writeHead(status).end()
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/rows`, keys }
}

/** The sink as an instance of a network with snapshots has it. */
function sinkOf(url: string, more: object = {}): Sink {
  const definition = kindDefinition(httpSink)
  const { signal } = new AbortController()
  const context = {
    clock: systemClock,
    component: 'out',
    config: { url, method: 'POST', headers: {}, batch: 1, timeoutMs: 30_000, ...more },
    inputs: {},
    publishes: 'with-snapshots',
    signal,
    writer: 'test/net/out/0',
  }
  return (definition.setup as unknown as (given: object) => { sink: Sink })(context).sink
}

const batch = { writer: 'test/net/out/0', snapshot: { incarnation: 1, id: 4 }, staged: ['"a"', '"b"'] }

async function failing(sink: Sink): Promise<VertigoError> {
  try {
    await sink.commit(batch)
  } catch (error) {
    assert.ok(error instanceof VertigoError, String(error))
    return error
  }
  throw new Error('it was taken')
}

for (const status of [408, 425, 429, 500, 503])
  test(`SINK_UNREACHABLE: an answer of ${status} is to be tried again, with the same keys`, async () => {
    const { url, keys } = await answering(status, 204)
    const sink = sinkOf(url)
    const { code, message, retryable, place } = await failing(sink)
    assert.deepEqual([code, retryable, place.component], ['SINK_UNREACHABLE', true, 'out'])
    assert.equal(message, `out: ${new URL(url).origin} answers ${status}.`)
    await sink.commit(batch)
    const key = 'test/net/out/0/1/4'
    assert.deepEqual(keys, [`${key}/0`, `${key}/0`, `${key}/1`])
  })

test('SINK_UNREACHABLE: a server that hangs up, is not there, or does not answer', async () => {
  const { url } = await answering(0)
  const hungUp = await failing(sinkOf(url))
  assert.deepEqual([hungUp.code, hungUp.retryable], ['SINK_UNREACHABLE', true])
  assert.match(hungUp.message, /^out: http:\S+ did not answer: /)

  const gone = await answering(204)
  const server = servers.pop()!
  server.close()
  await once(server, 'close')
  assert.match((await failing(sinkOf(gone.url))).message, /did not answer: .*ECONNREFUSED/)

  const silent = createServer(() => undefined)
  servers.push(silent)
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const late = await failing(sinkOf(`http://127.0.0.1:${port}/`, { timeoutMs: 50 }))
  assert.deepEqual([late.code, late.retryable], ['SINK_UNREACHABLE', true])
  assert.match(late.message, /no answer within 50 ms/)
})

for (const status of [301, 400, 404, 409])
  test(`SINK_REFUSED: an answer of ${status} is not tried again`, async () => {
    const { url } = await answering(status)
    const { code, retryable } = await failing(sinkOf(url))
    assert.deepEqual([code, retryable], ['SINK_REFUSED', false])
  })
