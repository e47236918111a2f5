import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployment } from './networks.ts'
import { World } from './world.ts'

test('three nodes carry a network', async () => {
  const lines: string[] = []
  const world = new World({
    seed: 1,
    nodes: ['a', 'b', 'c'].map((id) => ({ id })),
    trace: (line) => lines.push(line),
  })
  const { cluster, ledger } = world
  for (const node of cluster.nodes.values()) node.start()
  const { management } = cluster.client()
  const wanted = deployment(
    'net',
    { s: { kind: 'source', instances: 2 }, p: { kind: 'pass', instances: 3 }, k: { kind: 'sink' } },
    [
      { from: 's.out', to: 'p.in', selector: { type: 'hash', key: 'key' } },
      { from: 'p.out', to: 'k.in' },
    ],
  )
  try {
    await cluster.settle(management.deploy(wanted, { by: 'test' }))
    await cluster.until(async () => (await cluster.settle(management.status('net'))).state === 'running', {
      msMax: 10_000,
      what: () => 'running',
    })
    await cluster.until(() => ledger.handled > 200, {
      msMax: 60_000,
      what: () => `handled ${ledger.handled}`,
    })
    world.isQuiet = true
    await cluster.pass(2_000)
    ledger.settle(() => true)
    assert.deepEqual(ledger.violations, [])
  } finally {
    console.log(lines.join('\n'), cluster.time.steps)
  }
})
