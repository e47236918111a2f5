import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { VertigoError } from '../../../src/base/errors.ts'
import type { RunningNetwork } from '../../../src/cluster.ts'
import { assertCode, start, vertigo } from '../../e2e/support.ts'
import { errorCode } from '../../support/error-code.ts'
import { eventually, within } from '../../support/eventually.ts'
import { asking, kinds, PortsWorld } from './ports-world.ts'

/** Clients of exported ports: from nodes, from programs over the API, from the command line. */

/** Reads on by itself; `reading` is fulfilled when the first message would be noticed. */
class Reading {
  readonly read: unknown[] = []
  readonly reading: Promise<void>
  readonly ended: Promise<string>
  begins = 0
  private readonly ending = new AbortController()

  constructor(t: TestContext, network: RunningNetwork, port: string) {
    let isReading = (): void => undefined
    this.reading = new Promise((resolve) => {
      isReading = resolve
    })
    const onReading = (): void => {
      this.begins++
      isReading()
    }
    const all = async (): Promise<void> => {
      const options = { onReading, signal: this.ending.signal }
      for await (const message of network.read(port, options)) this.read.push(message)
    }
    this.ended = errorCode(all())
    t.after(() => this.ending.abort())
  }

  async end(): Promise<void> {
    this.ending.abort()
    await this.ended
  }
}

test('programs send, read and ask from any node, and over the API', async (t) => {
  const world = await PortsWorld.make(t)
  const a = await world.node('a', { api: { port: 0 } })
  const b = await world.node('b')
  await world.deploy(asking)
  await world.runs('asking')

  for (const network of [a.network('asking'), b.network('asking'), world.connection.network('asking')]) {
    const [one, other] = [new Reading(t, network, 'passed'), new Reading(t, a.network('asking'), 'passed')]
    await within('it is read', 10_000, Promise.all([one.reading, other.reading]))
    await network.send('things', 'one')
    await network.sendBatch('things', [{ two: 2 }, [3], null])
    await eventually('each reader has all four', () => one.read.length === 4 && other.read.length === 4)
    assert.deepEqual(one.read, ['one', { two: 2 }, [3], null])
    assert.deepEqual(other.read, one.read)
    await Promise.all([one.end(), other.end()])

    const answers = await Promise.all(
      [1, 2, 3].map((n) =>
        network.request({
          port: 'questions',
          message: { id: `q${n}`, n },
        }),
      ),
    )
    assert.deepEqual(
      answers,
      [1, 2, 3].map((n) => ({ id: `q${n}`, twice: 2 * n })),
    )
  }

  // What is refused was not taken: nothing of it comes out.
  const network = b.network('asking')
  const reading = new Reading(t, network, 'passed')
  const answered = new Reading(t, network, 'answers')
  await within('it is read', 10_000, Promise.all([reading.reading, answered.reading]))
  const over = world.connection.network('asking')
  for (const client of [network, over]) {
    assert.equal(await errorCode(client.send('thing', 1)), 'PORT_UNKNOWN')
    assert.equal(await errorCode(client.send('passed', 1)), 'PORT_UNKNOWN')
    assert.equal(await errorCode(client.read('things').next()), 'PORT_UNKNOWN')
    const misfit = [
      { id: 'fits', n: 1 },
      { id: 'misfit', n: 'one' },
    ]
    assert.equal(await errorCode(client.sendBatch('questions', misfit)), 'MESSAGE_INVALID')
    assert.equal(await errorCode(client.send('things', 'x'.repeat(1_100_000))), 'CLIENT_MESSAGE_TOO_LARGE')
    const many = Array.from({ length: 1001 }, (_, n) => n)
    assert.equal(await errorCode(client.sendBatch('things', many)), 'CLIENT_MESSAGE_TOO_LARGE')
    assert.equal(await errorCode(client.sendBatch('things', [])), 'CLIENT_MESSAGE_INVALID')
    const ask = { port: 'questions', message: { id: 'x', n: 1 } }
    assert.equal(await errorCode(client.request({ ...ask, message: { n: 1 } })), 'MESSAGE_INVALID')
    const tooLong = client.request({ ...ask, id: 'x'.repeat(257) })
    assert.match(await errorCode(tooLong), /^(CLIENT_MESSAGE_INVALID|API_REQUEST_INVALID)$/)
    assert.equal(await client.request({ ...ask, message: { id: 'none', n: -1 } }), undefined)
    await assert.rejects(client.request({ ...ask, message: { id: 'x', n: 0.5 } }), (error: VertigoError) => {
      assert.equal(error.code, 'REQUEST_FAILED')
      assert.match(
        error.message,
        /^double\[0\] failed at port "in": no double of a half.*\{ id: 'x', n: 0.5 \}/,
      )
      assert.equal(error.place.component, 'double[0]')
      return true
    })
    // Who asks again with the same id gets the same answer: the message is not handled again.
    const again = { ...ask, id: `again ${client === over}`, message: { id: 'first', n: 1 } }
    assert.deepEqual(await client.request(again), { id: 'first', twice: 2 })
    const other = { ...again, message: { id: 'second', n: 2 } }
    assert.deepEqual(await client.request(other), { id: 'first', twice: 2 })
    const unknown = { ...ask, id: 'never asked', again: true }
    assert.equal(await errorCode(client.request(unknown)), 'REQUEST_LOST')
    const aborted = AbortSignal.abort(new Error('enough'))
    assert.match(await errorCode(client.request({ ...ask, signal: aborted })), /enough/)
  }
  const nobody = a.network('nobody')
  assert.equal(await errorCode(nobody.send('things', 1)), 'NETWORK_UNKNOWN')
  assert.equal(await errorCode(nobody.read('things').next()), 'NETWORK_UNKNOWN')
  await network.send('things', 'last')
  await network.send('questions', { id: 'last', n: 0 })
  await eventually('the last ones come', () => reading.read.length > 0 && answered.read.length > 2)
  const firsts = [0, 1].map(() => ({ id: 'first', twice: 2 }))
  assert.deepEqual([reading.read, answered.read], [['last'], [...firsts, { id: 'last', twice: 0 }]])

  // The end of the network is the end of its readers, and of nothing before it.
  await network.sendBatch(
    'things',
    Array.from({ length: 1000 }, (_, n) => n),
  )
  await world.connection.networks.undeploy('asking')
  assert.equal(await within('the reader ends', 20_000, reading.ended), 'no error')
  assert.equal(reading.read.length, 1001)
  assert.equal(await errorCode(network.send('things', 1)), 'PORT_CLOSED')
  assert.equal(await errorCode(over.send('things', 1)), 'PORT_CLOSED')
})

test('a network that is deployed again keeps its client ports; a change of them moves clients on', async (t) => {
  const world = await PortsWorld.make(t)
  const a = await world.node('a')
  await world.node('b')
  // What a change does not concern stays: with snapshots, all of the network goes back to the last one.
  const staying = asking
  const first = await world.deploy(staying)
  await world.runs('asking')
  const network = a.network('asking')
  const reading = new Reading(t, network, 'passed')
  await reading.reading

  assert.equal(await world.deploy(staying), first)
  // One more component beside them, in a generation of its own, while messages are sent.
  let sent = 0
  const over = new AbortController()
  t.after(() => over.abort())
  const sending = (async () => {
    for (; !over.signal.aborted; sent++) await network.send('things', sent)
  })()
  await world.deploy({
    ...staying,
    components: { ...asking.components, more: { kind: `${kinds}#passing` } },
    connections: [{ from: 'pass.out', to: 'more.in' }],
  })
  await world.runs('asking')
  assert.ok((await world.connection.networks.status('asking')).generation >= 2)
  const inputs = (await world.connection.networks.status('asking')).instances
  // What the port leads to is of another kind now, with a schema: the port's instance is made anew, which clients do not notice.
  await world.deploy({
    ...staying,
    components: { ...asking.components, pass: { kind: `${kinds}#numbers` } },
  })
  await eventually('it is the new one that checks', async () => {
    return (await errorCode(network.send('things', 'a text'))) === 'MESSAGE_INVALID'
  })
  over.abort()
  assert.equal(await errorCode(sending), 'no error')
  const numbers = (): unknown[] => reading.read.filter((one) => typeof one === 'number')
  await eventually('all that was taken comes', () => numbers().length >= sent)
  assert.deepEqual(
    numbers().toSorted((x, y) => Number(x) - Number(y)),
    Array.from({ length: sent }, (_, n) => n),
  )
  assert.equal(reading.begins, 1, 'the output stays where it is')
  assert.equal(inputs.filter(({ component }) => component.startsWith('client-')).length, 4)
})

test('the API: bodies, streams, roles and limits', async (t) => {
  const world = await PortsWorld.make(t)
  const tokens = join(world.folder, 'tokens')
  const token = (role: string): string => `${role}-0123456789abcdef`
  await writeFile(tokens, ['viewer', 'operator'].map((role) => `${role} ${role} ${token(role)}\n`).join(''))
  const a = await world.node('a', { api: { port: 0, tokens: `file:${tokens}` } })
  await world.deploy(asking)
  await world.runs('asking')
  const base = `${a.apiAddress!}/v1/networks/asking`
  const call = async (
    role: string,
    path: string,
    body?: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: { error?: { code: string } } & Record<string, unknown> }> => {
    const response = await fetch(base + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${token(role)}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body }),
    })
    return { status: response.status, body: (await response.json()) as never }
  }
  const lines = { 'content-type': 'application/x-ndjson' }
  const ending = new AbortController()
  t.after(() => ending.abort())
  const open = async (accept: string): Promise<{ text: string }> => {
    const headers = { authorization: `Bearer ${token('viewer')}`, accept }
    const response = await fetch(`${base}/ports/passed`, { headers, signal: ending.signal })
    assert.match(response.headers.get('content-type')!, new RegExp(accept.replace('+', '\\+')))
    const seen = { text: '' }
    const decoder = new TextDecoder()
    const readAll = async (): Promise<void> => {
      for await (const chunk of response.body as ReadableStream<Uint8Array>)
        seen.text += decoder.decode(chunk, { stream: true })
    }
    readAll().catch((error: unknown) => {
      if (!ending.signal.aborted) seen.text += String(error)
    })
    return seen
  }
  const events = await open('text/event-stream')
  const plain = await open('application/x-ndjson')
  await eventually('the stream begins', () => events.text.includes('event: reading\n'))

  assert.deepEqual(await call('operator', '/ports/things', '{"a":1}'), { status: 200, body: { taken: 1 } })
  assert.deepEqual(await call('operator', '/ports/things', '["b",2]'), { status: 200, body: { taken: 2 } })
  assert.deepEqual(await call('operator', '/ports/things', '["c"]\n\n"d"\r\n', lines), {
    status: 200,
    body: { taken: 2 },
  })
  await eventually('all come', () => plain.text.includes('"d"') && events.text.includes('"d"'))
  // Who reads lines has no word of when it begins.
  assert.ok('{"a":1}\n"b"\n2\n["c"]\n"d"\n'.endsWith(plain.text.trimStart()), plain.text)
  const data = [...events.text.matchAll(/^id: (\d)\nevent: message\ndata: (.*)$/gm)].map(([, id, at]) => [
    id,
    at,
  ])
  assert.deepEqual(data, [
    ['1', '{"a":1}'],
    ['2', '"b"'],
    ['3', '2'],
    ['4', '["c"]'],
    ['5', '"d"'],
  ])

  const ask = { port: 'questions', message: { id: 'x', n: 4 } }
  const asked = await call('operator', '/request', JSON.stringify(ask))
  assert.deepEqual(asked, { status: 200, body: { answer: { id: 'x', twice: 8 } } })

  const refusals: readonly (readonly [
    Promise<{ status: number; body: { error?: { code: string } } }>,
    number,
    string,
  ])[] = [
    [call('viewer', '/ports/things', '1'), 403, 'API_ROLE_MISSING'],
    [call('viewer', '/request', JSON.stringify(ask)), 403, 'API_ROLE_MISSING'],
    [call('nobody', '/ports/passed'), 401, 'API_TOKEN_MISSING'],
    [call('operator', '/ports/passed', '1'), 404, 'PORT_UNKNOWN'],
    [call('viewer', '/ports/things'), 404, 'PORT_UNKNOWN'],
    [call('operator', '/ports/questions', '{"id":1}'), 422, 'MESSAGE_INVALID'],
    [call('operator', '/ports/things', '"a"\nb\n', lines), 400, 'API_REQUEST_INVALID'],
    [call('operator', '/ports/things', '[]'), 422, 'CLIENT_MESSAGE_INVALID'],
    [call('operator', '/ports/things', '{'), 400, 'API_REQUEST_INVALID'],
    [call('operator', '/ports/things?timeoutMs=0', '1'), 400, 'API_REQUEST_INVALID'],
    [call('operator', '/ports/things', `"${'x'.repeat(1_100_000)}"`), 413, 'CLIENT_MESSAGE_TOO_LARGE'],
    [call('operator', '/ports/things', `"${'x'.repeat(2_100_000)}"`), 413, 'API_REQUEST_TOO_LARGE'],
    [call('operator', '/request', '{"port":"questions"}'), 400, 'API_REQUEST_INVALID'],
    [call('operator', '/request', JSON.stringify({ ...ask, port: 'nothing' })), 404, 'PORT_UNKNOWN'],
    [
      call('operator', '/request', JSON.stringify({ ...ask, message: { id: 'x', n: 0.5 } })),
      422,
      'REQUEST_FAILED',
    ],
  ]
  for (const [refused, status, code] of refusals) {
    const { status: actual, body } = await refused
    assert.deepEqual([actual, body.error?.code], [status, code])
  }

  const env = { VERTIGO_API: a.apiAddress!, VERTIGO_TOKEN: token('operator') }
  const session = start(t, ['read', 'asking', 'passed', '--limit', '3'], { env })
  await eventually('it reads', () => session.stderr.includes('reading "passed"'))
  const sent = await vertigo(t, ['send', 'asking', 'things', '{"from": "cli"}', '--json'], { env })
  assertCode(sent, 0)
  assert.deepEqual(JSON.parse(sent.stdout), { taken: 1 })
  const piped = await vertigo(t, ['send', 'asking', 'things', '-', '--text'], { env, input: 'x y\n\nz\n' })
  assertCode(piped, 0)
  assert.equal(piped.stdout, '2 messages were taken\n')
  assertCode(await session.ended(), 0)
  assert.equal(session.stdout, '{"from":"cli"}\nx y\nz\n')
  const question = ['request', 'asking', 'questions', '{"id": "cli", "n": 21}', '--json']
  const answer = await vertigo(t, question, { env })
  assertCode(answer, 0)
  assert.deepEqual(JSON.parse(answer.stdout), { id: 'cli', twice: 42 })
  const wrong = await vertigo(t, ['send', 'asking', 'things', 'no json'], { env })
  assertCode(wrong, 2)
  assert.match(wrong.stderr, /--text/)
  const misfit = await vertigo(t, ['send', 'asking', 'questions'], {
    env,
    input: '{"id":"ok","n":-1}\n{"id":2}\n',
  })
  assertCode(misfit, 1)
  assert.match(misfit.stderr, /0 messages were taken before[^]*MESSAGE_INVALID/)
})
