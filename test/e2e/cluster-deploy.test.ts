import assert from 'node:assert/strict'
import { rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { assertCode, linkPackages, project, type Result, type Session, start, vertigo } from './support.ts'

const files = {
  'net.yaml': `name: shout
components:
  numbers: { kind: generator, config: { rate: 50 } }
  say: { kind: ./say.ts }
connections:
  - { from: numbers.out, to: say.in }
`,
  // What only a bundler understands, a file beside it, a package that is nowhere else.
  'say.ts': `import { defineComponent, port } from 'vertigo-flow'
import { loud } from 'loud'
enum Words { First = 'it says' }
export default defineComponent({
  inputs: { in: port<number>() },
  setup({ log }) {
    return { on: { in: (n) => log.info(loud(Words.First + ' ' + n)) } }
  },
})
`,
  'node_modules/loud/package.json': '{ "name": "loud", "type": "module", "exports": "./index.js" }',
  'node_modules/loud/index.js': 'export const loud = (text) => text.toUpperCase()\n',
  'math.ts': 'export const add = (n: number): number => n + 1\nexport default (n: number): number => 2 * n\n',
}

interface Place {
  readonly folder: string
  readonly api: string
  readonly nodes: readonly Session[]
  /** From the folder of the project. */
  readonly ask: (...args: readonly string[]) => Promise<Result>
}

/** Nodes that are processes, in a folder where nothing is; `each`: what each is started with. */
async function nodes(t: TestContext, ...each: readonly (readonly string[])[]): Promise<Place> {
  const folder = project(t, files)
  const cwd = project(t, {})
  const store = `lmdb:${join(cwd, 'store')}`
  const started: Session[] = []
  let api = ''
  for (const [at, args] of each.entries()) {
    const own = ['--id', `n${at}`, '--workers', '2', '--api', '127.0.0.1:0', '--cache', join(cwd, 'cache')]
    const node = start(t, ['node', '--store', store, '--ttl-ms', '30000', ...own, ...args], { cwd })
    await node.until(/has joined the cluster/)
    api ||= /API (http\S+?),/.exec(node.stdout)![1]!
    started.push(node)
  }
  await started[0]!.until(/is the manager/)
  const ask = (...args: readonly string[]): Promise<Result> =>
    vertigo(t, args, { cwd: folder, env: { VERTIGO_API: api } })
  return { folder, api, nodes: started, ask }
}

function json(result: Result): Record<string, unknown> {
  assertCode(result, 0)
  return JSON.parse(result.stdout) as Record<string, unknown>
}

test('a bundle runs on nodes that have none of the code; what nobody has is refused by name', async (t) => {
  const { ask, folder, nodes: started } = await nodes(t, [])
  const made = await ask('deploy', 'net.yaml', '--bundle', '--wait')
  assertCode(made, 0)
  assert.equal(made.stdout, 'shout: version 1 is running\n')
  assert.match(made.stderr, /^bundle [0-9a-f]{12}: \d+ KiB sent\n/)
  // It is in the store by now: nothing is sent, and nothing is another version.
  const again = await ask('deploy', 'net.yaml', '--bundle')
  assertCode(again, 0)
  assert.deepEqual([again.stdout, again.stderr], ['shout: version 1\n', ''])
  for (const name of ['say.ts', 'node_modules']) rmSync(join(folder, name), { recursive: true })
  await started[0]!.until(/shout: say\[0\] info: IT SAYS \d+/)

  linkPackages(folder)
  const missing = await ask('deploy', 'net.yaml', '--bundle')
  assertCode(missing, 3)
  assert.match(missing.stderr, /KIND_NOT_FOUND/)
  assert.equal(json(await ask('status', 'shout', '--json'))['version'], 1)
})

test('a component and a function by themselves, in a group; a network without components', async (t) => {
  const { ask } = await nodes(t, [], ['--group', 'edge'])
  const placed = async (network: string): Promise<unknown[]> => {
    const { instances } = json(await ask('status', network, '--json'))
    return (instances as Record<string, unknown>[]).map((one) => [
      one['component'],
      one['node'],
      one['state'],
    ])
  }
  const added = await ask(
    'deploy',
    '--component',
    './math.ts#add',
    '--instances',
    '2',
    '--group',
    'edge',
    '--wait',
  )
  assertCode(added, 0)
  assert.equal(added.stdout, 'add: version 1 is running\n')
  const ports = [
    ['client-input:in', 'n1', 'running'],
    ['client-output:out', 'n1', 'running'],
  ]
  assert.deepEqual(await placed('add'), [['add', 'n1', 'running'], ['add', 'n1', 'running'], ...ports])
  const { flat } = json(await ask('describe', 'add', '--json')) as { flat: Record<string, unknown> }
  assert.deepEqual(flat['exports'], { inputs: { in: 'add.in' }, outputs: { out: 'add.out' } })

  const file = await ask('deploy', './math.ts', '--bundle', '--group', 'edge', '--wait')
  assertCode(file, 0)
  assert.deepEqual(await placed('math'), [...ports, ['math', 'n1', 'running']])

  const named = ['--component', 'log', '--name', 'notes', '--config', 'level=warn', '--wait']
  assertCode(await ask('deploy', ...named), 0)
  assert.match((await ask('describe', 'notes', '--json')).stdout, /"config": \{\n *"level": "warn"/)

  const bare = await ask('deploy', 'shout', '--wait')
  assertCode(bare, 0)
  assert.equal(bare.stdout, 'shout: version 1 is running\n')
  assert.match(bare.stderr, /shout has no components yet\n/)
  assert.deepEqual(await placed('shout'), [])
  // Into it, then back to what it was, and on again.
  assertCode(await ask('deploy', 'net.yaml', '--bundle', '--group', 'edge', '--wait'), 0)
  assert.deepEqual(await placed('shout'), [
    ['numbers', 'n1', 'running'],
    ['say', 'n1', 'running'],
  ])
  assertCode(await ask('rollback', 'shout', '1', '--wait'), 0)
  assert.deepEqual(await placed('shout'), [])
  assert.equal(json(await ask('status', 'shout', '--json'))['state'], 'running')
  assert.equal((await ask('undeploy', 'shout', '--wait')).stdout, 'shout: stopped\n')
})

test('what cannot be deployed is refused before anybody is asked', async (t) => {
  const cwd = project(t, {
    ...files,
    'nothing.ts': 'export const a = 1\n',
    'text.ts': 'export default "a"\n',
    'empty.yaml': '',
  })
  writeFileSync(
    join(cwd, 'rubbish.yaml'),
    Uint8Array.from({ length: 5000 }, (_, i) => (i * 167 + 13) % 256),
  )
  writeFileSync(
    join(cwd, 'rubbish.json'),
    Uint8Array.from({ length: 5000 }, (_, i) => (i * 151 + 7) % 256),
  )
  // A file of holes: it has 8 GiB, and takes no room.
  writeFileSync(join(cwd, 'huge.yaml'), '')
  truncateSync(join(cwd, 'huge.yaml'), 8 * 1024 ** 3)
  // Nobody is there: who is asked would be missed.
  const env = { VERTIGO_API: 'http://127.0.0.1:1' }
  for (const [args, code, text] of [
    [[], 2, /needs <network>, or --component/],
    [['net.yaml', '--component', 'log'], 2, /not both/],
    [['net.yaml', '--instances', '2'], 2, /--component is missing[^]*use --set/],
    [['net.yaml', '--external', 'loud'], 2, /--external is for --bundle/],
    [['net.yml'], 3, /NETWORK_NOT_FOUND: .*Did you mean "net.yaml"\?/],
    [['rubbish.yaml'], 3, /error NETWORK_SYNTAX/],
    [['rubbish.json'], 3, /error NETWORK_SYNTAX/],
    [['huge.yaml'], 3, /error NETWORK_SYNTAX: .*larger than/],
    [['empty.yaml'], 3, /error NETWORK_(SYNTAX|INVALID)/],
    [['.'], 3, /directory/],
    [['/dev/null'], 3, /error NETWORK_/],
    [['shout', '--bundle'], 2, /There is no file "shout"/],
    [['no name'], 3, /NETWORK_INVALID/],
    [['--component', './math.ts#subtract'], 3, /subtract/],
    [['--component', './nothing.ts'], 3, /nothing\.ts/],
    [['text.ts'], 3, /NETWORK_INVALID: The default export of text\.ts is not a network/],
    [['--component', 'lgo'], 3, /KIND_UNKNOWN: .*Did you mean "log"\?/],
    [['--component', 'log', '--instances', '0'], 2, /--instances must be a whole number, 1 or more/],
    [['--component', 'log', '--instances', '99999999'], 3, /NETWORK_INVALID/],
    [['--component', 'log', '--config', 'level'], 2, /--config takes field=value/],
    [['--component', 'log', '--config', 'level=loud'], 3, /CONFIG_INVALID/],
    [['--component', 'log', '--name', 'a/b'], 3, /NETWORK_INVALID/],
    [['--component', 'stdout'], 3, /KIND_NOT_IN_CLUSTER/],
  ] as const) {
    const result = await vertigo(t, ['deploy', ...args], { cwd, env })
    assert.equal(result.code, code, `${args.join(' ')}: ${result.stderr}`)
    assert.match(result.stderr, text, args.join(' '))
  }
})
