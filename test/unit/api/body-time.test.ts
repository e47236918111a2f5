import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { bytesMin, limitBody } from '../../../src/api/body-time.ts'
import { Http } from '../../../src/api/http.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import { TestClock } from '../../../src/testkit/test-clock.ts'
import { eventually } from '../../support/eventually.ts'

const limitMs = 1_000

interface Held {
  readonly clock: TestClock
  readonly asking: ReturnType<typeof request>
  readonly received: () => number
  readonly isCut: () => boolean
}

async function listening(t: TestContext, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** A request whose body is on its way, and what the server has of it. */
async function held(t: TestContext, isForRate: boolean, length = 100): Promise<Held> {
  const clock = new TestClock()
  let bytes = 0
  let isCut = false
  const server = createServer((incoming) => {
    limitBody(incoming, { clock, limitMs, isForRate }, () => (isCut = true))
    incoming.on('data', (part: Buffer) => (bytes += part.length))
  })
  const address = await listening(t, server)
  const asking = request(address, { method: 'PUT', headers: { 'content-length': String(length) } })
  asking.on('error', () => undefined)
  asking.write('x')
  await eventually('the first byte is there', () => bytes === 1)
  return { clock, asking, received: () => bytes, isCut: () => isCut }
}

test('a body may take as long as it likes while enough of it comes, and no longer', async (t) => {
  const { clock, asking, received, isCut } = await held(t, true, bytesMin * 100)
  for (let n = 1; n <= 12; n++) {
    asking.write('x'.repeat(bytesMin))
    await eventually(`part ${n} is there`, () => received() === 1 + n * bytesMin)
    clock.advance(limitMs * 0.7)
    assert.ok(!isCut(), `after ${n} parts`)
  }
  clock.advance(limitMs * 1.3)
  assert.ok(isCut())
})

for (const [what, part] of [
  ['byte by byte', 1],
  ['by a little less than enough', bytesMin / 8],
] as const)
  test(`a body that comes ${what} is given up`, async (t) => {
    const { clock, asking, received, isCut } = await held(t, true, bytesMin * 100)
    for (let n = 1; n <= 4; n++) {
      assert.ok(!isCut(), `before part ${n}`)
      asking.write('x'.repeat(part))
      await eventually(`part ${n} is there`, () => received() === 1 + n * part)
      clock.advance(limitMs / 4)
    }
    assert.ok(isCut())
  })

test('a small body is not given up for being small', async (t) => {
  const { clock, asking, received, isCut } = await held(t, true)
  clock.advance(limitMs * 0.9)
  asking.end('x'.repeat(99))
  await eventually('all is there', () => received() === 100)
  clock.advance(limitMs * 10)
  assert.ok(!isCut())
})

test('where the limit is for the whole, bytes that come change nothing', async (t) => {
  const { clock, asking, received, isCut } = await held(t, false)
  clock.advance(limitMs * 0.7)
  asking.write('x')
  await eventually('a second byte is there', () => received() === 2)
  assert.ok(!isCut())
  clock.advance(limitMs * 0.7)
  assert.ok(isCut())
})

test('what has come whole is not cut, however long its answer takes', async (t) => {
  const { clock, asking, received, isCut } = await held(t, false)
  asking.end('x'.repeat(99))
  await eventually('all is there', () => received() === 100)
  clock.advance(limitMs * 10)
  assert.ok(!isCut())
})

test('an upload may take longer than its limit while it goes on; one that stands still is given up', async (t) => {
  const mebibyte = 1024 * 1024
  const clock = new TestClock()
  let incoming: IncomingMessage | undefined
  let answer: () => void = () => undefined
  const server = createServer((request, reply) => {
    incoming = request
    answer = () => void reply.setHeader('content-type', 'application/json').end('{ "there": true }')
  })
  const http = new Http({ address: (await listening(t, server)).slice(0, -1), clock })
  const upload = {
    method: 'PUT',
    path: '/',
    bytes: new Uint8Array(48 * mebibyte),
    timeoutMs: limitMs,
  } as const
  /** Much of it: so the client has sent more since. */
  const take = async (wanted: number): Promise<void> => {
    const from = await eventually('a request is there', () => incoming)
    await new Promise<void>((resolve) => {
      let bytes = 0
      const onData = (part: Buffer): void => {
        bytes += part.length
        if (bytes < wanted) return
        from.off('data', onData).pause()
        resolve()
      }
      from.on('data', onData).resume()
    })
  }
  const sending = http.json(upload)
  for (let step = 0; step < 6; step++) {
    await take(7 * mebibyte)
    clock.advance(limitMs * 0.7)
  }
  incoming?.resume()
  answer()
  assert.deepEqual(await sending, { there: true })

  incoming = undefined
  let failure: unknown
  http.json(upload).catch((error: unknown) => (failure = error))
  await take(7 * mebibyte)
  // Nothing more is taken: the buffers fill up, and then nothing is sent.
  await eventually('it is given up', () => {
    clock.advance(limitMs / 2)
    return failure
  })
  assert.ok(isVertigoError(failure) && failure.code === 'API_TIMEOUT', String(failure))
})
