import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { errorCodes } from '../../src/base/error-codes.ts'
import { assertCode, project, repository, Session, start, vertigo, vertigoCommand } from './support.ts'

test('the overview lists the commands and every exit code', async (t) => {
  const result = await vertigo(t, ['--help'])
  assertCode(result, 0)
  assert.equal(result.stderr, '')
  for (const name of ['new', 'run', 'validate', 'graph', 'kinds', 'help'])
    assert.match(result.stdout, new RegExp(`^  ${name}\\b`, 'm'))
  for (const exit of new Set(Object.values(errorCodes).map((info) => info.exit)))
    assert.match(result.stdout, new RegExp(`^  ${exit} `, 'm'))
})

test('without a command the overview goes to standard error', async (t) => {
  const result = await vertigo(t, [])
  assertCode(result, 2)
  assert.equal(result.stdout, '')
  assert.match(result.stderr, /^Commands:$/m)
})

test('each command has a help, asked for either way', async (t) => {
  for (const name of ['run', 'graph']) {
    const [direct, asked] = [await vertigo(t, [name, 'x.yaml', '--help']), await vertigo(t, ['help', name])]
    assertCode(direct, 0)
    assert.equal(direct.stdout, asked.stdout)
    assert.match(direct.stdout, new RegExp(`^Usage: vertigo ${name} <network>`))
  }
})

test('an older Node is refused before anything else is loaded', async (t) => {
  const pretend = 'Object.defineProperty(process.versions, "node", { value: "20.19.0" })'
  const flag = `--import=data:text/javascript,${encodeURIComponent(pretend)}`
  const result = await start(t, ['--version'], { env: { NODE_OPTIONS: flag } }).ended()
  assertCode(result, 2)
  assert.equal(result.stdout, '')
  assert.match(result.stderr, /^error NODE_UNSUPPORTED: .*22\.18 or newer.*20\.19\.0[^]*\n {2}fix: /)
})

test('the version is that of the package', async (t) => {
  const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
    version: string
  }
  const result = await vertigo(t, ['--version'])
  assertCode(result, 0)
  assert.equal(result.stdout, `${version}\n`)
})

test('wrong use ends with 2, names what was meant, and writes nothing to standard output', async (t) => {
  const cases = [
    [['vlidate', 'x.yaml'], /no command "vlidate"\. Did you mean "validate"\?/],
    [['network.yaml'], /vertigo run network\.yaml/],
    [['--hlep'], /no option --hlep\. Did you mean "--help"\?/],
    [['run'], /needs <network>/],
    [['run', 'x.yaml', '--worker', '3'], /no option --worker\. Did you mean "--workers"\?/],
    [['run', 'x.yaml', '--workers', 'two'], /--workers must be a whole number, 0 or more, not "two"/],
    [['run', 'x.yaml', '--set', 'lines'], /--set takes component\.config\.field=value/],
    [['run', 'x.yaml', '--memory-mb', '1'], /--memory-mb must be a whole number, 32 or more, not "1"/],
    [['new', ''], /The name of the folder is empty/],
    [['graph', 'x.yaml', '--format', 'sgv'], /Did you mean "svg"/],
  ] as const
  for (const [args, message] of cases) {
    const result = await vertigo(t, args)
    assertCode(result, 2)
    assert.equal(result.stdout, '')
    assert.match(result.stderr, /^error USAGE: /)
    assert.match(result.stderr, message)
  }
})

test('output that nobody reads ends the command by the code of OUTPUT_CLOSED, without a stack', async (t) => {
  const session = start(t, ['kinds', '--json'])
  session.child.stdout?.destroy()
  const result = await session.ended()
  assertCode(result, errorCodes.OUTPUT_CLOSED.exit)
  assert.equal(result.stderr, '')
})

test('one kind is shown by its name; a misspelt one is named', async (t) => {
  const text = await vertigo(t, ['kinds', 'file-lines'])
  assertCode(text, 0)
  assert.match(text.stdout, /^Sources:\n {2}file-lines {2}\[-> out\]\n/)
  assert.doesNotMatch(text.stdout, /stdin/)
  const none = await vertigo(t, ['kinds', 'file-line'])
  assertCode(none, errorCodes.KIND_UNKNOWN.exit)
  assert.match(none.stderr, /Did you mean "file-lines"\?/)
})

test('looking into a store does not make one, and an address in the wrong place is noticed', async (t) => {
  const cwd = project(t, {})
  const missing = await vertigo(t, ['store', 'ls', '--store', 'lmdb:./none'], { cwd })
  assertCode(missing, errorCodes.STORE_NOT_FOUND.exit)
  assert.match(missing.stderr, /There is no store in \.\/none/)
  assert.ok(!existsSync(join(cwd, 'none')))
  const misplaced = await vertigo(t, ['store', 'ls', 'lmdb:./none'], { cwd, env: { VERTIGO_STORE: '' } })
  assertCode(misplaced, errorCodes.USAGE.exit)
  assert.match(misplaced.stderr, /Write --store in front of the address/)
  const made = await vertigo(t, ['store', 'put', 'a', 'b', '--store', 'lmdb:./none'], { cwd })
  assertCode(made, 0)
  const listed = await vertigo(t, ['store', 'ls', '--values', '--store', 'lmdb:./none'], { cwd })
  assert.match(listed.stdout, /^a +\d+ +1 +- +b$/m)
})

test('kinds are listed for people and for programs', async (t) => {
  const text = await vertigo(t, ['kinds'])
  assertCode(text, 0)
  assert.match(text.stdout, /^ {2}file-lines {2}\[-> out\]$/m)
  const json = await vertigo(t, ['kinds', '--json'])
  assertCode(json, 0)
  const kinds = JSON.parse(json.stdout) as Record<string, unknown>[]
  const sink = kinds.find(({ name }) => name === 'file-sink')
  assert.equal(sink?.['role'], 'sink')
  assert.deepEqual(sink?.['inputs'], ['in'])
  assert.deepEqual((sink?.['config'] as object[] | undefined)?.[0], {
    name: 'path',
    type: 'text',
    required: true,
  })
})

const network = `name: demo
components:
  numbers: { kind: generator, config: { count: 3 } }
  out: { kind: stdout }
connections:
  - { from: numbers.out, to: out.in }
`

test('a network is drawn in each format, to standard output or a file', async (t) => {
  const cwd = project(t, { 'net.yaml': network })
  const beginnings = { mermaid: /^flowchart LR\n/, dot: /^digraph /, svg: /^<svg / }
  for (const [format, beginning] of Object.entries(beginnings)) {
    const result = await vertigo(t, ['graph', 'net.yaml', '--format', format], { cwd })
    assertCode(result, 0)
    assert.match(result.stdout, beginning)
    assert.match(result.stdout, /numbers/)
  }
  const written = await vertigo(t, ['graph', 'net.yaml', '--out', 'net.svg'], { cwd })
  assertCode(written, 0)
  assert.equal(written.stdout, '')
  assert.match(readFileSync(join(cwd, 'net.svg'), 'utf8'), beginnings.svg)
  const refused = await vertigo(t, ['graph', 'net.yaml', '--out', 'none/net.svg'], { cwd })
  assertCode(refused, 4)
  assert.match(refused.stderr, /^error FILE_NOT_FOUND: /)
})

test('a network is written for tools of FBP, and runs from there', async (t) => {
  const selected = network.replace('to: out.in', 'to: out.in, selector: round-robin')
  const cwd = project(t, { 'net.yaml': selected })
  const text = await vertigo(t, ['graph', 'net.yaml', '--out', 'net.fbp'], { cwd })
  assertCode(text, 0)
  assert.match(text.stderr, /^left out.*: connections\[0\]\.selector$/m)
  const json = await vertigo(t, ['graph', 'net.yaml', '--format', 'fbp-json', '--out', 'net.json'], { cwd })
  assertCode(json, 0)
  assert.equal(json.stderr, '')
  for (const file of ['net.fbp', 'net.json']) {
    const result = await vertigo(t, ['run', file], { cwd })
    assertCode(result, 0)
    assert.equal(result.stdout, '0\n1\n2\n')
  }
})

test('a network that is not valid is drawn all the same, and one built in code too', async (t) => {
  const cwd = project(t, {
    'bad.yaml': network.replace('to: out.in', 'to: nowhere.in'),
    'net.ts': `import { network } from 'vertigo-flow'
import { generator, log } from 'vertigo-flow/connectors'
const net = network('built')
const numbers = net.add('numbers', generator, { config: { count: 1 } })
const sink = net.add('sink', log)
net.connect(numbers.outputs.out, sink.inputs.in)
export default net
`,
  })
  assert.match((await vertigo(t, ['graph', 'bad.yaml'], { cwd })).stdout, /nowhere/)
  assert.match((await vertigo(t, ['graph', 'net.ts'], { cwd })).stdout, /numbers/)
})

test('a full disk at the standard output, or at --out, is told in one block', async (t) => {
  const cwd = project(t, { 'net.yaml': network })
  const commands = [
    ['kinds'],
    ['--help'],
    ['--version'],
    ['validate', 'net.yaml'],
    ['graph', 'net.yaml'],
    ['run', 'net.yaml', '--json'],
    ['run', 'net.yaml'],
    ['run', 'net.yaml', '--workers', '0'],
  ]
  for (const command of commands) {
    const shell = ['sh', '-c', '"$@" > /dev/full', 'sh', ...vertigoCommand, ...command]
    const result = await new Session(t, shell, { cwd }).ended()
    assertCode(result, errorCodes.DISK_FULL.exit)
    assert.match(result.stderr, /^error DISK_FULL: .*standard output.* there is no room left/m)
    assert.doesNotMatch(result.stderr, /^\s+at .*(node:|src\/)/m)
    assert.equal(result.stderr.match(/^error /gm)?.length, 1)
  }
  const drawn = await vertigo(t, ['graph', 'net.yaml', '--out', '/dev/full'], { cwd })
  assertCode(drawn, errorCodes.DISK_FULL.exit)
  assert.match(drawn.stderr, /^error DISK_FULL: \/dev\/full/)
})
