import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, test } from 'node:test'
import type { Logger } from '../../../src/component/index.ts'
import { httpIntake } from '../../../src/connectors/http/intake.ts'
import { eventually } from '../../support/eventually.ts'
import { configFaults, RunningSource } from './support.ts'

const json = { 'content-type': 'application/json' }
const lines = { 'content-type': 'application/x-ndjson' }

const opened: Intake[] = []
afterEach(() => Promise.all(opened.splice(0).map((intake) => intake.close())))

/** A source that listens, and is polled when the test says so. */
class Intake {
  readonly source: RunningSource
  readonly url: string

  private constructor(source: RunningSource, url: string) {
    this.source = source
    this.url = url
  }

  static async open(config: object = {}): Promise<Intake> {
    let url: string | undefined
    const info = (message: string): void => void (url = /http:\S+/.exec(message)?.[0])
    const write = (): void => undefined
    const log: Logger = { fatal: write, error: write, warn: write, info, debug: write, trace: write }
    const source = await RunningSource.open(httpIntake, { config: { port: 0, ...config }, extra: { log } })
    assert.equal(await source.poll(), 'more')
    const intake = new Intake(source, url!)
    opened.push(intake)
    return intake
  }

  /** Takes what comes, until it is closed. */
  take(): void {
    const polling = async (): Promise<void> => {
      while ((await this.source.poll()) === 'more');
    }
    polling().catch(assert.fail)
  }

  post(body: string, headers: Record<string, string> = json, path = ''): Promise<Response> {
    return fetch(this.url + path, { method: 'POST', headers, body })
  }

  get messages(): readonly unknown[] {
    return this.source.output.messages
  }

  close(): Promise<void> {
    return this.source.close()
  }
}

async function statusOf(answer: Promise<Response>): Promise<number> {
  const response = await answer
  await response.arrayBuffer()
  return response.status
}

test('http-intake: one message, or one a line, in the order of the requests', async () => {
  const intake = await Intake.open({ path: '/in' })
  intake.take()
  assert.match(intake.url, /^http:\/\/127\.0\.0\.1:\d+\/in$/)
  const response = await intake.post('{"id":1}')
  assert.deepEqual([response.status, await response.json()], [200, { messages: 1 }])
  const batch = await intake.post('{"id":2}\n\n"three"\r\n[4]\n', lines)
  assert.deepEqual([batch.status, await batch.json()], [200, { messages: 3 }])
  assert.equal(await statusOf(intake.post('', lines)), 200)
  assert.deepEqual(intake.messages, [{ id: 1 }, { id: 2 }, 'three', [4]])
})

test('http-intake: what is no message is refused by name, and nothing of it is taken', async () => {
  const intake = await Intake.open({ path: '/in', bodyBytesMax: 1000, batchMessagesMax: 3, token: 'secret' })
  intake.take()
  const allowed = { authorization: 'Bearer secret' }
  const status = (body: string, headers: Record<string, string>, path?: string): Promise<number> =>
    statusOf(intake.post(body, { ...allowed, ...headers }, path))
  assert.equal(await status('{"id":', json), 400)
  assert.equal(await status('1\n{\n', lines), 400)
  assert.equal(await status(String.raw`"half \ud83d"`, json), 400)
  assert.equal(await status('1\n{"a":{"__proto__":1}}\n', lines), 400)
  assert.equal(await status('['.repeat(300) + ']'.repeat(300), json), 400)
  assert.equal(await status('1\n2\n3\n4\n', lines), 413)
  assert.equal(await status(JSON.stringify('x'.repeat(1000)), json), 413)
  assert.equal(await status('1', { 'content-type': 'text/plain' }), 415)
  assert.equal(await status('1', { ...json, 'content-encoding': 'gzip' }), 415)
  assert.equal(await status('1', { ...json, origin: 'http://127.0.0.1' }), 403)
  assert.equal(await status('1', json, '/other'), 404)
  assert.equal(await statusOf(fetch(intake.url, { headers: allowed })), 405)
  assert.equal(await statusOf(intake.post('1')), 401)
  assert.equal(await statusOf(intake.post('1', { ...json, authorization: 'Bearer other' })), 401)
  assert.deepEqual(intake.messages, [])
  assert.equal(await status('1', json), 200)
  assert.deepEqual(intake.messages, [1])
})

test('http-intake: a body without a length is cut off where it is too large', async () => {
  const intake = await Intake.open({ bodyBytesMax: 1000 })
  intake.take()
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode('"x"\n'.repeat(100))),
  })
  const answer = fetch(intake.url, { method: 'POST', headers: lines, body, duplex: 'half' })
  const status = await statusOf(answer).catch(() => 'cut off')
  assert.ok(status === 413 || status === 'cut off', String(status))
  assert.deepEqual(intake.messages, [])
})

test('http-intake: with as much waiting as may, 429; what is not taken in time, 503, and never sent', async () => {
  const intake = await Intake.open({ queueMessagesMax: 2, timeoutMs: 300 })
  const first = intake.post('1\n2', lines)
  let second: Response | undefined
  await eventually('there is no room', async () => {
    second = await intake.post('3')
    return second.status === 429
  })
  assert.equal(second!.headers.get('retry-after'), '1')
  const late = await first
  assert.equal(late.status, 503)
  assert.equal(late.headers.get('retry-after'), '1')
  intake.take()
  assert.equal(await statusOf(intake.post('4')), 200)
  assert.ok(!intake.messages.includes(1) && !intake.messages.includes(2))
})

test('http-intake: bodies are bounded together', async () => {
  const intake = await Intake.open({ queueBytesMax: 100, timeoutMs: 2000 })
  const first = intake.post(JSON.stringify('x'.repeat(80)))
  await eventually(
    'there is no room',
    async () => (await statusOf(intake.post(JSON.stringify('y'.repeat(80))))) === 429,
  )
  intake.take()
  assert.equal(await statusOf(first), 200)
  assert.equal(await statusOf(intake.post(JSON.stringify('z'.repeat(80)))), 200)
})

test('http-intake: a port that is taken is waited for, since the copy before may be about to close', async () => {
  const other = createServer()
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const source = await RunningSource.open(httpIntake, { config: { port } })
  const listening = source.poll()
  other.close()
  assert.equal(await listening, 'more')
  await source.close()
})

test('http-intake: at its end it takes no more requests, and answers those that it has', async () => {
  const intake = await Intake.open()
  const waiting = intake.post('1')
  await eventually('the message is there', async () => {
    // What waits is known when it is taken.
    const polled = intake.source.poll()
    return polled === 'more'
  })
  assert.equal(await statusOf(waiting), 200)
  const late = intake.post('2')
  await intake.close()
  const status = await statusOf(late).catch(() => 'cut off')
  assert.ok(status === 503 || status === 'cut off', String(status))
  assert.deepEqual(intake.messages, [1])
})

test('http-intake: faults of the configuration name the field', async () => {
  assert.deepEqual(await configFaults(httpIntake, { port: 70_000, path: 'in', batchMessagesMax: 2000 }), [
    'port: must be a whole number from 0 to 65535',
    'path: must begin with "/"',
    'batchMessagesMax: must be a whole number from 1 to 1000',
  ])
})
