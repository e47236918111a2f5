import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { jetstream, jetstreamManager, RetentionPolicy } from '@nats-io/jetstream'
import { connect, headers } from '@nats-io/transport-node'
import { provideNats } from '../../../../scripts/servers/nats.ts'
import type { SourcePositions } from '../../../../src/component/index.ts'
import { type NatsMessage, natsSource } from '../../../../src/connectors/nats/index.ts'
import { hasCode } from '../../../support/error-code.ts'
import { NatsServer } from '../../../support/nats-server.ts'
import { OpenedSource } from '../../../support/opened-kinds.ts'

const provided = await provideNats()
const skip = 'missing' in provided ? provided.missing : false
let server: NatsServer

before(async () => {
  if ('path' in provided) server = await NatsServer.start(provided.path)
})
after(() => server?.stop())

type Manager = Awaited<ReturnType<typeof jetstreamManager>>
type Client = ReturnType<typeof jetstream>

/** Outside of what is tested. */
async function withNats<T>(use: (manager: Manager, client: Client) => Promise<T>): Promise<T> {
  const nats = await connect({ servers: server.url })
  try {
    return await use(await jetstreamManager(nats), jetstream(nats))
  } finally {
    await nats.close()
  }
}

async function stream(name: string, rest: object = {}): Promise<string> {
  await withNats((manager) => manager.streams.add({ name, subjects: [`${name}.>`], ...rest }))
  return name
}

function publish(
  name: string,
  from: number,
  to: number,
  subject = (_n: number): string => 'all',
): Promise<void> {
  return withNats(async (_, client) => {
    for (let n = from; n < to; n++) await client.publish(`${name}.${subject(n)}`, `${n}`)
  })
}

function open<T = string>(
  name: string,
  config: object = {},
  rest: {
    readonly positions?: SourcePositions
    readonly instance?: number
    readonly instances?: number
  } = {},
): Promise<OpenedSource<T>> {
  const all = { servers: [server.url], stream: name, follow: false, sends: 'values', ...config }
  return OpenedSource.open<T>(natsSource, { config: all, ...rest })
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, n) => `${from + n}`)

test('messages with subject, headers and sequence', { skip }, async () => {
  const name = await stream('whole')
  await withNats(async (_, client) => {
    const about = headers()
    about.set('From', 'test')
    await client.publish('whole.a', '{"n":1}', { headers: about })
  })
  const source = await open<NatsMessage>(name, { sends: 'records', value: 'json' })
  const [message] = await source.all()
  await source.close()
  const { timeMs, ...rest } = message!
  assert.deepEqual(rest, { subject: 'whole.a', value: { n: 1 }, headers: { From: 'test' }, sequence: 1 })
  assert.ok(Math.abs(timeMs - Date.now()) < 60_000)
})

test('goes on from positions, wherever they were taken', { skip }, async () => {
  const name = await stream('many')
  await publish(name, 0, 50)
  for (const taken of [0, 1, 17, 49, 50]) {
    const first = await open(name, { aheadMessages: 10 })
    await first.until(taken, 3)
    const { positions } = first
    const before = [...first.messages]
    await first.close()
    const second = await open(name, { aheadMessages: 10 }, { positions })
    assert.deepEqual([...before, ...(await second.all())], numbers(0, 50), `after ${taken}`)
    await second.close()
  }
})

test('instances divide the subjects among them', { skip }, async () => {
  const name = await stream('parts')
  await publish(name, 0, 30, (n) => `p${n % 3}`)
  const seen: string[][] = []
  for (const instance of [0, 1]) {
    const subjects = ['parts.p0', 'parts.p1', 'parts.p2']
    const source = await open(name, { subjects }, { instance, instances: 2 })
    seen.push([...(await source.all())])
    await source.close()
  }
  assert.deepEqual(
    seen.map(({ length }) => length),
    [20, 10],
  )
  assert.deepEqual(
    seen.flat().toSorted((a, b) => Number(a) - Number(b)),
    numbers(0, 30),
  )
})

test('follows, also across a kill of the server', { skip, timeout: 120_000 }, async () => {
  const name = await stream('live')
  await publish(name, 0, 5)
  const source = await open(name, { follow: true })
  await source.until(5)
  const next = source.until(10)
  await server.kill()
  await server.run()
  await publish(name, 5, 10)
  assert.deepEqual(await next, numbers(0, 10))
  await source.close()
})

test(
  'a message that is gone, or a stream that was made anew, is an error before anything runs',
  { skip },
  async () => {
    const name = await stream('gone')
    await publish(name, 0, 10)
    const source = await open(name)
    await source.until(3, 3)
    const { positions } = source
    await source.close()
    await withNats((manager) => manager.streams.purge(name, { seq: 7 }))
    await assert.rejects(
      open(name, {}, { positions }),
      hasCode('SOURCE_POSITION_LOST', 'begins with message 7'),
    )
    await withNats((manager) => manager.streams.delete(name))
    await stream(name)
    await assert.rejects(open(name, {}, { positions }), hasCode('SOURCE_POSITION_LOST', 'made anew'))
    await assert.rejects(open('nowhere'), hasCode('TARGET_UNFIT', 'does not have the stream "nowhere"'))
    await stream('queue', { retention: RetentionPolicy.Workqueue })
    await assert.rejects(open('queue'), hasCode('TARGET_UNFIT', 'retention'))
  },
)

test('what no kept snapshot needs is purged where asked', { skip }, async () => {
  const name = await stream('purged')
  await publish(name, 0, 10)
  for (const [afterwards, first] of [
    ['keep', 1],
    ['purge', 5],
  ] as const) {
    const source = await open(name, { afterwards })
    await source.until(4, 4)
    await source.release(source.positions)
    await source.close()
    const { state } = await withNats((manager) => manager.streams.info(name))
    assert.equal(state.first_seq, first)
  }
})
