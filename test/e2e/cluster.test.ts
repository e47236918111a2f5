import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { assertCode, project, repository, type Result, start, vertigo } from './support.ts'

const net = `name: word-count
components:
  numbers: { kind: generator }
  twice: { kind: ./twice.ts, instances: 2 }
  end: { kind: log }
connections:
  - { from: numbers.out, to: twice.in }
  - { from: twice.out, to: end.in }
`
const files = {
  'net.yaml': net,
  'twice.ts': 'export default (n: number) => 2 * n\n',
  'more.yaml': `name: word-count
components:
  extra: { kind: log }
connections:
  - { from: twice.out, to: extra.in }
`,
}

/** The API, in a process of its own, over a cluster that carries out what is asked of it. */
async function api(t: TestContext, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const child = spawn(
    process.execPath,
    ['--conditions=vertigo-src', join(repository, 'test/fixtures/api/serve.ts')],
    { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } },
  )
  t.after(async () => {
    child.stdin.end()
    await once(child, 'exit')
  })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  return line
}

type Ask = (...args: readonly string[]) => Promise<Result>

async function started(t: TestContext, more: Readonly<Record<string, string>> = {}): Promise<Ask> {
  const address = await api(t)
  const cwd = project(t, { ...files, ...more })
  return (...args) => vertigo(t, args, { cwd, env: { VERTIGO_API: address } })
}

function json(result: Result): unknown {
  assertCode(result, 0)
  return JSON.parse(result.stdout)
}

test('a network is deployed and waited for, looked at, changed and ended', async (t) => {
  const ask = await started(t)
  const deployed = await ask('deploy', 'net.yaml', '--wait')
  assertCode(deployed, 0)
  assert.equal(deployed.stdout, 'word-count: version 1 is running\n')
  assert.match(deployed.stderr, /word-count version 1: running, instances: 4 running\n$/)
  assert.match((await ask('ls')).stdout, /^NETWORK +STATE[^]*\nword-count +running +1 +3 +4\n$/)

  const status = json(await ask('status', 'word-count', '--json')) as Record<string, unknown>
  assert.deepEqual([status['state'], status['version'], status['generation']], ['running', 1, 1])
  const instances = status['instances'] as Record<string, unknown>[]
  assert.deepEqual(
    instances.map(({ component, index, node, state }) => [component, index, typeof node, state]),
    [
      ['end', 0, 'string', 'running'],
      ['numbers', 0, 'string', 'running'],
      ['twice', 0, 'string', 'running'],
      ['twice', 1, 'string', 'running'],
    ],
  )
  assert.match(
    (await ask('status', 'word-count')).stdout,
    /^word-count: running, version 1, generation 1\n[^]*twice\[1\] +n\d +\d +running\n$/,
  )

  const scaled = await ask('scale', 'word-count', 'twice', '3', '--wait', '--json')
  const { version, state } = json(scaled) as Record<string, unknown>
  assert.deepEqual([version, state, scaled.stderr], [2, 'running', ''])
  assert.deepEqual(json(await ask('deploy', 'more.yaml', '--json')), { name: 'word-count', version: 3 })
  assert.deepEqual(json(await ask('undeploy', './more.yaml', '--json', '--wait', '--timeout', '30')), {
    ...(json(await ask('status', 'word-count', '--json')) as object),
  })
  assert.equal((await ask('rollback', 'word-count', '--wait')).stdout, 'word-count: version 5 is running\n')
  const described = await ask('describe', 'word-count')
  assert.match(described.stdout, /^word-count: version 5, made \S+ by .* \(roll back to version 3\)\n/)
  assert.match(
    described.stdout,
    /twice +3 +- +file:\/\/\/.*\/twice\.ts\n[^]*\ntwice\.out +extra\.in +round-robin/,
  )
  const versions = json(await ask('describe', 'word-count', '--versions', '--json')) as { version: number }[]
  assert.deepEqual(
    versions.map(({ version }) => version),
    [5, 4, 3, 2, 1],
  )
  const ended = await ask('undeploy', 'word-count', '--wait')
  assertCode(ended, 0)
  assert.equal(ended.stdout, 'word-count: stopped\n')
})

test('nodes and events', async (t) => {
  const ask = await started(t)
  const nodes = json(await ask('nodes', '--json')) as Record<string, unknown>[]
  const promised = ['id', 'pid', 'address', 'groups', 'workers', 'instances', 'manager']
  for (const node of nodes)
    assert.deepEqual(
      promised.filter((field) => !(field in node)),
      [],
    )
  assert.deepEqual(
    nodes.map(({ id, manager }) => [id, manager]),
    [
      ['n1', true],
      ['n2', false],
    ],
  )
  assert.equal((await ask('drain', 'n2')).stdout, 'n2: draining\n')
  assert.match((await ask('nodes')).stdout, /\nn1 .* manager\nn2 .* draining\n$/)
  assert.deepEqual(json(await ask('undrain', 'n2', '--json')), { id: 'n2', draining: false })
  assert.match((await ask('events')).stdout, /^1 {2}\S+Z {2}node-joined {2}The node n1 has joined\.\n$/)
  assert.equal((json(await ask('events', '--json')) as { number: number }).number, 1)
  assert.equal((await ask('events', '--after', '1')).stdout, '')
})

test('events are followed until Ctrl-C', async (t) => {
  const address = await api(t)
  const session = start(t, ['events', '--follow', '--api', address])
  await session.until(/has joined/)
  session.child.kill('SIGINT')
  assertCode(await session.ended(), 0)
})

test('what is refused, fails, or does not come in time is told by the exit code', async (t) => {
  const with_ = (name: string): string =>
    `name: n\ncomponents:\n  numbers: { kind: generator }\n  ${name}: { kind: log }\nconnections:\n  - { from: numbers.out, to: ${name}.in }\n`
  const ask = await started(t, {
    'broken.yaml': with_('broken'),
    'doomed.yaml': with_('doomed').replace('name: n\n', 'name: d\n'),
    'stuck.yaml': with_('stuck').replace('name: n\n', 'name: s\n'),
  })
  const refused = await ask('deploy', 'broken.yaml', '--wait')
  assertCode(refused, 1)
  assert.match(
    refused.stderr,
    /error NETWORK_REFUSED: Version 1 of "n" could not be set up: KIND_NOT_FOUND: /,
  )
  const failed = await ask('deploy', 'doomed.yaml', '--wait')
  assertCode(failed, 1)
  assert.match(failed.stderr, /error NETWORK_FAILED: [^]*\n {2}fix: /)
  const late = await ask('deploy', 'stuck.yaml', '--wait', '--timeout', '10')
  assertCode(late, 1)
  assert.match(
    late.stderr,
    /error WAIT_TIMEOUT: [^]*It waits for a place for stuck\[0\]: No node has the group "gpu"\./,
  )
  assert.equal(late.stderr.match(/^waits for/gm)?.length, 1)
  const told = await ask('scale', 's', 'stuck', '2', '--wait', '--timeout', '10')
  assertCode(told, 1)
  assert.equal(
    told.stderr.match(/^waits for a place for stuck\[0\] and 1 more: No node has the group "gpu"\.$/gm)
      ?.length,
    1,
  )
  assert.match(
    (await ask('status', 's')).stdout,
    /stuck\[0\] +- +- +waiting +No node has the group "gpu"\.\n/,
  )
})

test('faults of what is deployed have their places, also where the cluster found them', async (t) => {
  const ask = await started(t, {
    'typo.yaml': net.replace('to: end.in', 'to: ende.in'),
    'stdout.yaml': net.replace('kind: log', 'kind: stdout'),
  })
  const typo = await ask('deploy', 'typo.yaml')
  assertCode(typo, 3)
  assert.match(typo.stderr, /COMPONENT_UNKNOWN: .*\n {4}at typo\.yaml:8:\d+ \(connections\[1\]\.to\)/)
  const stdout = await ask('deploy', 'stdout.yaml')
  assertCode(stdout, 3)
  assert.match(
    stdout.stderr,
    /KIND_NOT_IN_CLUSTER: [^]*at stdout\.yaml:5:\d+ [^]*fix: Write with `file-sink`/,
  )
  assert.equal((await ask('ls')).stdout, '')
  const file = await ask('deploy', 'none.yaml')
  assertCode(file, 3)
})

test('wrong use, unknown names, nobody there', async (t) => {
  const ask = await started(t)
  assertCode(await ask('deploy', 'net.yaml'), 0)
  for (const [args, code, text] of [
    [['status', 'word-cout'], 2, /NETWORK_UNKNOWN: .*Did you mean "word-count"\?/],
    [['scale', 'word-count', 'twice', 'many'], 2, /USAGE: <instances> must be a whole number/],
    [['scale', 'word-count', 'twic', '2'], 3, /COMPONENT_UNKNOWN: .*Did you mean "twice"\?/],
    [['rollback', 'word-count'], 2, /VERSION_UNKNOWN: .*no version before/],
    [['rollback', 'word-count', '9'], 2, /VERSION_UNKNOWN/],
    [['drain', 'n9'], 2, /NODE_UNKNOWN/],
    [['undeploy', './net.yaml'], 3, /Nothing would be left[^]*fix: .*vertigo undeploy word-count/],
    [['deploy', 'net.yaml', '--expected', '7'], 1, /CLUSTER_CHANGE_CONFLICT/],
    [['ls', '--api', 'http://127.0.0.1:1'], 4, /API_UNREACHABLE: No node answers at http:\/\/127\.0\.0\.1:1/],
    [['ls', '--api', 'not an address'], 2, /USAGE/],
    [['ls', '--token', 'plain-token'], 2, /SECRET_INVALID/],
    [['completion', 'fihs'], 2, /USAGE: .*Did you mean "fish"\?/],
  ] as const) {
    const result = await ask(...args)
    assertCode(result, code)
    assert.match(result.stderr, text)
    assert.ok(!result.stderr.includes('plain-token'))
  }
})

test('tokens come by reference', async (t) => {
  const token = 'viewer-token-0123456789'
  const address = await api(t, { TEST_TOKENS: `viewer screen ${token}` })
  const cwd = project(t, { ...files, 'token.txt': `${token}\n` })
  const ask = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Result> =>
    vertigo(t, [...args, '--api', address], { cwd, env })
  assert.match((await ask(['nodes'])).stderr, /API_TOKEN_MISSING/)
  assertCode(await ask(['nodes'], { VERTIGO_TOKEN: token }), 0)
  assertCode(await ask(['nodes', '--token', 'env:MINE'], { MINE: token }), 0)
  assertCode(await ask(['nodes', '--token', 'file:token.txt']), 0)
  const refused = await ask(['deploy', 'net.yaml', '--token', 'file:token.txt'])
  assertCode(refused, 2)
  assert.match(refused.stderr, /API_ROLE_MISSING: .*viewer.*operator/)
})
