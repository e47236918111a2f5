import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunningNetwork } from '../../../src/cluster.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import { eventually, within } from '../../support/eventually.ts'
import { asking, kinds, PortsWorld } from './ports-world.ts'

/** What readers of an exactly-once network get: CP-5 and CP-6 of `src/component/client-port.ts`, with nodes that are killed. */

const counting = {
  name: 'counting',
  guarantee: 'exactly-once',
  snapshot: { intervalMs: 200 },
  components: {
    numbers: { kind: 'generator', config: { from: 1, rate: 400 } },
    pass: { kind: `${kinds}#passing` },
  },
  connections: [{ from: 'numbers.out', to: 'pass.in' }],
  exports: { outputs: { all: 'pass.out' } },
}

class Reading {
  readonly read: number[] = []
  begins = 0
  private readonly ending = new AbortController()
  private readonly done: Promise<void>

  constructor(network: RunningNetwork, uncommitted = false) {
    const onReading = (): void => void this.begins++
    const all = async (): Promise<void> => {
      for await (const n of network.read('all', { onReading, signal: this.ending.signal, uncommitted }))
        this.read.push(n as number)
    }
    this.done = all()
  }

  get last(): number {
    return this.read.at(-1) ?? 0
  }

  async end(): Promise<void> {
    this.ending.abort()
    await this.done
  }
}

function assertEachOnce(read: readonly number[], who: string): void {
  const first = read[0]!
  const wrong = read.findIndex((n, at) => n !== first + at)
  assert.equal(wrong, -1, `${who}: ${read.slice(Math.max(0, wrong - 3), wrong + 3).join(' ')} at ${wrong}`)
}

test('CP-5 readers get each committed value once and in order, whoever is killed; uncommitted ones may come again', async (t) => {
  const world = await PortsWorld.make(t)
  // Hosts nothing, and lives through it all.
  const a = await world.node('a', { workers: 0, api: { port: 0 } })
  const others = [await world.process('b'), await world.process('c')]
  const api = await world.process('d', { workers: 0, api: true })
  await world.deploy(counting)
  await world.runs('counting')
  const committed = new Reading(a.network('counting'))
  const atOnce = new Reading(a.network('counting'), true)
  // Over the API of whichever node has one.
  const over = new Reading(world.connection.network('counting'))
  const readings = [committed, atOnce, over]
  await eventually('it is read', () => readings.every(({ read }) => read.length > 100), 30_000)
  for (const component of ['client-output:all', 'numbers']) {
    const host = await world.hostOf('counting', component)
    const victim = others.find(({ id }) => id === host)
    assert.ok(victim !== undefined, `${component} is on ${host}`)
    const before = readings.map(({ last }) => last)
    await victim.kill()
    await eventually(
      'messages are read again',
      () => readings.every(({ last }, at) => last > before[at]! + 300),
      60_000,
    )
    victim.start()
    await victim.joined()
    await world.runs('counting')
  }
  const before = over.last
  await api.kill()
  await eventually('it is read by another node', () => over.last > before + 300, 60_000)
  await within('they end', 20_000, Promise.all(readings.map((reading) => reading.end())))
  assertEachOnce(committed.read, 'by a node')
  assertEachOnce(over.read, 'over the API')
  assert.equal(committed.begins, 1, 'nothing was missed')
  assert.equal(over.begins, 1, 'nothing was missed')
  const again = atOnce.read.length - new Set(atOnce.read).size
  t.diagnostic(
    `${committed.read.length} read committed, ${atOnce.read.length} at once, of which ${again} again`,
  )
})

test('CP-6 over HTTP, Last-Event-ID goes on behind what was read; an old or foreign one says that something is missing', async (t) => {
  const world = await PortsWorld.make(t)
  const a = await world.node('a', { api: { port: 0 } })
  await world.deploy(counting)
  await world.runs('counting')
  const url = `${a.apiAddress!}/v1/networks/counting/ports/all`
  const first = await eventsUntil(url, {}, (events) => messages(events).length >= 50)
  assert.deepEqual(first[0]!.data, { network: 'counting', port: 'all', missed: false })
  const { id } = first.at(-1)!
  await eventually('others are read meanwhile', async () => {
    const some = await eventsUntil(url, {}, (events) => messages(events).length >= 50)
    return messages(some)[0]! > messages(first).at(-1)! + 50
  })
  const second = await eventsUntil(url, { 'last-event-id': id }, (events) => messages(events).length >= 200)
  assert.deepEqual(second[0]!.data, { network: 'counting', port: 'all', missed: false })
  assertEachOnce([...messages(first), ...messages(second)], 'before and after')
  for (const foreign of ['17', '0.1.1', 'x'.repeat(200)]) {
    const third = await eventsUntil(
      url,
      { 'last-event-id': foreign },
      (events) => messages(events).length > 0,
    )
    assert.deepEqual(third[0]!.data, { network: 'counting', port: 'all', missed: true }, foreign)
  }
  const atOnce = await eventsUntil(`${url}?uncommitted=true`, {}, (events) => messages(events).length > 0)
  assert.deepEqual(atOnce[0]!.data, { network: 'counting', port: 'all' })
  const refused = await fetch(`${url}?uncommitted=perhaps`)
  assert.equal(refused.status, 400)
  await refused.body?.cancel()
})

/** More than waits at the node of a reader. */
const behind = 8_000

test('CM-3 who reads slowly while a network is undeployed gets all that is committed, as at its end', async (t) => {
  const world = await PortsWorld.make(t)
  const a = await world.node('a', { workers: 0, api: { port: 0 } })
  await world.node('b')
  for (const how of ['undeployed', 'finished'] as const) {
    const name = `counting-${how}`
    const config = { from: 1, rate: 4_000, ...(how === 'finished' && { count: 12_000 }) }
    await world.deploy({
      ...counting,
      name,
      snapshot: { intervalMs: 200, readersMs: 120_000 },
      components: { ...counting.components, numbers: { kind: 'generator', config } },
    })
    await world.runs(name)
    const fast = new Reading(a.network(name))
    const slow = new SlowReader(a.network(name))
    const over = new SlowReader(world.connection.network(name))
    await eventually(
      'the slow ones are behind',
      () => {
        for (const reader of [slow, over]) reader.stumble()
        return Math.min(fast.last - slow.last, fast.last - over.last) > behind
      },
      60_000,
    )
    if (how === 'undeployed') await world.connection.networks.undeploy(name)
    slow.take(Infinity)
    over.take(Infinity)
    assert.equal(await within('the slow reader ends', 60_000, slow.ended), 'no error')
    assert.equal(await within('the one over the API ends', 60_000, over.ended), 'no error')
    await within('the fast one has ended', 20_000, fast.end())
    for (const [who, read] of Object.entries({ fast: fast.read, slow: slow.read, over: over.read }))
      assertEachOnce(read, `${who}, ${how}`)
    assert.deepEqual([slow.last, over.last], [fast.last, fast.last], 'they have the same end')
    if (how === 'finished') assert.equal(slow.last, 12_000)
    await eventually(
      'it has ended',
      async () => ['stopped', 'finished'].includes((await world.connection.networks.status(name)).state),
      30_000,
    )
  }
})

test('CM-4 who does not take it in time is told, and holds the end up no longer', async (t) => {
  const world = await PortsWorld.make(t)
  const a = await world.node('a')
  await world.deploy({
    ...counting,
    snapshot: { intervalMs: 200, readersMs: 5_000 },
    components: { ...counting.components, numbers: { kind: 'generator', config: { from: 1, rate: 8_000 } } },
  })
  await world.runs('counting')
  const fast = new Reading(a.network('counting'))
  const slow = new SlowReader(a.network('counting'))
  const isBehind = (): boolean => {
    slow.stumble()
    return fast.last - slow.last > behind
  }
  await eventually('the slow one is behind', isBehind, 60_000)
  const beganMs = performance.now()
  await world.connection.networks.undeploy('counting')
  await eventually(
    'it has stopped',
    async () => {
      slow.take(20)
      return (await world.connection.networks.status('counting')).state === 'stopped'
    },
    60_000,
  )
  t.diagnostic(`stopped after ${Math.round(performance.now() - beganMs)} ms`)
  slow.take(Infinity)
  assert.equal(await within('the slow reader ends', 20_000, slow.ended), 'READER_CUT_OFF')
  await within('the fast one has all', 20_000, fast.end())
  assertEachOnce(slow.read, 'slow')
  assert.ok(fast.last > slow.last)
})

test('CM-3 who is away for a moment while a network is undeployed gets the rest when it is back, and who is late is told', async (t) => {
  const world = await PortsWorld.make(t)
  const a = await world.node('a', { api: { port: 0 } })
  await world.deploy(counting)
  await world.runs('counting')
  const url = `${a.apiAddress!}/v1/networks/counting/ports/all`
  const first = await eventsUntil(url, {}, (events) => messages(events).length >= 50)
  const beganMs = performance.now()
  await world.connection.networks.undeploy('counting')
  await eventually('the last snapshot', async () => {
    const { snapshots } = await world.connection.networks.snapshots.list('counting')
    return snapshots.some(({ isLast }) => isLast)
  })
  const headers = { 'last-event-id': first.at(-1)!.id }
  const second = await eventsUntil(url, headers, (events) => events.at(-1)?.type === 'end')
  assert.equal(second.at(-1)?.type, 'end')
  assert.ok(messages(second).length > 0)
  assertEachOnce([...messages(first), ...messages(second)], 'before and after')
  t.diagnostic(`it ended ${Math.round(performance.now() - beganMs)} ms after it was undeployed`)
  const late = await fetch(url, { headers: { accept: 'text/event-stream', ...headers } })
  const { error } = (await late.json()) as { error: { code: string } }
  assert.deepEqual([late.status, error.code], [409, 'PORT_CLOSED'])
})

test('DE-9 what is deployed again while readers are waited for begins afresh, and they get all of what was before', async (t) => {
  const world = await PortsWorld.make(t)
  const a = await world.node('a', { workers: 0 })
  await world.node('b')
  const name = 'counting'
  const snapshot = { intervalMs: 200, readersMs: 120_000 }
  const at = (rate: number) => ({
    ...counting,
    snapshot,
    components: { ...counting.components, numbers: { kind: 'generator', config: { from: 1, rate } } },
  })
  await world.deploy(at(4_000))
  await world.runs(name)
  const fast = new Reading(a.network(name))
  const slow = new SlowReader(a.network(name))
  const isBehind = (): boolean => {
    slow.stumble()
    return fast.last - slow.last > behind
  }
  await eventually('the slow one is behind', isBehind, 60_000)
  await world.connection.networks.undeploy(name)
  await eventually('the last snapshot', async () => {
    const { snapshots } = await world.connection.networks.snapshots.list(name)
    return snapshots.some(({ isLast }) => isLast)
  })
  assert.equal(await world.deploy(at(20)), 2)
  const { networks } = world.connection
  assert.deepEqual((await networks.status(name)).before, { version: 1, state: 'stopping' })
  await assert.rejects(networks.snapshots.want(name, 'mine', { by: 'me' }), { code: 'NETWORK_NOT_RUNNING' })
  slow.take(Infinity)
  assert.equal(await within('the slow reader ends', 60_000, slow.ended), 'no error')
  await within('the fast one has ended', 20_000, fast.end())
  assertEachOnce(slow.read, 'slow')
  assert.equal(slow.last, fast.last)
  await world.runs(name)
  assert.equal((await networks.status(name)).before, undefined)
  const next = new Reading(a.network(name))
  await eventually('the new one gives something', () => next.read.length > 0, 60_000)
  assert.ok(next.read[0]! < behind, `it goes on at ${next.read[0]}, behind ${fast.last}`)
  await next.end()
})

/** Takes as many messages as it is told to, and one. */
class SlowReader {
  readonly read: number[] = []
  /** By an error, or none. */
  readonly ended: Promise<string>
  private allowed = 1
  private wake: () => void = () => undefined

  constructor(network: RunningNetwork) {
    const all = async (): Promise<void> => {
      for await (const n of network.read('all')) {
        this.read.push(n as number)
        while (this.read.length >= this.allowed)
          await new Promise<void>((resolve) => {
            this.wake = resolve
          })
      }
    }
    this.ended = all().then(
      () => 'no error',
      (error: unknown) => (isVertigoError(error) ? error.code : String(error)),
    )
  }

  get last(): number {
    return this.read.at(-1) ?? Infinity
  }

  /** Reads a little, and then nothing more: however fast the machine is, others come to be far ahead. */
  stumble(): void {
    if (this.read.length < 200) this.take(20)
  }

  take(more: number): void {
    this.allowed += more
    this.wake()
  }
}

interface Event {
  readonly id: string
  readonly type: string
  readonly data: unknown
}

function messages(events: readonly Event[]): number[] {
  return events.filter(({ type }) => type === 'message').map(({ data }) => data as number)
}

async function eventsUntil(
  url: string,
  headers: Record<string, string>,
  isEnough: (events: readonly Event[]) => boolean,
): Promise<Event[]> {
  const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers } })
  assert.equal(response.status, 200)
  const events: Event[] = []
  let text = ''
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const parts = (text + chunk).split('\n\n')
    text = parts.pop()!
    for (const part of parts) {
      const fields = new Map(part.split('\n').map((line) => line.split(': ', 2) as [string, string]))
      if (fields.has('id'))
        events.push({
          id: fields.get('id')!,
          type: fields.get('event')!,
          data: JSON.parse(fields.get('data')!) as unknown,
        })
    }
    if (isEnough(events)) break
  }
  return events
}

test('an answer to a request comes with its commit, or at once for who wants it so', async (t) => {
  const world = await PortsWorld.make(t)
  const a = await world.node('a')
  await world.deploy({ ...asking, name: 'sure', guarantee: 'exactly-once', snapshot: { intervalMs: 2_000 } })
  await world.runs('sure')
  const network = a.network('sure')
  const ask = async (id: string, uncommitted: boolean): Promise<number> => {
    const beganMs = performance.now()
    const request = { port: 'questions', message: { id, n: 21 } }
    assert.deepEqual(await network.request({ ...request, uncommitted }), { id, twice: 42 })
    return performance.now() - beganMs
  }
  // One of them comes early in an interval, whenever the first one began.
  const committed = Math.max(await ask('one', false), await ask('two', false))
  const atOnce = Math.min(await ask('three', true), await ask('four', true), await ask('five', true))
  assert.ok(committed > 1_000, `${committed} ms are less than half an interval`)
  assert.ok(atOnce < 1_000, `${atOnce} ms`)
})
