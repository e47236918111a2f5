import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { connectCluster } from '../../src/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { project, type Session, start } from './support.ts'

/** A node whose output nobody reads: Ctrl-S in its terminal, a pager, a parent that is busy. */

interface Stalled {
  readonly node: Session
  readonly state: () => Promise<string>
}

/** Deploys numbers through `work.ts` into the log, on one node that has joined and is not read from then on. */
async function stalled(t: TestContext, work: string): Promise<Stalled> {
  const network = {
    name: 'chatty',
    components: {
      numbers: { kind: 'generator', config: { count: 5000 } },
      work: { kind: './work.ts' },
      end: { kind: 'log' },
    },
    connections: [
      { from: 'numbers.out', to: 'work.in' },
      { from: 'work.out', to: 'end.in' },
    ],
  }
  const folder = project(t, { 'chatty.json': JSON.stringify(network), 'work.ts': work })
  const store = `lmdb:${folder}/store`
  const args = ['--id', 'a', '--api', '127.0.0.1:0', '--ttl-ms', '30000', '--json']
  const node = start(t, ['node', '--store', store, ...args])
  await node.until(/"type":"joined"/)
  node.child.stdout!.pause()
  const cluster = await connectCluster({ store })
  t.after(() => cluster.close())
  await cluster.deploy(`${folder}/chatty.json`, { by: 'test' })
  return { node, state: async () => (await cluster.networks.status('chatty')).state }
}

test('a node that logs more than its reader takes goes on, and says how much it left out', async (t) => {
  const { node, state } = await stalled(t, "export default (n: number): string => n + 'x'.repeat(1000)\n")
  await eventually('the network is finished', async () => (await state()) === 'finished', 60_000)
  node.child.stdout!.resume()
  await eventually('it says how many', () => /"type":"left-out","lines":\d+/.test(node.stdout), 60_000)
  assert.ok(!/"type":"fenced"/.test(node.stdout), 'it has kept its lease')
})
