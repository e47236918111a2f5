import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { machineClock } from '../../src/base/clock.ts'
import { ClusterKeys } from '../../src/cluster/protocol/index.ts'
import { openStore } from '../../src/stores.ts'
import { eventually } from '../support/eventually.ts'
import { assertCode, project, type Result, type Session, start, vertigo } from './support.ts'

/** What is refused, with the real command: with its code and what to do, and nothing is touched. */

function nodeIn(t: TestContext, cwd: string) {
  return (id: string, ...args: readonly string[]): Session =>
    start(t, ['node', '--store', 'lmdb:./store', '--id', id, '--workers', '1', '--api', 'off', ...args], {
      cwd,
    })
}

const joined = /has joined the cluster/
/** For one that is to be there when others come, whatever the machine does. */
const stays = ['--ttl-ms', '30000']

test('two clusters of one name in one store: what nodes of one cluster have in common tells', async (t) => {
  const cwd = project(t, {})
  const node = nodeIn(t, cwd)
  for (const [folder, ids] of [
    ['ours', 'a,b'],
    ['theirs', 'c'],
  ] as const)
    assertCode(await vertigo(t, ['certs', 'create', folder, '--nodes', ids], { cwd }), 0)
  const tls = (folder: string, id: string): readonly string[] =>
    ['ca', 'cert', 'key'].flatMap((what) => [
      `--tls-${what}`,
      what === 'ca' ? `${folder}/ca.pem` : `${folder}/${id}.${what === 'cert' ? 'pem' : 'key'}`,
    ])
  const ours = node('a', ...tls('ours', 'a'), ...stays)
  await ours.until(joined)

  for (const [id, args, text] of [
    ['c', tls('theirs', 'c'), /another authority/],
    ['d', [], /wants TLS between its nodes/],
  ] as const) {
    // It waits that long for those of before to end.
    const result = await node(id, ...args, '--ttl-ms', '500').ended()
    assertCode(result, 2)
    assert.match(
      result.stderr,
      /error CLUSTER_FOREIGN: The store has a cluster "vertigo" with the node "a", /,
    )
    assert.match(result.stderr, text)
    assert.match(result.stderr, /fix: .*`--cluster <name>`.*another store/)
    assert.doesNotMatch(result.stdout, joined)
  }

  // A name of its own is all that it takes.
  const theirs = node('c', ...tls('theirs', 'c'), '--cluster', 'theirs')
  await theirs.until(/has joined the cluster theirs/)
  const second = node('b', ...tls('ours', 'b'))
  await second.until(joined)
})

for (const [how, act, text] of [
  ['removed', (folder: string) => rmSync(folder, { recursive: true }), /was removed or moved away/],
  [
    'replaced by that of another cluster',
    (folder: string) => {
      renameSync(folder, `${folder}-of-before`)
      renameSync(`${folder}-other`, folder)
    },
    /was replaced by another one/,
  ],
] as const)
  test(`nodes whose store is ${how} end and say why, and do not live on beside another cluster`, async (t) => {
    const cwd = project(t, {})
    const store = join(cwd, 'store')
    const node = nodeIn(t, cwd)
    const nodes = ['a', 'b'].map((id) => node(id))
    for (const one of nodes) await one.until(joined)
    mkdirSync(`${store}-other`)
    const other = start(
      t,
      ['node', '--store', 'lmdb:./store-other', '--id', 'a', '--workers', '1', '--api', 'off'],
      { cwd },
    )
    await other.until(joined)
    other.child.kill('SIGTERM')
    assertCode(await other.ended(), 0)

    act(store)
    for (const one of nodes) {
      const result = await one.ended()
      assertCode(result, 4)
      assert.match(result.stdout, /lost its lease, ended all workers, .*The store in .* was /)
      assert.match(result.stdout, /gives up, and ends: /)
      assert.match(result.stderr, /error STORE_REPLACED: /)
      assert.match(result.stderr, text)
      assert.match(result.stderr, /fix: End what still has it open, and start it anew: /)
    }
    // The name is free: nothing of them is in the store that is there now.
    const next = node('a')
    await next.until(joined)
  })

const counting = `name: count
components:
  numbers: { kind: generator, config: { rate: 20 } }
  end: { kind: log }
connections:
  - { from: numbers.out, to: end.in }
exports: { inputs: { in: end.in } }
`

const files = {
  'count.yaml': counting,
  'invalid.yaml': counting.replace('to: end.in', 'to: end.nowhere'),
  'unknown.yaml': counting.replace('kind: log', 'kind: lgo'),
  'export.yaml': `name: count
components: { other: { kind: log } }
connections: []
exports: { inputs: { in: other.in } }
`,
  'stranger.yaml': counting.replace('kind: log', 'kind: ./strange.ts'),
  // The package is on one of two nodes.
  'strange.ts': `import { say } from 'loud'
export default (text: unknown): void => void say(text)
`,
  'node_modules/loud/package.json': '{ "name": "loud", "type": "module", "exports": "./index.js" }',
  'node_modules/loud/index.js': 'export const say = (text) => text\n',
}

interface Place {
  readonly cwd: string
  readonly node: (id: string, folder: string, ...args: readonly string[]) => Session
  readonly ask: (...args: readonly string[]) => Promise<Result>
  /** What is wanted. Plans follow from it, and from what happens to nodes on a machine that is busy. */
  readonly wanted: () => Promise<readonly string[]>
}

/** A node, where the network `count` runs. */
async function place(t: TestContext): Promise<Place> {
  const cwd = project(t, files)
  const store = `lmdb:${join(cwd, 'store')}`
  const node: Place['node'] = (id, folder, ...args) =>
    start(
      t,
      ['node', '--store', store, '--id', id, '--workers', '1', '--cache', join(folder, 'cache'), ...args],
      { cwd: folder },
    )
  const a = node('a', cwd, '--api', '127.0.0.1:0', '--log-level', 'warn', ...stays)
  await a.until(joined)
  const api = /API (http\S+?),/.exec(a.stdout)![1]!
  const ask: Place['ask'] = (...args) => vertigo(t, args, { cwd, env: { VERTIGO_API: api } })
  assertCode(await ask('deploy', 'count.yaml', '--wait'), 0)
  const keys = new ClusterKeys('vertigo')
  const opened = await openStore(store, machineClock)
  t.after(() => opened.close())
  const wanted = async (): Promise<readonly string[]> => {
    const found: string[] = []
    for (const prefix of [keys.networks, keys.bundles, keys.drains])
      for (const { key, modRevision } of (await opened.range(prefix)).entries)
        if (prefix !== keys.networks || /\/(?:desired|versions\/\d+)$/.test(key))
          found.push(`${key} ${modRevision}`)
    return found
  }
  return { cwd, node, ask, wanted }
}

test('what is refused changes nothing: networks and their versions are what they were', async (t) => {
  const { ask, wanted } = await place(t)
  const before = await wanted()
  for (const [args, code, text] of [
    [['deploy', 'invalid.yaml'], 3, /PORT_UNKNOWN: .*nowhere[^]*fix: /],
    [['deploy', 'unknown.yaml'], 3, /KIND_UNKNOWN: .*Did you mean "log"\?[^]*fix: /],
    [
      ['deploy', 'export.yaml'],
      2,
      /NAME_TAKEN: .*other\.in as input "in"; .*that is end\.in[^]*fix: Export it under/,
    ],
    [
      ['deploy', '--component', 'log', '--name', 'count'],
      2,
      /NAME_TAKEN: .*"count", which is a network with the components numbers, end\.\n[^]*fix: .*--name <name>.*--replace/,
    ],
    [['undeploy', 'counts'], 2, /NETWORK_UNKNOWN: .*Did you mean "count"\?[^]*fix: /],
    [['scale', 'count', 'end', '0'], 2, /USAGE: [^]*fix: .*undeploy/],
  ] as const) {
    const result = await ask(...args)
    assert.equal(result.code, code, `${args.join(' ')}: ${result.stderr}`)
    assert.match(result.stderr, text)
    assert.deepEqual(await wanted(), before, args.join(' '))
  }
})

test('a node with the id of a living one, and a kind that one of the nodes cannot load', async (t) => {
  const { cwd, node, ask, wanted } = await place(t)
  const before = await wanted()
  const twin = await node('a', cwd, '--api', 'off').ended()
  assertCode(twin, 2)
  assert.match(twin.stderr, /error NODE_EXISTS: .*"a" .*process \d+ at 127\.0\.0\.1:\d+[^]*fix: .*--id/)
  assert.deepEqual(await wanted(), before)

  const elsewhere = node('b', project(t, {}), '--api', 'off', '--group', 'edge', ...stays)
  await elsewhere.until(joined)
  const bundled = ['--bundle', '--external', 'loud', '--group', 'edge', '--wait']
  const strange = await ask('deploy', 'stranger.yaml', ...bundled)
  assertCode(strange, 1)
  assert.match(strange.stderr, /error NETWORK_REFUSED: [^]*BUNDLE_PACKAGE_MISSING: .*loud[^]*fix: /)
  // The version before is opened again, a moment after the other one was refused.
  const status = await eventually(
    'the version before runs again',
    async () => {
      const seen = JSON.parse((await ask('status', 'count', '--json')).stdout) as {
        readonly state: string
        readonly refused: { readonly version: number }
        readonly instances: readonly { readonly component: string; readonly node: string }[]
      }
      return seen.state === 'running' ? seen : undefined
    },
    60_000,
  )
  assert.equal(status.refused.version, 2)
  // The version that ran runs on, where it was.
  assert.deepEqual(
    status.instances.map(({ component, node: at }) => `${component} on ${at}`),
    ['client-input:in on a', 'end on a', 'numbers on a'],
  )
})
