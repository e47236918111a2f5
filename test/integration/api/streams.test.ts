import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { ApiClient } from '../../../src/api/index.ts'
import { EventParser } from '../../../src/api/event-parser.ts'
import { systemClock } from '../../../src/base/clock.ts'
import type { FakeCluster } from '../../fixtures/api/fake-cluster.ts'
import { cluster, network } from './support.ts'

function deadline<T>(promise: Promise<T>, what: string): Promise<T> {
  return Promise.race([
    promise,
    new Promise<never>((_, reject) => {
      const late = setTimeout(() => reject(new Error(`not within 30 s: ${what}`)), 30_000)
      late.unref()
    }),
  ])
}

/** A proxy whose connections can be cut. */
async function proxy(t: TestContext, address: string): Promise<{ address: string; cut(): void }> {
  const { hostname, port } = new URL(address)
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  t.after(() => {
    server.close()
    cut()
  })
  const { port: own } = server.address() as { port: number }
  return { address: `http://127.0.0.1:${own}`, cut }
}

test('the status of a network: now, after each change, until it is forgotten; over broken connections', async (t) => {
  const held = await cluster(t)
  const between = await proxy(t, held.server.address)
  const client = new ApiClient({ address: between.address, clock: systemClock })
  const direct = new ApiClient({ address: held.server.address, clock: systemClock })
  await direct.deploy(network(['a']))
  const ending = new AbortController()
  t.after(() => ending.abort())
  const statuses = client.watchNetwork('net', ending.signal)
  const seen: string[] = []
  const until = async (wanted: string): Promise<void> => {
    for (;;) {
      const { value, done } = await deadline(statuses.next(), `${wanted} after ${seen.join(', ')}`)
      assert.ok(done !== true, `ended before ${wanted}`)
      const text = value === undefined ? 'gone' : `${value.version} ${value.state}`
      seen.push(text)
      if (text === wanted) return
    }
  }
  await until('1 running')
  between.cut()
  await direct.scale('net', 'a', 2)
  await until('2 running')
  between.cut()
  between.cut()
  await direct.undeploy('net')
  await until('2 stopped')
  await direct.forget('net')
  await until('gone')
  assert.deepEqual(await statuses.next(), { value: undefined, done: true })
})

test('events: from a number on, then as they come; none twice and none left out over broken connections', async (t) => {
  const held = await cluster(t)
  const between = await proxy(t, held.server.address)
  const client = new ApiClient({ address: between.address, clock: systemClock })
  const append = (text: string): Promise<void> => held.events.append({ type: 'test', text })
  for (const text of ['a', 'b', 'c']) await append(text)
  const ending = new AbortController()
  t.after(() => ending.abort())
  const events = client.watchEvents(2, ending.signal)
  const next = async (): Promise<string> => {
    const { value } = await deadline(events.next(), 'an event')
    assert.ok(value !== undefined)
    return `${value.number} ${value.text}`
  }
  assert.deepEqual([await next(), await next()], ['3 b', '4 c'])
  between.cut()
  await append('d')
  await append('e')
  assert.deepEqual([await next(), await next()], ['5 d', '6 e'])
  await append('f')
  assert.equal(await next(), '7 f')
})

test('a stream begins with what its reader has not seen', async (t) => {
  const held = await cluster(t)
  const client = new ApiClient({ address: held.server.address, clock: systemClock })
  await client.deploy(network(['a']))
  const read = async (headers: Record<string, string>, change: () => Promise<unknown>): Promise<string> => {
    const ending = new AbortController()
    const response = await fetch(`${held.server.address}/v1/networks/net/watch`, {
      headers,
      signal: ending.signal,
    })
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    await change()
    const parser = new EventParser()
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const [first] = parser.push(chunk)
      if (first === undefined) continue
      ending.abort()
      return `${first.id} ${(JSON.parse(first.data) as { version: number }).version}`
    }
    assert.fail('the stream ended')
  }
  for await (const status of client.watchNetwork('net', AbortSignal.timeout(30_000)))
    if (status?.state === 'running') break
  const revision = String(held.observer.revision)
  assert.equal(await read({}, async () => undefined), `${revision} 1`)
  const scale = (): Promise<unknown> => client.scale('net', 'a', 2)
  const news = await read({ 'last-event-id': revision }, scale)
  assert.match(news, / 2$/, 'what was seen was given again')
})

/** Until the cluster has carried a version out, with all that streams hear of on the way. */
async function seen({ observer }: FakeCluster, version: number): Promise<void> {
  const late = performance.now() + 30_000
  while (observer.view.networks.get('net')?.open?.value.generation !== version) {
    assert.ok(performance.now() < late, `version ${version} was not carried out within 30 s`)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

test('a slow reader gets the last status of many, and costs no memory for those between', async (t) => {
  const held = await cluster(t)
  held.hold()
  const client = new ApiClient({ address: held.server.address, clock: systemClock })
  // Long names: what the system buffers of a connection, some megabytes, shall be little beside all that is told.
  const sinks = Array.from({ length: 400 }, (_, at) => `sink-${at}-`.padEnd(60, 'x'))
  await client.deploy(network(sinks))
  held.release()
  await seen(held, 1)
  const { hostname, port } = new URL(held.server.address)
  const socket = connect(Number(port), hostname)
  t.after(() => socket.destroy())
  socket.write('GET /v1/networks/net/watch HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await once(socket, 'readable')
  const rounds = 240
  for (let n = 0; n < rounds; n++) {
    const version = await held.management.scale('net', sinks[0]!, (n % 9) + 2, { by: 'test' })
    await seen(held, version)
  }
  let text = ''
  socket.setEncoding('utf8')
  const all = (async () => {
    for await (const chunk of socket) {
      text += String(chunk)
      if (text.includes(`"version":${rounds + 1},`)) return
    }
    assert.fail('the stream ended')
  })()
  await deadline(all, 'the last version')
  const events = text.split('\nevent: status\n').length - 1
  assert.ok(
    events >= 1 && events < rounds / 2,
    `${events} events of ${rounds} changes were kept for a reader`,
  )
})

test('a node that closes ends its streams at once', async (t) => {
  const held = await cluster(t)
  const { address } = held.server
  const response = await fetch(`${address}/v1/events/watch`)
  const reader = response.body!.getReader()
  await reader.read()
  await deadline(held.server.close(), 'the end of the server')
  const rest = (async () => {
    try {
      while (!(await reader.read()).done);
    } catch {
      // Cut is ended as well.
    }
  })()
  await deadline(rest, 'the end of the stream')
  await assert.rejects(fetch(`${address}/v1/health`))
})
