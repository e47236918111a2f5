import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { parseClosingLine } from '../../scripts/gate/tally.ts'
import { inRoot } from '../../scripts/lib/paths.ts'
import { run, type RunResult } from '../../scripts/lib/process.ts'
import {
  copyIntoProject,
  type OldestNode,
  oldestNodeVersion,
  prepareOldestNode,
} from '../../scripts/oldest-node.ts'

const manifest = JSON.parse(readFileSync(inRoot('package.json'), 'utf8')) as {
  readonly name: string
  readonly version: string
  readonly engines: { readonly node: string }
  readonly exports: Readonly<Record<string, string | { readonly 'vertigo-src': string }>>
}

function succeeded({ code, output, timedOut }: RunResult): void {
  assert.ok(!timedOut, `took too long:\n${output}`)
  assert.equal(code, 0, output)
}

/** Skipped, by name, until there is what it needs. */
function unlessThereIs(path: string): string | false {
  return existsSync(inRoot(path)) ? false : `there is no ${path} yet`
}

/** A Node of the machine's own that is older than the oldest supported one. */
function olderNode(): string | undefined {
  return ['/usr/bin/node', '/usr/local/bin/node'].find((path) => {
    if (!existsSync(path)) return false
    const version = execFileSync(path, ['--version'], { encoding: 'utf8' })
    return Number(/^v(\d+)/.exec(version)?.[1]) < Number(oldestNodeVersion.split('.')[0])
  })
}

const simulation = `
  import assert from 'node:assert/strict'
  import { defineComponent, network, port } from 'vertigo-flow'
  import { interval } from 'vertigo-flow/connectors'
  import { simulateCluster } from 'vertigo-flow/testkit'
  const net = network('ticks')
  const tick = net.add('tick', interval, { config: { periodMs: 50 } })
  const take = net.add('take', defineComponent({ inputs: { in: port() }, on: { in() {} } }), { instances: 2 })
  net.connect(tick.outputs.out, take.inputs.in)
  const options = { seed: 1, seeds: 2, until: (run) => run.received('take.in').length > 50 }
  const runs = await simulateCluster(net, options)
  assert.ok(runs.every(({ handled, faults }) => handled > 50 && faults > 0))
  assert.deepEqual(await simulateCluster(net, options), runs)
`

describe('the packed package on the oldest supported Node', () => {
  let old: OldestNode

  before(async () => {
    old = await prepareOldestNode()
  })

  test('it is the version that package.json allows', () => {
    assert.equal(manifest.engines.node, `>=${oldestNodeVersion.replace(/\.0$/, '')}`)
  })

  test('the package is installed', () => {
    assert.ok(existsSync(join(old.project, 'node_modules', manifest.name, 'package.json')))
    assert.ok(!existsSync(join(old.project, 'node_modules', manifest.name, 'test')))
    assert.ok(!existsSync(join(old.project, 'node_modules', manifest.name, 'src')))
  })

  test('the command makes certificates', async () => {
    assert.ok(old.command !== undefined, 'the package has no command')
    const folder = join(old.project, 'certs')
    rmSync(folder, { recursive: true, force: true })
    succeeded(await old.run([old.command, 'certs', 'create', 'certs', '--nodes', 'a']))
    assert.ok(existsSync(join(folder, 'a.key')))
  })

  test('the command says its version', { skip: unlessThereIs('src/cli/main.ts') }, async () => {
    assert.ok(old.command !== undefined, 'the package has no command')
    const result = await old.run([old.command, '--version'])
    succeeded(result)
    assert.ok(result.stdout.includes(manifest.version), result.output)
  })

  const older = olderNode()
  test(
    'a Node that is too old is told so, whatever it lacks',
    { skip: older === undefined ? 'there is no older Node on this machine' : false },
    async () => {
      const main = join(old.project, 'node_modules', manifest.name, 'dist/cli/main.js')
      const { code, output } = await run(older!, [main, '--version'], { cwd: old.project })
      assert.equal(code, 2, output)
      assert.match(output, /^error NODE_UNSUPPORTED: /)
    },
  )

  for (const [path, target] of Object.entries(manifest.exports)) {
    if (typeof target === 'string') continue
    const name = manifest.name + path.slice(1)
    test(`${name} can be imported`, { skip: unlessThereIs(target['vertigo-src']) }, async () => {
      succeeded(await old.run(['--input-type=module', '--eval', `await import('${name}')`]))
    })
  }

  test('a cluster is simulated', async () => {
    succeeded(await old.run(['--input-type=module', '--eval', simulation]))
  })

  test('the examples give what they promise', { skip: unlessThereIs('examples/run-all.ts') }, async () => {
    assert.ok(old.command !== undefined, 'the package has no command')
    const folder = copyIntoProject(old, 'examples')
    const result = await old.run([join(folder, 'run-all.ts'), '--vertigo', old.command], {
      timeoutMs: 300_000,
    })
    succeeded(result)
    const tally = parseClosingLine(result.stdout.trimEnd().split('\n').at(-1) ?? '')
    assert.ok(tally !== undefined && tally.passed > 0, `no example was run:\n${result.output}`)
  })

  test('the demo runs', { skip: unlessThereIs('scripts/demo.ts') }, async () => {
    assert.ok(old.command !== undefined, 'the package has no command')
    // Its network has a component of the examples.
    copyIntoProject(old, 'examples')
    const folder = copyIntoProject(old, 'scripts')
    succeeded(await old.run([join(folder, 'demo.ts'), '--vertigo', old.command], { timeoutMs: 300_000 }))
  })
})
