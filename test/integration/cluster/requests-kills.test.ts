import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { RunningNetwork } from '../../../src/cluster.ts'
import { eventually, within } from '../../support/eventually.ts'
import { kinds, PortsWorld } from './ports-world.ts'

/**
 * Requests of an exactly-once network: each is answered, and counts once, whichever node is killed between the request and its answer: that
 * of the port, that of a component, and that of who asks.
 */

const keys = ['a', 'b', 'c'] as const
const askers = 8

const counts = {
  name: 'counts',
  guarantee: 'exactly-once',
  snapshot: { intervalMs: 250 },
  components: {
    pass: { kind: `${kinds}#passing` },
    count: { kind: `${kinds}#counting`, instances: 2 },
    reply: { kind: `${kinds}#answering` },
  },
  connections: [
    { from: 'pass.out', to: 'count.in', selector: { type: 'hash', key: 'key' } },
    { from: 'count.out', to: 'reply.in', selector: 'round-robin' },
  ],
  exports: { inputs: { things: 'pass.in' } },
}

/** Asks over and over, several at once; each of `answered` was answered as it was to be. */
class Asking {
  readonly answered: string[] = []
  readonly open = new Set<string>()
  private readonly network: RunningNetwork
  private readonly name: string
  private readonly ending = new AbortController()
  private readonly done: Promise<unknown>
  private last = 0

  constructor(network: RunningNetwork, name: string, first: number) {
    this.network = network
    this.name = name
    this.last = first
    this.done = Promise.all(Array.from({ length: askers }, () => this.ask()))
    this.done.catch(() => undefined)
  }

  /** Asks no more. */
  stop(): void {
    this.ending.abort()
  }

  async end(): Promise<void> {
    this.stop()
    await within(`the last requests of ${this.name} are answered`, 60_000, this.done)
  }

  private async ask(): Promise<void> {
    while (!this.ending.signal.aborted) {
      const n = this.last++
      const message = { key: keys[n % keys.length]!, n }
      const what = `${message.key}${n}`
      this.open.add(what)
      const answer = await this.network.request({ port: 'things', message, timeoutMs: 60_000 })
      assert.deepEqual(answer, { ...message, times: 1 }, `${this.name} asks ${what}`)
      this.open.delete(what)
      this.answered.push(what)
    }
  }

  /** Nobody waits for an error that nobody sees. */
  async check(): Promise<void> {
    await Promise.race([this.done, Promise.resolve()])
  }
}

test('each request is answered and counts once, with nodes killed between request and answer', async (t: TestContext) => {
  const world = await PortsWorld.make(t)
  const a = await world.node('a', { workers: 0, api: { port: 0 } })
  const others = [await world.process('b'), await world.process('c')]
  const api = await world.process('d', { workers: 0, api: true })
  await world.deploy(counts)
  await world.runs('counts')
  const all = [
    new Asking(a.network('counts'), 'a node', 0),
    new Asking(world.connection.network('counts'), 'a program over the API', 1_000_000),
  ]
  t.after(() => all.forEach((asking) => asking.stop()))
  const goesOn = async (what: string): Promise<void> => {
    const before = all.map(({ answered }) => answered.length)
    await eventually(
      `requests are answered ${what}`,
      async () => {
        await Promise.all(all.map((asking) => asking.check()))
        return all.every(({ answered }, at) => answered.length > before[at]! + 3 * askers)
      },
      90_000,
    )
  }
  await goesOn('at first')
  for (const component of ['client-input:things', 'reply']) {
    const host = await world.hostOf('counts', component)
    const victim = others.find(({ id }) => id === host)
    assert.ok(victim !== undefined, `${component} is on ${host}`)
    // An answer comes with its commit, so that some are always on their way.
    await eventually('something is under way', () => all.every(({ open }) => open.size > 0))
    await victim.kill()
    victim.start()
    await victim.joined()
    await goesOn(`after the node of ${component} was killed`)
  }
  await api.kill()
  await goesOn('after the node of the API was killed')
  await Promise.all(all.map((asking) => asking.end()))
  const asked = all.flatMap(({ answered }) => answered)
  for (const key of keys) {
    const seen = await seenOf(a.apiAddress!, key)
    const expected = asked.filter((what) => what.startsWith(key))
    assert.deepEqual(Object.keys(seen).toSorted(), expected.toSorted(), `all of ${key}, and nothing else`)
    for (const [what, times] of Object.entries(seen)) assert.equal(times, 1, `${what} counts once`)
  }
  t.diagnostic(`${all.map(({ answered }) => answered.length).join(' and ')} requests were answered`)
})

/** By the last snapshot: what was answered is in it. */
async function seenOf(api: string, key: string): Promise<Readonly<Record<string, number>>> {
  const url = `${api}/v1/networks/counts/components/count/state?key=${encodeURIComponent(JSON.stringify(key))}`
  const body = await (await fetch(url)).text()
  const { states } = JSON.parse(body) as { states?: { seen: Record<string, number> } }
  assert.ok(states?.seen !== undefined, body)
  return states.seen
}
