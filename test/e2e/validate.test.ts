import assert from 'node:assert/strict'
import test from 'node:test'
import { assertCode, project, start, vertigo } from './support.ts'

const good = `name: demo
components:
  numbers: { kind: generator, config: { count: 3 } }
  twice: { kind: ./twice.ts }
  out: { kind: stdout }
connections:
  - { from: numbers.out, to: twice.in }
  - { from: twice.out, to: out.in }
`
const twice = 'export default function twice(n: number): number {\n  return 2 * n\n}\n'

test('a valid network is told to be valid, and that its types were not checked', async (t) => {
  const cwd = project(t, { 'net.yaml': good, 'twice.ts': twice })
  const result = await vertigo(t, ['validate', 'net.yaml'], { cwd })
  assertCode(result, 0)
  assert.equal(result.stdout, 'network "demo" is valid (types not checked)\n')
  const json = await vertigo(t, ['validate', 'net.yaml', '--json'], { cwd })
  assertCode(json, 0)
  assert.deepEqual(JSON.parse(json.stdout), {
    valid: true,
    network: 'demo',
    types: 'not checked',
    faults: [],
    inCluster: [],
  })
})

test('a network that a cluster would refuse for its guarantee is told so, and is valid where it has not asked for it', async (t) => {
  const tracked = `import { defineSource, port } from 'vertigo-flow'
export default defineSource({
  outputs: { out: port<number>() },
  track: {},
  *read() {
    yield* [1, 2, 3]
  },
})
`
  const net = (says: string, end = 'log'): string =>
    `name: demo\n${says}components:\n  from: { kind: ./tracked.ts }\n  end: { kind: ${end} }\nconnections:\n  - { from: from.out, to: end.in }\n`
  const cwd = project(t, {
    'tracked.ts': tracked,
    'unsaid.yaml': net(''),
    'exactly.yaml': net('guarantee: exactly-once\n'),
    'least.yaml': net('guarantee: at-least-once\n'),
    'stdout.yaml': net('', 'stdout'),
  })
  const validate = (file: string, ...more: string[]) => vertigo(t, ['validate', file, ...more], { cwd })
  const unsaid = await validate('unsaid.yaml')
  assertCode(unsaid, 0)
  assert.match(
    unsaid.stdout,
    /^network "demo" is valid .*\na cluster would refuse it: .* exactly-once there\n\n {2}SOURCE_CANNOT_REWIND: from .*\n {4}at unsaid.yaml:3:17/,
  )
  const json = JSON.parse((await validate('unsaid.yaml', '--json')).stdout) as {
    inCluster: { code: string }[]
  }
  assert.deepEqual(
    json.inCluster.map(({ code }) => code),
    ['SOURCE_CANNOT_REWIND'],
  )
  const exactly = await validate('exactly.yaml')
  assertCode(exactly, 3)
  assert.match(exactly.stderr, /SOURCE_CANNOT_REWIND/)
  for (const file of ['least.yaml', 'stdout.yaml'])
    assert.equal((await validate(file)).stdout, 'network "demo" is valid (types not checked)\n')

  // A run asks for nothing of the kind; it says what the words mean for it, where there are some.
  const ran = await vertigo(t, ['run', 'exactly.yaml'], { cwd })
  assertCode(ran, 0)
  assert.match(ran.stderr, /exactly-once in one process: .* nothing is kept past its end/)
  const quiet = await vertigo(t, ['run', 'unsaid.yaml'], { cwd })
  assertCode(quiet, 0)
  assert.doesNotMatch(quiet.stderr, /in one process/)
})

test('a module that computes without end while it is loaded is named as such, in time', async (t) => {
  const cwd = project(t, {
    'net.yaml': good,
    'twice.ts': 'for (;;);\n',
    'net.ts': 'while (true) {}\nexport {}\n',
  })
  for (const args of [['net.yaml'], ['net.ts']]) {
    const result = await vertigo(t, ['validate', ...args, '--stall-ms', '1000'], { cwd })
    assertCode(result, 3)
    assert.match(
      result.stderr,
      /^error KIND_LOAD_TIMEOUT: A module of net\.(yaml|ts) has blocked its thread for 1 s.*\n[^]*fix: .*setup/,
    )
  }
  const json = await vertigo(t, ['validate', 'net.yaml', '--stall-ms', '1000', '--json'], { cwd })
  assertCode(json, 3)
  const { faults } = JSON.parse(json.stdout) as { faults: { code: string }[] }
  assert.deepEqual(
    faults.map(({ code }) => code),
    ['KIND_LOAD_TIMEOUT'],
  )
})

test('a module that awaits for longer than it may block is waited for, and what it writes is shown', async (t) => {
  const slow =
    "console.log('loading')\nawait new Promise((resolve) => setTimeout(resolve, 6000))\nconsole.log('loaded')\n"
  const cwd = project(t, { 'net.yaml': good, 'twice.ts': `${slow}${twice}` })
  const result = await vertigo(t, ['validate', 'net.yaml', '--stall-ms', '5000'], { cwd })
  assertCode(result, 0)
  assert.equal(result.stdout, 'loading\nloaded\nnetwork "demo" is valid (types not checked)\n')
})

test('all faults are reported at once, with line, column, source and remedy', async (t) => {
  const cwd = project(t, {
    'net.yaml': good
      .replace('count: 3', 'cuont: 3')
      .replace('twice.out', 'twice.uot')
      .replace('to: out.in', 'to: oot.in'),
    'twice.ts': twice,
  })
  const result = await vertigo(t, ['validate', 'net.yaml'], { cwd })
  assertCode(result, 3)
  assert.equal(result.stdout, '')
  assert.match(result.stderr, /^error NETWORK_INVALID: The network net\.yaml has 4 faults\./)
  assert.match(
    result.stderr,
    /CONFIG_INVALID: .*cuont.*Did you mean "count"\?\n {4}at net\.yaml:3:\d+ \(components\.numbers\.config\.cuont\)\n {6}3 \| .*cuont.*\n {8}\| +\^\n {4}fix: /,
  )
  assert.match(result.stderr, /PORT_UNKNOWN: .*uot[^]*at net\.yaml:8:/)
  assert.match(result.stderr, /COMPONENT_UNKNOWN: .*oot[^]*at net\.yaml:8:/)
  const json = await vertigo(t, ['validate', 'net.yaml', '--json'], { cwd })
  assertCode(json, 3)
  const { valid, faults } = JSON.parse(json.stdout) as {
    valid: boolean
    faults: { code: string; place: { line: number } }[]
  }
  assert.equal(valid, false)
  assert.deepEqual(faults.map(({ code, place }) => `${code} ${place.line}`).toSorted(), [
    'COMPONENT_UNKNOWN 8',
    'CONFIG_INVALID 3',
    'INPUT_UNCONNECTED 5',
    'PORT_UNKNOWN 8',
  ])
})

test('types are checked by the compiler of the project', async (t) => {
  const cwd = project(t, {
    'net.yaml': good,
    'bad.yaml': good.replace('twice.ts', 'lines.ts'),
    'twice.ts': twice,
    'lines.ts': twice.replace('n: number', 'n: string').replace('2 * n', 'n.length'),
  })
  const fine = await vertigo(t, ['validate', 'net.yaml', '--types'], { cwd })
  assertCode(fine, 0)
  assert.match(fine.stdout, /^network "demo" is valid \(types checked: 2 connections\)\n/)
  const wrong = await vertigo(t, ['validate', 'bad.yaml', '--types'], { cwd })
  assertCode(wrong, 3)
  assert.match(
    wrong.stderr,
    /TYPE_MISMATCH: The messages of numbers\.out do not fit twice\.in[^]*at bad\.yaml:7:/,
  )
})

const unreadable = [
  [
    'a file that does not exist',
    'nte.yaml',
    /^error NETWORK_NOT_FOUND: There is no file nte\.yaml\. Did you mean "net\.yaml"\?/,
  ],
  ['a directory', '.', /^error NETWORK_NOT_FOUND: .*directory/],
  ['malformed YAML', 'malformed.yaml', /^error NETWORK_SYNTAX: [^]*malformed\.yaml:3:/],
  ['an empty file', 'empty.yaml', /^error NETWORK_/],
  ['a file of an unknown kind', 'net.toml', /^error NETWORK_SYNTAX: /],
  [
    'a module without a network',
    'twice.ts',
    /^error NETWORK_INVALID: The default export of twice\.ts is not a network/,
  ],
] as const

for (const [what, file, message] of unreadable)
  test(`${what} is refused, by validate and by run`, async (t) => {
    const cwd = project(t, {
      'net.yaml': good,
      'twice.ts': twice,
      'empty.yaml': '',
      'net.toml': 'name = 1',
      'malformed.yaml': 'name: a\ncomponents:\n  a: { kind: [ }\n',
    })
    for (const command of ['validate', 'run']) {
      const result = await vertigo(t, [command, file], { cwd })
      assertCode(result, 3)
      assert.equal(result.stdout, '')
      // `run` says that it is late, on a busy machine.
      assert.match(result.stderr.replace(/^.*still loading modules.*\n/, ''), message)
      assert.doesNotMatch(result.stderr, /node:internal/)
    }
  })

test('kinds that cannot be had are named, with what was meant', async (t) => {
  const cwd = project(t, {
    'net.yaml': good.replace('generator', 'generatr').replace('./twice.ts', './twcie.ts'),
    'twice.ts': twice,
  })
  const result = await vertigo(t, ['validate', 'net.yaml'], { cwd })
  assertCode(result, 3)
  assert.match(
    result.stderr,
    /KIND_UNKNOWN: "generatr" is no built-in kind.*Did you mean "generator"\?\n {4}at net\.yaml:3:20 /,
  )
  assert.match(result.stderr, /KIND_NOT_FOUND: .*Did you mean "\.\/twice\.ts"\?\n {4}at net\.yaml:4:18 /)
})

test('a module that ends the thread which loads it is named, not called a fault of ours', async (t) => {
  const cwd = project(t, {
    'net.yaml': good,
    // Later than the network is there, and while the output that is before it is still being written.
    'twice.ts': `
      process.stdout.write('x'.repeat(10_000_000))
      setTimeout(() => { throw new Error('left behind') }, 1)
      ${twice}`,
    'filled.yaml': good.replace('./twice.ts', './filled.ts'),
    'filled.ts': `
      const all: unknown[] = []
      for (;;) all.push(new Array(100_000).fill(1))
      ${twice}`,
  })
  const env = { NODE_OPTIONS: '--max-old-space-size=100' }
  const filled = await vertigo(t, ['validate', 'filled.yaml'], { cwd, env })
  assertCode(filled, 3)
  assert.match(filled.stderr, /^error KIND_LOAD_FAILED: A module of filled\.yaml .*memory/)
  const thrown = await vertigo(t, ['validate', 'net.yaml'], { cwd })
  assert.doesNotMatch(thrown.stderr, /INTERNAL/)
})

test('a module that blocks its thread while types are checked is refused in its time', async (t) => {
  const cwd = project(t, {
    'net.yaml': good,
    // Network and module are loaded by then, and the compiler is at work.
    'twice.ts': `${twice}\nsetTimeout(() => { for (;;); }, 50)\n`,
  })
  const result = await vertigo(t, ['validate', 'net.yaml', '--types', '--stall-ms', '2000'], { cwd })
  assertCode(result, 3)
  assert.match(result.stderr, /^error KIND_LOAD_TIMEOUT: /)
})

test('a module that leaves a timer or blocks for ever does not keep the command', async (t) => {
  const cwd = project(t, {
    'net.yaml': good,
    'twice.ts': `setInterval(() => undefined, 1000)\n${twice}`,
    'blocked.yaml': good.replace('./twice.ts', './blocked.ts'),
    'blocked.ts': `console.error('blocked')\nfor (;;);\n${twice}`,
  })
  assertCode(await vertigo(t, ['validate', 'net.yaml'], { cwd }), 0)
  const session = start(t, ['validate', 'blocked.yaml'], { cwd })
  await session.until(/^blocked/m)
  session.child.kill('SIGINT')
  assert.equal((await session.ended()).signal, 'SIGINT')
})
