import { setTimeout as delay } from 'node:timers/promises'
import { once } from 'node:events'
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { errorCodes } from '../../src/base/error-codes.ts'
import { assertCode, project, start, throughComponent, vertigo } from './support.ts'

const finite = `name: finite
components:
  numbers: { kind: generator, config: { count: 5 } }
  out: { kind: stdout }
connections:
  - { from: numbers.out, to: out.in }
`

test('a finite network runs to its end: messages on standard output, the rest on standard error', async (t) => {
  const cwd = project(t, { 'net.yaml': finite })
  const result = await vertigo(t, ['run', 'net.yaml'], { cwd })
  assertCode(result, 0)
  assert.equal(result.stdout, '0\n1\n2\n3\n4\n')
  assert.match(
    result.stderr,
    /^finite: started with 2 instances on 1 worker\nfinite: finished in .*\n {2}component {2}instances {2}in {2}out\n {2}numbers +1 +- +5\n {2}out +1 +5 +-\n$/,
  )
})

test('in one process it runs as well', async (t) => {
  const cwd = project(t, { 'net.yaml': finite })
  const result = await vertigo(t, ['run', 'net.yaml', '--workers', '0'], { cwd })
  assertCode(result, 0)
  assert.equal(result.stdout, '0\n1\n2\n3\n4\n')
  assert.match(result.stderr, /started with 2 instances on this thread/)
})

test('standard input is that of the network', async (t) => {
  const cwd = project(t, {
    'net.yaml': `name: echo
components: { lines: { kind: stdin }, out: { kind: stdout } }
connections: [{ from: lines.out, to: out.in }]
`,
  })
  const result = await vertigo(t, ['run', 'net.yaml'], { cwd, input: 'one\ntwo\n' })
  assertCode(result, 0)
  assert.equal(result.stdout, 'one\ntwo\n')
})

test('values of the network are replaced by --set', async (t) => {
  const cwd = project(t, { 'net.yaml': finite })
  const set = ['--set', 'numbers.config.count=2', '--set', 'numbers.config.from=7']
  const result = await vertigo(t, ['run', 'net.yaml', ...set], { cwd })
  assertCode(result, 0)
  assert.equal(result.stdout, '7\n8\n')
  const wrong = await vertigo(t, ['run', 'net.yaml', '--set', 'numbers.config.count=many'], { cwd })
  assertCode(wrong, 3)
  assert.match(wrong.stderr, /CONFIG_INVALID: .*count/)
  const unfit = await vertigo(t, ['run', 'net.yaml', '--set', 'numbers.instances=many'], { cwd })
  assertCode(unfit, 3)
  assert.match(
    unfit.stderr,
    /^error NETWORK_INVALID: The value that --set gives for numbers\.instances does not fit/,
  )
  const unknown = await vertigo(t, ['run', 'net.yaml', '--set', 'nmbers.config.count=2'], { cwd })
  assertCode(unknown, 3)
  assert.match(unknown.stderr, /^error COMPONENT_UNKNOWN: .*Did you mean "numbers"\?/)
})

test('with --json standard output holds one event a line', async (t) => {
  const cwd = project(t, {
    'net.yaml': throughComponent(5),
    'work.ts': `export default function work(n: number, { log }: { log: { info(message: string, details: object): void } }) {
  log.info('seen', { n })
  console.log('mine')
  return n
}
`,
  })
  const result = await vertigo(t, ['run', 'net.yaml', '--json'], { cwd })
  assertCode(result, 0)
  const events = result.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    // How many tell of the progress depends on the time it takes.
    events.map(({ type }) => type).filter((type) => type !== 'progress'),
    ['started', 'log', 'log', 'log', 'log', 'log', 'finished'],
  )
  assert.deepEqual(events.filter(({ type }) => type === 'log')[2]?.['details'], { n: 2 })
  assert.equal(events.at(-1)?.['rejected'], 0)
  assert.match(result.stderr, /^mine\n/, 'what components print is not mixed into the events')
})

test('failures are events too', async (t) => {
  const cwd = project(t, { 'net.yaml': finite.replace('count: 5', 'count: many') })
  const result = await vertigo(t, ['run', 'net.yaml', '--json'], { cwd })
  assertCode(result, 3)
  const event = JSON.parse(result.stdout) as {
    type: string
    exitCode: number
    error: { code: string; faults: object[] }
  }
  assert.equal(event.type, 'failed')
  assert.equal(event.exitCode, 3)
  assert.equal(event.error.code, 'NETWORK_INVALID')
  assert.equal(event.error.faults.length, 1)
})

test('rejected messages are told, counted, and kept in a file', async (t) => {
  const cwd = project(t, {
    'net.yaml': throughComponent(4).replace('kind: ./work.ts', 'kind: ./work.ts, errors: reject'),
    'work.ts': `export default function work(n: number) {
  if (n === 2) throw new Error('not this one')
  return n
}
`,
  })
  const result = await vertigo(t, ['run', 'net.yaml'], { cwd })
  assertCode(result, 0)
  assert.match(result.stderr, /^work\[0\] rejected a message of in: .*not this one$/m)
  assert.match(result.stderr, /^1 message rejected: see test\.dead-letter\.jsonl$/m)
  assert.match(readFileSync(join(cwd, 'test.dead-letter.jsonl'), 'utf8'), /not this one/)
})

const endless = `name: endless
components:
  ticks: { kind: interval, config: { periodMs: 20 } }
  file: { kind: file-sink, config: { path: ticks.jsonl } }
connections:
  - { from: ticks.out, to: file.in }
`

test('the first Ctrl-C drains: what is written is whole, and the exit code is 0', async (t) => {
  const cwd = project(t, { 'net.yaml': endless })
  const session = start(t, ['run', 'net.yaml'], { cwd })
  await session.until(/started/)
  session.child.kill('SIGINT')
  const result = await session.ended()
  assertCode(result, 0)
  assert.match(result.stderr, /^draining, Ctrl-C again stops at once$/m)
  assert.match(result.stderr, /^endless: finished in /m)
  assert.ok(existsSync(join(cwd, 'ticks.jsonl')))
})

test('SIGTERM drains as well, and so does the end of the time given', async (t) => {
  const cwd = project(t, { 'net.yaml': endless })
  const session = start(t, ['run', 'net.yaml'], { cwd })
  await session.until(/started/)
  session.child.kill('SIGTERM')
  const result = await session.ended()
  assertCode(result, 0)
  assert.match(result.stderr, /^draining \(SIGTERM\)$/m)
  const timed = await vertigo(t, ['run', 'net.yaml', '--duration', '0.2'], { cwd })
  assertCode(timed, 0)
  assert.match(timed.stderr, /^draining: the time given is over$/m)
})

/** A component that never comes to its end while it drains. */
const stubborn = {
  'net.yaml': throughComponent(),
  'work.ts': `import { defineComponent, port } from 'vertigo-flow'
export default defineComponent({
  inputs: { in: port<number>() },
  outputs: { out: port<number>() },
  on: { in: (n, { emit }) => emit.out(n) },
  drain: () => new Promise<void>(() => undefined),
})
`,
}

for (const workers of [[], ['--workers', '0']])
  test(`a second Ctrl-C stops at once (${workers.join(' ') || 'in a child'})`, async (t) => {
    const cwd = project(t, stubborn)
    const session = start(t, ['run', 'net.yaml', ...workers], { cwd })
    await session.until(/started/)
    session.child.kill('SIGINT')
    await session.until(/draining/)
    session.child.kill('SIGINT')
    const result = await session.ended()
    assertCode(result, 130)
    assert.match(result.stderr, /^stopped$/m)
    assert.doesNotMatch(result.stderr, /error/)
  })

test('Ctrl-C while the network is loaded stops it', async (t) => {
  const cwd = project(t, {
    'net.yaml': throughComponent(1),
    'work.ts':
      "console.error('loading')\nawait new Promise((resolve) => setTimeout(resolve, 60_000))\nexport default (n: number) => n\n",
  })
  const session = start(t, ['run', 'net.yaml'], { cwd })
  await session.until(/loading/)
  session.child.kill('SIGINT')
  assertCode(await session.ended(), 130)
})

test('when the command is killed, the child ends too, and its files are closed', async (t) => {
  const cwd = project(t, {
    'net.yaml': throughComponent(),
    'work.ts':
      'let isFirst = true\nexport default (n: number) => {\n  if (isFirst) console.error(`pid ${process.pid}`)\n  isFirst = false\n  return n\n}\n',
  })
  const session = start(t, ['run', 'net.yaml'], { cwd })
  await session.until(/pid \d+/)
  const pid = Number(/pid (\d+)/.exec(session.stderr)?.[1])
  assert.notEqual(pid, session.child.pid)
  session.child.kill('SIGKILL')
  // The child held the pipe of standard output open: it is closed when the child is gone.
  await session.ended()
  const deadline = Date.now() + 20_000
  while (isAlive(pid)) {
    assert.ok(Date.now() < deadline, 'the child is still there')
    await delay(50)
  }
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

test('whoever closes the output ends the run by the code of OUTPUT_CLOSED, without a stack', async (t) => {
  const cwd = project(t, {
    'net.yaml': throughComponent(),
    'work.ts':
      "export default (n: number, { log }: { log: { info(m: string): void } }) => {\n  if (n % 1000 === 0) log.info('more')\n  return n\n}\n",
    'printing.yaml': finite.replace('{ count: 5 }', '{}'),
  })
  for (const args of [['net.yaml', '--json'], ['printing.yaml'], ['printing.yaml', '--workers', '0']]) {
    const session = start(t, ['run', ...args], { cwd })
    await once(session.child.stdout!, 'data')
    session.child.stdout?.destroy()
    const result = await session.ended()
    assertCode(result, errorCodes.OUTPUT_CLOSED.exit)
    assert.doesNotMatch(result.stderr, /^\s+at .*node:/m)
    if (args[0] === 'printing.yaml') assert.match(result.stderr, /^error OUTPUT_CLOSED: /m)
  }
})

test('a component in the process of the command has no say in its exit code and streams', async (t) => {
  const cwd = project(t, {
    'net.yaml': throughComponent(3),
    'work.ts':
      'export default (n: number): number => {\n  process.exitCode = 9\n  process.stderr.end(`ended ${n}\\n`)\n  process.stdout.end()\n  return n\n}\n',
  })
  const result = await vertigo(t, ['run', 'net.yaml', '--workers', '0'], { cwd })
  assertCode(result, 0)
  assert.match(result.stderr, /^ended 2\n[^]*^test: finished/m)
})

test('a folder without package.json gets no advice of Node around what is shown', async (t) => {
  const cwd = project(t, {
    'net.yaml': throughComponent(3),
    'work.ts': 'export default (n: number): number => n\n',
  })
  rmSync(join(cwd, 'package.json'))
  for (const args of [
    ['run', 'net.yaml'],
    ['run', 'net.yaml', '--workers', '0'],
    ['validate', 'net.yaml'],
  ]) {
    const result = await vertigo(t, args, { cwd })
    assertCode(result, 0)
    assert.doesNotMatch(result.stderr, /MODULE_TYPELESS|Warning/)
  }
})

test('a network that takes long to start says what it is at', async (t) => {
  const cwd = project(t, {
    'net.yaml': throughComponent(3),
    'work.ts':
      'await new Promise((resolve) => setTimeout(resolve, 60_000))\nexport default (n: number): number => n\n',
  })
  const session = start(t, ['run', 'net.yaml'], { cwd })
  await session.until(/^still loading modules or setting up components/m)
})

test('what a component writes in the words of V8 is shown, and all that follows', async (t) => {
  const cwd = project(t, {
    'net.yaml': throughComponent(3),
    'work.ts':
      'export default (n: number): number => {\n  console.error(`FATAL ERROR: heap of orders ${n}`)\n  return n\n}\n',
  })
  const result = await vertigo(t, ['run', 'net.yaml'], { cwd })
  assertCode(result, 0)
  assert.match(result.stderr, /FATAL ERROR: heap of orders 0\n[^]*heap of orders 2\n[^]*^test: finished/m)
})

test('Ctrl-C while a component is set up says which one', async (t) => {
  const cwd = project(t, {
    'net.yaml': throughComponent(1),
    'work.ts': `import { defineComponent, port } from 'vertigo-flow'
export default defineComponent({
  inputs: { in: port<number>() },
  outputs: { out: port<number>() },
  on: { in: (n, { emit }) => emit.out(n) },
  setup() {
    console.error('connecting')
    return new Promise<void>(() => undefined)
  },
})
`,
  })
  const session = start(t, ['run', 'net.yaml'], { cwd })
  await session.until(/connecting/)
  session.child.kill('SIGINT')
  const result = await session.ended()
  assertCode(result, 130)
  assert.match(result.stderr, /stopped while it started\. Not set up yet: .*work\[0\]/)
})

test('a handler that never ends is named while the run drains, and Ctrl-C stops it', async (t) => {
  const cwd = project(t, {
    'net.yaml': throughComponent(1),
    'work.ts': 'export default async function work() {\n  await new Promise(() => undefined)\n}\n',
  })
  const session = start(t, ['run', 'net.yaml', '--duration', '0.5'], { cwd })
  await session.until(/nothing has moved for 5 s while draining; not finished: .*work\[0\]/)
  session.child.kill('SIGINT')
  assertCode(await session.ended(), 130)
})

const measured = `import { defineComponent, port } from 'vertigo-flow'
export default defineComponent({
  inputs: { in: port<number>() },
  setup({ metrics }) {
    const even = metrics.counter('even')
    const values = metrics.histogram('values')
    return {
      on: {
        in(value) {
          values.record(value)
          if (value % 2 === 0) even.add()
        },
      },
    }
  },
})
`
const measuredNetwork = `name: measured
components:
  numbers: { kind: generator, config: { count: 100 } }
  measure: { kind: ./measure.ts, instances: 2 }
connections:
  - { from: numbers.out, to: measure.in, selector: round-robin }
`

for (const workers of ['0', '2']) {
  test(`what components measure is told at the end, with --workers ${workers}`, async (t) => {
    const cwd = project(t, { 'measure.ts': measured, 'net.yaml': measuredNetwork })
    const plain = await vertigo(t, ['run', 'net.yaml', '--workers', workers], { cwd })
    assertCode(plain, 0)
    assert.match(
      plain.stderr,
      /\n {2}metric +value\n {2}measure even +50\n {2}measure values +100 values, .*max 99\n$/,
    )
    const json = await vertigo(t, ['run', 'net.yaml', '--json', '--workers', workers], { cwd })
    assertCode(json, 0)
    const lines = json.stdout.trim().split('\n')
    const { type, metrics } = JSON.parse(lines.at(-1)!) as {
      type: string
      metrics: Record<string, unknown>[]
    }
    assert.equal(type, 'finished')
    const [even, values] = metrics
    assert.deepEqual(even, {
      component: 'measure',
      name: 'even',
      type: 'counter',
      value: 50,
      instances: [
        { instance: 0, value: 50 },
        { instance: 1, value: 0 },
      ],
    })
    const { count, sum, max } = values!
    assert.deepEqual({ count, sum, max }, { count: 100, sum: 4950, max: 99 })
  })
}

const changing = `import { defineComponent, port } from 'vertigo-flow'
export default defineComponent({
  inputs: { in: port<number>() },
  outputs: { out: port<number[]>() },
  on: {
    in(n, { emit }) {
      const message = [n]
      emit.out(message)
      message.push(n)
    },
  },
})
`
const changingNetwork = `name: changing
components:
  numbers: { kind: generator, config: { count: 1 } }
  change: { kind: ./change.ts }
  gone: { kind: ./change.ts }
connections:
  - { from: numbers.out, to: change.in }
  - { from: change.out, to: gone.in }
`

for (const workers of ['0', '1']) {
  test(`--dev finds a message that is changed after it was sent, with --workers ${workers}`, async (t) => {
    const cwd = project(t, { 'change.ts': changing, 'net.yaml': changingNetwork })
    assertCode(await vertigo(t, ['run', 'net.yaml', '--workers', workers], { cwd }), 0)
    const dev = await vertigo(t, ['run', 'net.yaml', '--dev', '--workers', workers], { cwd })
    assertCode(dev, 1)
    assert.match(dev.stderr, /COMPONENT_FAILED: .*object is not extensible/)
    assert.match(dev.stderr, /message\.push\(n\)/)
  })
}
