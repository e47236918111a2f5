import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connectCluster } from '../../src/cluster.ts'
import { systemClock } from '../../src/base/clock.ts'
import { eventually } from '../support/eventually.ts'
import { assertCode, project, type Session, start } from './support.ts'

/** What signals do to `vertigo node`, by the moment at which they come. */

/** On nodes of group `x` only. */
const ticks = {
  name: 'ticks',
  components: {
    source: { kind: 'interval', config: { periodMs: 20 }, group: 'x' },
    end: { kind: 'take', config: { count: 0 }, group: 'x' },
  },
  connections: [{ from: 'source.out', to: 'end.in' }],
}

interface Host {
  readonly node: Session
  readonly other: Session
}

/** A node with instances that no other node may take, and another node. */
async function hosting(t: TestContext, args: readonly string[]): Promise<Host> {
  const folder = project(t, { 'ticks.json': JSON.stringify(ticks) })
  const store = `lmdb:${folder}/store`
  const begin = (id: string, more: readonly string[]): Session =>
    start(t, [
      'node',
      '--store',
      store,
      '--id',
      id,
      '--workers',
      '1',
      '--ttl-ms',
      '30000',
      '--api',
      '127.0.0.1:0',
      '--json',
      ...more,
    ])
  const node = begin('a', ['--group', 'x', ...args])
  await node.until(/"type":"joined"/)
  const other = begin('b', [])
  await other.until(/"type":"joined"/)
  const cluster = await connectCluster({ store })
  t.after(() => cluster.close())
  await cluster.deploy(`${folder}/ticks.json`, { by: 'test' })
  await eventually(
    'it runs',
    async () => (await cluster.networks.status('ticks')).state === 'running',
    60_000,
  )
  return { node, other }
}

test('a second SIGTERM ends a node that drains at once, with exit code 130', async (t) => {
  const { node } = await hosting(t, ['--drain-ms', '80000'])
  node.child.kill('SIGTERM')
  await node.until(/"type":"draining","instances":2/)
  const at = systemClock.monotonic()
  node.child.kill('SIGTERM')
  assertCode(await node.ended(), 130)
  assert.ok(systemClock.monotonic() - at < 40_000, 'it did not wait for its time to drain')
})

test('Ctrl-C twice does the same', async (t) => {
  const { node } = await hosting(t, ['--drain-ms', '80000'])
  node.child.kill('SIGINT')
  await node.until(/"type":"draining"/)
  node.child.kill('SIGINT')
  assertCode(await node.ended(), 130)
})

test('a node whose instances nobody may take leaves when its time to drain is over', async (t) => {
  const { node } = await hosting(t, ['--drain-ms', '1500'])
  node.child.kill('SIGTERM')
  const ended = await node.ended()
  assertCode(ended, 0)
  assert.match(ended.stdout, /"type":"drained","left":2,"why":"they did not move away within \d+ ms"/)
})

test('a node without others leaves without waiting', async (t) => {
  const { node, other } = await hosting(t, ['--drain-ms', '80000'])
  other.child.kill('SIGTERM')
  assertCode(await other.ended(), 0)
  node.child.kill('SIGTERM')
  const ended = await node.ended()
  assertCode(ended, 0)
  assert.match(ended.stdout, /"type":"drained","left":2,"why":"no other node is there to take them"/)
})

/** A store that takes connections and says nothing. */
async function silentStore(
  t: TestContext,
): Promise<{ readonly url: string; readonly connected: Promise<unknown> }> {
  const server = createServer((socket) => socket.on('error', () => undefined))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { readonly port: number }
  return { url: `etcd://127.0.0.1:${port}/silent`, connected: once(server, 'connection') }
}

for (const signals of [1, 2])
  test(`a node that is told ${signals === 1 ? 'once' : 'twice'} to end while it starts has not joined, and says so`, async (t) => {
    const { url, connected } = await silentStore(t)
    const node = start(t, ['node', '--store', url, '--id', 'a', '--api', '127.0.0.1:0'])
    await connected
    node.child.kill('SIGTERM')
    if (signals === 2) node.child.kill('SIGINT')
    const ended = await node.ended()
    assertCode(ended, 130)
    assert.match(ended.stderr, /STOPPED[^]*The node was stopped before it had joined/)
  })
