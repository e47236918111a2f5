import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Authority } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { assertCode, project, type Result, type Session, start, vertigo } from './support.ts'

const openssl = await Authority.make('other')
const skip = openssl === undefined && 'no openssl'

const net = `name: count
components:
  numbers: { kind: generator, config: { rate: 20 }, placement: { labels: { side: left } } }
  end: { kind: log, placement: { labels: { side: right } } }
connections:
  - { from: numbers.out, to: end.in }
`
const tokens = `viewer screen viewer-token-0123456789
operator ci operator-token-0123456789
admin kim admin-token-0123456789
`

interface Place {
  readonly cwd: string
  readonly node: (id: string, ...args: readonly string[]) => Session
  /** The files of a node, as options. */
  readonly tls: (id: string) => readonly string[]
}

/** Certificates take a while to be made: `ids` may be none. */
async function place(t: TestContext, ids: string): Promise<Place> {
  const cwd = project(t, { 'net.yaml': net, tokens, 'viewer.txt': 'viewer-token-0123456789\n' })
  if (ids !== '') assertCode(await vertigo(t, ['certs', 'create', 'certs', '--nodes', ids], { cwd }), 0)
  return {
    cwd,
    tls: (id) => [
      '--tls-ca',
      'certs/ca.pem',
      '--tls-cert',
      `certs/${id}.pem`,
      '--tls-key',
      `certs/${id}.key`,
    ],
    node: (id, ...args) =>
      start(t, ['node', '--store', 'lmdb:./store', '--id', id, '--workers', '1', ...args], { cwd }),
  }
}

async function apiOf(node: Session): Promise<string> {
  await node.until(/has joined the cluster/)
  return /API (http\S+?),/.exec(node.stdout)![1]!
}

test('nodes with certificates talk by mutual TLS; the API by TLS, with tokens', async (t) => {
  const { cwd, node, tls } = await place(t, 'a,b')
  const served = [
    '--api',
    '127.0.0.1:0',
    '--api-cert',
    'certs/a.pem',
    '--api-key',
    'certs/a.key',
    '--tokens',
    'tokens',
  ]
  const a = node('a', ...tls('a'), ...served, '--label', 'side=left')
  const api = await apiOf(a)
  assert.match(api, /^https:\/\/127\.0\.0\.1:\d+$/)
  const b = node('b', ...tls('b'), '--api', 'off', '--label', 'side=right')
  await b.until(/has joined the cluster/)
  const ask = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Result> =>
    vertigo(t, args, { cwd, env: { VERTIGO_API: api, VERTIGO_API_CA: 'certs/ca.pem', ...env } })
  const as = (role: string) => ({ VERTIGO_TOKEN: `${role}-token-0123456789` })

  // One component is on each node: what is logged has come over their line.
  const deployed = await ask(['deploy', 'net.yaml', '--bundle', '--wait'], as('operator'))
  assertCode(deployed, 0)
  await b.until(/count: end\[0\] info: .*\d/)

  assertCode(await ask(['nodes', '--token', 'file:viewer.txt']), 0)
  for (const [args, env, code, text] of [
    [['nodes'], {}, 2, /error API_TOKEN_MISSING: The request has no token[^]*fix: /],
    [['nodes'], as('unknown'), 2, /error API_TOKEN_MISSING: The token of the request is not known/],
    [
      ['deploy', 'net.yaml', '--bundle'],
      as('viewer'),
      2,
      /API_ROLE_MISSING: .* has the role viewer; this needs operator/,
    ],
    [
      ['nodes'],
      { ...as('viewer'), VERTIGO_API_CA: '' },
      4,
      /error API_UNTRUSTED: [^]*fix: Name its authority: `--api-ca/,
    ],
  ] as const) {
    const result = await ask(args, env)
    assert.equal(result.code, code, `${args.join(' ')}: ${result.stdout}${result.stderr}`)
    assert.match(result.stderr, text)
    assert.doesNotMatch(result.stderr, /token-0123456789/)
  }
})

test('the configuration of the cluster is shown and set by who may', async (t) => {
  const { cwd, node } = await place(t, '')
  const api = await apiOf(node('a', '--api', '127.0.0.1:0', '--tokens', 'tokens'))
  const ask = (role: string, ...args: readonly string[]): Promise<Result> =>
    vertigo(t, args, { cwd, env: { VERTIGO_API: api, VERTIGO_TOKEN: `${role}-token-0123456789` } })
  assert.equal((await ask('viewer', 'config')).stdout, 'SETTING  VALUE\nquorum   1\n')
  assert.deepEqual(JSON.parse((await ask('admin', 'config', '--quorum', '2', '--json')).stdout), {
    quorum: 2,
  })
  assertCode(await ask('operator', 'deploy', 'net.yaml'), 0)
  await eventually('what waits says why', async () =>
    /waiting +Nodes that are there: 1, quorum: 2/.test((await ask('viewer', 'status', 'count')).stdout),
  )
  assertCode(await ask('admin', 'config', '--quorum', '0'), 2)
})

test('a node whose certificate the others would refuse does not join', { skip }, async (t) => {
  const { node, tls } = await place(t, 'a,b')
  const expired = await openssl!.issue('a', 'DNS:a', { expired: true })
  const ofA = [
    '--tls-ca',
    openssl!.own.certFile,
    '--tls-cert',
    expired.certFile,
    '--tls-key',
    expired.keyFile,
  ]
  for (const [args, code, text] of [
    [ofA, 1, /error TLS_CERTIFICATE_EXPIRED: .*ended on [^]*fix: /],
    [tls('b'), 1, /error TLS_CERTIFICATE_OTHER_NODE: .*"a", was issued to DNS:b/],
    [
      ['--api-cert', 'certs/a.pem', '--api-key', 'certs/b.key'],
      2,
      /USAGE: The certificate and the key of the HTTP API/,
    ],
    [['--listen', '192.0.2.1:7400'], 2, /error NODE_OPEN: [^]*fix: .*--insecure/],
    [['--api', '0.0.0.0:0'], 2, /error API_OPEN: [^]*fix: .*--insecure/],
  ] as const) {
    const result = await node('a', ...args).ended()
    assert.equal(result.code, code, `${args.join(' ')}: ${result.stdout}${result.stderr}`)
    assert.match(result.stderr, text)
  }
  // With that said, it is what was asked for.
  const wide = node('a', '--api', '0.0.0.0:0', '--insecure')
  await wide.until(/has joined the cluster/)
})

test('a node whose port for the API is taken says so, and where it is instead', async (t) => {
  const { node } = await place(t, '')
  const blocker = createServer()
  await new Promise<void>((resolve) => {
    blocker.once('error', () => resolve())
    // Where it is taken already, that does as well.
    blocker.listen(7411, '127.0.0.1', resolve)
  })
  t.after(() => blocker.close())
  const elsewhere = node('a')
  const api = await apiOf(elsewhere)
  assert.match(
    elsewhere.stdout,
    /port 7411 is taken, so the API of this node is at http:\/\/127\.0\.0\.1:\d+\n/,
  )
  const { port } = new URL(api)
  assert.notEqual(port, '7411')
  // One that was asked for is not replaced.
  const refused = await node('b', '--api', `127.0.0.1:${port}`).ended()
  assertCode(refused, 4)
  assert.match(refused.stderr, /error API_ADDRESS_UNFIT: .*another process listens there[^]*fix: /)
})

test('a node prints what its level lets through', async (t) => {
  const { cwd, node } = await place(t, '')
  const quiet = node('a', '--api', '127.0.0.1:0', '--log-level', 'warn')
  const api = await apiOf(quiet)
  const ask = (...args: readonly string[]): Promise<Result> =>
    vertigo(t, args, { cwd, env: { VERTIGO_API: api } })
  const noisy = `name: noisy
components:
  numbers: { kind: generator, config: { rate: 20 } }
  low: { kind: log }
  high: { kind: log, config: { level: error } }
connections:
  - { from: numbers.out, to: low.in }
  - { from: numbers.out, to: high.in, selector: all }
`
  writeFileSync(join(cwd, 'noisy.yaml'), noisy)
  assertCode(await ask('deploy', 'noisy.yaml', '--wait'), 0)
  await quiet.until(/high\[0\] error: /)
  await eventually('what it does not print can be read', async () =>
    /low\[0\] info: /.test((await ask('logs', 'noisy')).stdout),
  )
  assert.doesNotMatch((await ask('logs', 'noisy', '--level', 'error')).stdout, / info: /)
  assert.doesNotMatch(quiet.stdout, / info: |is the manager/)
  assertCode(await node('b', '--log-level', 'loud').ended(), 2)
})
