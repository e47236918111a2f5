import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { serveApi } from '../../../src/api/index.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { systemRandom } from '../../../src/base/random.ts'
import { builtInKind, builtInKindsUrl, builtInNames } from '../../../src/cli/run/built-in-kinds.ts'
import {
  EventLog,
  type LogLine,
  Management,
  observeCluster,
  Operation,
  SnapshotFiles,
} from '../../../src/cluster/client/index.ts'
import { BundleStore } from '../../../src/cluster/bundle/index.ts'
import { loadDeployment } from '../../../src/cluster/client/load-deployment.ts'
import { ClusterNode } from '../../../src/cluster/node/node.ts'
import { asNodeId, ClusterKeys } from '../../../src/cluster/protocol/index.ts'
import type { Store } from '../../../src/store/store.ts'
import { openStore } from '../../../src/stores.ts'
import { createLoader } from '../../../src/worker/load-module.ts'
import { assertCode, start, vertigo } from '../../e2e/support.ts'
import { eventually, within } from '../../support/eventually.ts'

/** What people see of a cluster: logs, dead letters, events, counters, from nodes with workers in threads. */

const records = fileURLToPath(new URL('../../fixtures/run/records.ts', import.meta.url))
const keys = new ClusterKeys('c')
const clock = systemClock
const random = systemRandom

/** What is told of a link, and mends itself. */
const mended = [
  // A node may be dialled before it has heard that the other one has joined; it is dialled again.
  'is not known yet',
  // A worker follows the plan later than its peer, on a machine that is busy.
  'does not expect',
  // The machine may be so busy that a thread has no turn for 1.5 s. Its peer says so, and ends the line, and dials again.
  'nothing is heard from worker',
  'the line was ended before a handshake',
]

class World {
  readonly nodes: ClusterNode[] = []
  readonly troubles: string[] = []
  readonly folder: string
  readonly url: string
  readonly store: Store
  readonly management: Management

  private constructor(folder: string, url: string, store: Store) {
    this.folder = folder
    this.url = url
    this.store = store
    this.management = new Management(store, keys, { clock, random })
  }

  static async make(t: TestContext): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'vertigo-insight-'))
    const url = `lmdb:${join(folder, 'store')}`
    const world = new World(folder, url, await openStore(url, clock))
    t.after(async () => {
      for (const node of world.nodes) await node.close()
      await world.store.close()
      await rm(folder, { recursive: true, force: true })
    })
    return world
  }

  async start(name: string): Promise<ClusterNode> {
    const id = asNodeId(name)
    const trouble = (what: string, error: Error): void => {
      this.troubles.push(`${id}: ${what}: ${error.message}`)
    }
    const node = await ClusterNode.start({
      cluster: 'c',
      id,
      storeUrl: this.url,
      openStore,
      workers: 2,
      // Nothing here is about leases that end, and the machine may be busy.
      ttlMs: 20_000,
      version: '0.0.0',
      builtInKinds: builtInKindsUrl,
      stores: import.meta.resolve('../../../src/stores.ts'),
      deadLetters: join(this.folder, name),
      events: {
        apiElsewhere: () => undefined,
        draining: () => undefined,
        drained: () => undefined,
        joined: () => undefined,
        fenced: (error) => trouble('fenced', error),
        gaveUp: (error) => trouble('gave up', error),
        elected: () => undefined,
        deposed: () => undefined,
        decided: () => undefined,
        declaredDead: () => undefined,
        failed: (network, what, error) => trouble(`${network}: ${what}`, error),
        rejected: () => undefined,
        logged: () => undefined,
        troubled: trouble,
      },
    })
    this.nodes.push(node)
    return node
  }

  async deploy(components: Record<string, object>, connections: readonly object[]): Promise<void> {
    const file = join(this.folder, 'net.json')
    await writeFile(file, JSON.stringify({ name: 'net', components, connections }))
    const load = createLoader({ builtIn: builtInKind, builtInNames })
    const { deployment } = await loadDeployment(file, { load, builtInNames })
    await this.management.deploy(deployment, { by: 'test' })
    await eventually('the network runs', async () => {
      const { state, error } = await this.management.status('net')
      assert.notEqual(state, 'failed', JSON.stringify(error))
      return state === 'running'
    })
  }

  async events(): Promise<readonly string[]> {
    const events = await new EventLog(this.store, keys, { clock, random }).read(0, 1000)
    return events.map(({ type, node, network }) => [type, node ?? network].join(' '))
  }
}

/** Numbers, 200 a second, to two who log them and one who refuses them. */
const talking = {
  components: {
    numbers: { kind: 'generator', config: { from: 1, rate: 200 } },
    chatty: { kind: `${records}#chatty`, instances: 2 },
    refusing: { kind: `${records}#refusing`, instances: 2, errors: 'reject' },
  },
  connections: [
    { from: 'numbers.out', to: 'chatty.in', selector: 'round-robin' },
    { from: 'numbers.out', to: 'refusing.in', selector: 'round-robin' },
  ],
}

async function talkingCluster(t: TestContext): Promise<{ world: World; a: ClusterNode; b: ClusterNode }> {
  const world = await World.make(t)
  for (const name of ['a', 'b']) await mkdir(join(world.folder, name))
  const a = await world.start('a')
  const b = await world.start('b')
  await world.deploy(talking.components, talking.connections)
  return { world, a, b }
}

test('logs, rejected messages, counters and events of two nodes are seen from either', async (t) => {
  const { world, a, b } = await talkingCluster(t)
  const nodesOf = (lines: readonly LogLine[], component: string): string =>
    [...new Set(lines.filter((line) => line.component === component).map(({ node }) => node))]
      .toSorted()
      .join(' ')

  const page = await eventually('both nodes log at both components', async () => {
    const read = await b.insight.logs.read('net', {})
    return nodesOf(read.lines, 'chatty') === 'a b' && nodesOf(read.lines, 'refusing') === 'a b' ? read : null
  })
  assert.deepEqual([page.missing, page.dropped], [[], 0])
  const times = page.lines.map(({ timeMs }) => timeMs)
  assert.deepEqual(
    times,
    times.toSorted((x, y) => x - y),
  )
  const refused = page.lines.find(({ rejected }) => rejected !== undefined)!
  assert.equal(refused.message, `A message at in was rejected: no ${String(refused.rejected!.message)}`)

  const errors = await a.insight.logs.read('net', { component: 'chatty', level: 'warn' })
  assert.deepEqual(errors.lines, [])

  // Each rejected message is in the file of the node where it was.
  for (const name of ['a', 'b']) {
    const lines = await eventually(`the dead letters of ${name}`, async () => {
      const text = await readFile(join(world.folder, name, `net.${name}.dead-letter.jsonl`), 'utf8')
      return text.split('\n').slice(0, -1)
    })
    const letters = lines.map((line) => JSON.parse(line) as { component: string; error: { message: string } })
    assert.ok(letters.length > 0)
    assert.ok(
      letters.every(({ component, error }) => component === 'refusing' && error.message.startsWith('no ')),
    )
  }

  const counts = await eventually('everybody has counted', async () => {
    const read = await b.insight.counts.read('net')
    return read.instances.length === 5 && read.instances.every((one) => one.received + one.sent > 0)
      ? read
      : null
  })
  assert.deepEqual(counts.missing, [])
  assert.deepEqual([...new Set(counts.instances.map(({ node }) => node))].toSorted(), ['a', 'b'])
  assert.ok(counts.instances.every((one) => one.rejected > 0 === (one.component === 'refusing')))

  const events = await eventually('events of the beginning', async () => {
    const all = await world.events()
    return all.includes('network-opened net') ? all : null
  })
  for (const event of ['node-joined a', 'node-joined b', 'manager-elected a', 'network-planned net'])
    assert.equal(events.filter((one) => one === event).length, 1, `${event} in ${events.join(', ')}`)

  await b.close()
  await eventually('b has left, and is told of once', async () => {
    const told = await world.events()
    return told.filter((one) => /^node-(left|lost|dead) b$/.test(one)).join() === 'node-left b'
  })
  await eventually('what is left is counted where it is now', async () => {
    const read = await a.insight.counts.read('net')
    return read.instances.length === 5 && read.instances.every(({ node }) => node === 'a')
  })
})

test('a log is followed over all nodes, also those that come later, from any place in it', async (t) => {
  const { world, a } = await talkingCluster(t)
  const ending = new AbortController()
  t.after(() => ending.abort())
  const seen = new Map<string, number[]>()
  let cursor = ''
  const following = (async () => {
    const news = a.insight.logs.follow('net', { component: 'chatty', limit: 10 }, ending.signal)
    for await (const one of news) {
      assert.equal(one.type, 'line', JSON.stringify(one))
      if (one.type !== 'line') continue
      const { node, instance, message } = one.line
      const key = `${node} ${instance}`
      seen.set(key, [...(seen.get(key) ?? []), Number(message.slice('n is '.length))])
      if (one.cursor !== '') cursor = one.cursor
    }
  })()
  const count = (): number => [...seen.values()].flat().length
  await within(
    'the lines of 200 numbers',
    20_000,
    eventually('200 lines', () => count() >= 200),
  )
  ending.abort()
  await following
  // Each copy gets every other number, and each of its lines comes once, in its order.
  for (const [key, numbers] of seen)
    assert.deepEqual(
      numbers,
      numbers.map((_, at) => numbers[0]! + 2 * at),
      key,
    )
  assert.deepEqual(new Set([...seen.keys()].map((key) => key.charAt(0))), new Set(['a', 'b']))

  // Somebody else goes on, at another node that was not there then.
  await mkdir(join(world.folder, 'c'))
  const c = await world.start('c')
  const again = new AbortController()
  t.after(() => again.abort())
  const last = Math.max(...[...seen.values()].flat())
  let next = Infinity
  for await (const one of c.insight.logs.follow(
    'net',
    { component: 'chatty', after: cursor },
    again.signal,
  )) {
    if (one.type !== 'line') continue
    next = Math.min(next, Number(one.line.message.slice('n is '.length)))
    if (next <= last + 1) break
  }
  assert.ok(next <= last + 1, `${next} after ${last}`)
})

test('the API of a node gives logs, counters and events', async (t) => {
  const { world, a } = await talkingCluster(t)
  const observer = await observeCluster({ store: world.store, keys, clock })
  const server = await serveApi(
    {
      node: { id: 'a', cluster: 'c', version: '0.0.0' },
      management: world.management,
      operation: new Operation(world.store, keys, { clock }),
      bundles: new BundleStore(world.store, keys, clock),
      snapshots: new SnapshotFiles(world.management, {
        open: () => Promise.reject(new Error('none')),
        check: async () => undefined,
      }),
      observer,
      events: new EventLog(world.store, keys, { clock, random }),
      logs: a.insight.logs,
      counts: a.insight.counts,
      ports: a.ports,
      states: { get: () => Promise.reject(new Error('none is asked for')) },
      clock,
      troubled: (error, request) => world.troubles.push(`${request}: ${error.message}`),
    },
    { port: 0 },
  )
  t.after(async () => {
    await server.close()
    await observer.close()
  })
  const get = async (path: string): Promise<unknown> => (await fetch(server.address + path)).json()
  await eventually('lines of one component', async () => {
    const page = (await get('/v1/networks/net/logs?component=chatty&limit=5')) as { lines: LogLine[] }
    return page.lines.length === 5 && page.lines.every(({ component }) => component === 'chatty')
  })
  const status = (await get('/v1/networks/net?counters=true')) as {
    instances: { component: string; counters: { received: number } }[]
    missing: unknown[]
  }
  assert.equal(status.instances.filter(({ counters }) => counters !== undefined).length, 5)
  assert.deepEqual(status.missing, [])
  const plain = (await get('/v1/networks/net')) as { instances: object[] }
  assert.ok(plain.instances.every((one) => !('counters' in one)))
  const unknown = (await get('/v1/networks/nobody/logs')) as { error: { code: string } }
  assert.equal(unknown.error.code, 'NETWORK_UNKNOWN')
  const wrong = (await get('/v1/networks/net/logs?level=loud')) as { error: { code: string } }
  assert.equal(wrong.error.code, 'API_REQUEST_INVALID')

  const env = { VERTIGO_API: server.address }
  const printed = await vertigo(t, ['logs', 'net', '--component', 'chatty', '--limit', '3', '--json'], {
    env,
  })
  assertCode(printed, 0)
  const told = printed.stdout.trimEnd().split('\n')
  assert.deepEqual(
    told.map((line) => (JSON.parse(line) as LogLine).component),
    ['chatty', 'chatty', 'chatty'],
  )
  const counted = await vertigo(t, ['status', 'net', '--counters'], { env })
  assert.match(counted.stdout, /IN +OUT +QUEUED +REJECTED\n[^]*chatty\[0\] +[ab] +\d +running +[1-9]\d* +0 +/)
  const session = start(t, ['logs', 'net', '-f', '--level', 'warn', '--limit', '1'], { env })
  const refusal = /^\S+Z [ab] refusing\[[01]\] warn: A message at in was rejected: no (\d+) \1$/gm
  await eventually('lines that are followed', () => [...session.stdout.matchAll(refusal)].length >= 20)
  session.child.kill('SIGINT')
  assertCode(await session.ended(), 0)
  assertCode(await vertigo(t, ['logs', 'net', '--since', 'tomorrow'], { env }), 2)

  const ending = new AbortController()
  t.after(() => ending.abort())
  const response = await fetch(`${server.address}/v1/networks/net/logs/watch?limit=3`, {
    signal: ending.signal,
  })
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    if ([...text.matchAll(/^id: \S.*\nevent: line\ndata: .*"node":"b"/gm)].length > 0) break
  }
  const troubles = world.troubles.filter((trouble) => !mended.some((told) => trouble.includes(told)))
  assert.deepEqual(troubles, [])
})
