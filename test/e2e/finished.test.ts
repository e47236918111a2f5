import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertCode, project, start, vertigo } from './support.ts'

/** A network that comes to its end in a cluster, as a user sees it. */

const net = `name: round
components:
  numbers: { kind: generator, config: { from: 1, count: 30 } }
  step: { kind: ./collatz.ts, instances: 2 }
  end: { kind: take, config: { count: 0 } }
connections:
  - { from: numbers.out, to: step.n }
  - { from: step.again, to: step.n, back: true }
  - { from: step.done, to: end.in }
`
const collatz = `import { defineComponent, port } from 'vertigo-flow'

export default defineComponent({
  inputs: { n: port<number>() },
  outputs: { again: port<number>(), done: port<number>() },
  on: {
    n(n, { emit }) {
      if (n === 1) emit.done(n)
      else emit.again(n % 2 === 0 ? n / 2 : 3 * n + 1)
    },
  },
})
`

test('a finite network with a cycle is shown as finished, and runs again when it is deployed again', async (t) => {
  const cwd = project(t, { 'net.yaml': net, 'collatz.ts': collatz })
  const node = start(
    t,
    ['node', '--store', 'lmdb:./store', '--id', 'a', '--workers', '2', '--api', '127.0.0.1:0', '--json'],
    { cwd },
  )
  await node.until(/"type":"elected"/)
  const [, api] = /"api":"([^"]+)"/.exec(node.stdout) ?? []
  assert.ok(api !== undefined, node.stdout)
  const ask = (...args: readonly string[]) => vertigo(t, args, { cwd, env: { VERTIGO_API: api } })
  for (const version of [1, 2]) {
    assertCode(await ask('deploy', 'net.yaml'), 0)
    await node.until(new RegExp(`version ${version} finished`))
    await node.until(new RegExp(`of version ${version}: 0 instances`))
    const status = JSON.parse((await ask('status', 'round', '--json')).stdout) as Record<string, unknown>
    assert.deepEqual([status['state'], status['version'], status['instances']], ['finished', version, []])
  }
  assert.match((await ask('status', 'round')).stdout, /^round: finished, version 2, /)
})
