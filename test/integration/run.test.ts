import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { network, run, type RunEvent, type RunOptions, type RunSummary } from 'vertigo-flow'
import { collector, generator } from 'vertigo-flow/connectors'
import { failure } from '../support/error-code.ts'

/** Runs of whole networks in real threads, and in one thread. */

const kinds = fileURLToPath(new URL('../fixtures/run/kinds.ts', import.meta.url))
const hooks = fileURLToPath(new URL('../fixtures/run/hooks.ts', import.meta.url))
let folder = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vertigo-run-'))
})
after(() => rm(folder, { recursive: true, force: true }))

let number = 0
async function networkFile(network: object): Promise<string> {
  const file = join(folder, `network-${number++}.json`)
  await writeFile(file, JSON.stringify(network))
  return file
}

/** Runs a network whose exported output `out` is collected, and gives what came out. */
async function collect(network: object, options: RunOptions = {}): Promise<unknown[]> {
  const running = await run(await networkFile(network), {
    ...options,
    attach: [...(options.attach ?? []), 'results'],
  })
  const collected: unknown[] = []
  for await (const message of running.output('results')) collected.push(message)
  await running.done
  return collected
}

function steps(start: number): string {
  let count = 0
  for (let n = start; n !== 1; n = n % 2 === 0 ? n / 2 : 3 * n + 1) count++
  return `${start}:${count}`
}

/** Loading, running to the end: where it fails does not matter here. */
async function runToEnd(network: object, options: RunOptions): Promise<RunSummary> {
  return (await run(await networkFile(network), options)).done
}

for (const workers of [0, 2]) {
  describe(`with ${workers} workers`, () => {
    test('a cycle ends when its inputs have ended and nothing is on its way', async () => {
      const results = await collect(
        {
          name: 'collatz',
          components: {
            numbers: { kind: 'generator', config: { from: 1, count: 300 } },
            starts: { kind: `${kinds}#starts` },
            step: { kind: `${kinds}#collatz`, instances: 2 },
            relay: { kind: `${kinds}#pass` },
          },
          connections: [
            { from: 'numbers.out', to: 'starts.in' },
            { from: 'starts.out', to: 'step.in' },
            { from: 'step.again', to: 'relay.in' },
            { from: 'relay.out', to: 'step.in', back: true },
          ],
          exports: { outputs: { results: 'step.out' } },
        },
        { workers },
      )
      const expected = Array.from({ length: 300 }, (_, i) => steps(i + 1))
      assert.deepEqual(new Set(results), new Set(expected))
      assert.equal(results.length, expected.length)
    })

    test('a back edge fails by name when it is full, instead of standing still', async () => {
      const error = await failure(
        runToEnd(
          {
            name: 'grows',
            components: { double: { kind: `${kinds}#doubling` } },
            initial: [{ to: 'double.in', value: 1 }],
            connections: [{ from: 'double.again', to: 'double.in', back: true }],
          },
          { workers },
        ),
      )
      assert.equal(error.code, 'BACK_EDGE_LIMIT')
      assert.match(error.message, /double\.again/)
    })

    test('keyed state: each key is at one instance, counted there', async () => {
      const running = await run(
        await networkFile({
          name: 'keyed',
          components: { count: { kind: `${kinds}#perKey`, instances: 3 }, relay: { kind: `${kinds}#pass` } },
          connections: [{ from: 'relay.out', to: 'count.in', selector: { type: 'hash', key: 'user.id' } }],
          exports: { inputs: { users: 'relay.in' }, outputs: { results: 'count.out' } },
        }),
        { workers, attach: ['users', 'results'] },
      )
      const names = Array.from({ length: 40 }, (_, i) => `user${i}`)
      for (let round = 0; round < 5; round++) {
        for (const id of names) await running.send('users', { user: { id } })
      }
      running.endInput('users')
      const counts = new Map<string, number>()
      const places = new Map<string, Set<string>>()
      for await (const line of running.output('results')) {
        const [id = '', count = '', instance = ''] = String(line).split(':')
        assert.equal(Number(count), (counts.get(id) ?? 0) + 1)
        counts.set(id, Number(count))
        places.set(id, (places.get(id) ?? new Set()).add(instance))
      }
      await running.done
      assert.deepEqual(
        [...counts.values()],
        names.map(() => 5),
      )
      assert.ok([...places.values()].every((place) => place.size === 1))
      assert.equal(new Set([...places.values()].flatMap((place) => [...place])).size, 3)
    })

    test('rejected messages go to the dead-letter file, with their errors', async () => {
      const deadLetter = join(folder, `dead-${workers}.jsonl`)
      const running = await run(
        await networkFile({
          name: 'fussy',
          deadLetter,
          components: {
            numbers: { kind: 'generator', config: { count: 100 } },
            fussy: { kind: `${kinds}#fussy`, errors: 'reject' },
          },
          connections: [{ from: 'numbers.out', to: 'fussy.in' }],
          exports: { outputs: { results: 'fussy.out' } },
        }),
        { workers, attach: ['results'] },
      )
      const passed: unknown[] = []
      for await (const message of running.output('results')) passed.push(message)
      const summary = await running.done
      assert.equal(summary.rejected, 10)
      assert.equal(summary.deadLetter, deadLetter)
      const records = (await readFile(deadLetter, 'utf8')).trim().split('\n')
      const rejected = records.map(
        (line) => JSON.parse(line) as { message: number; error: { message: string } },
      )
      assert.deepEqual(
        rejected.map(({ message }) => message),
        [3, 13, 23, 33, 43, 53, 63, 73, 83, 93],
      )
      assert.equal(rejected[1]?.error.message, 'no 13')
      assert.deepEqual(
        passed,
        Array.from({ length: 100 }, (_, i) => i).filter((n) => n % 10 !== 3),
      )
    })

    test('a custom selector chooses the instance', async () => {
      const results = await collect(
        {
          name: 'custom',
          components: {
            numbers: { kind: 'generator', config: { count: 30 } },
            who: { kind: `${kinds}#whoami`, instances: 3 },
          },
          connections: [
            { from: 'numbers.out', to: 'who.in', selector: { type: 'custom', kind: `${kinds}#byRemainder` } },
          ],
          exports: { outputs: { results: 'who.out' } },
        },
        { workers },
      )
      assert.deepEqual(
        results.map(String).toSorted(),
        Array.from({ length: 30 }, (_, n) => `${n}@${n % 3}`).toSorted(),
      )
    })

    test('hooks of components and connections see what passes', async () => {
      const notes = join(folder, `notes-${workers}.txt`)
      process.env['VERTIGO_TEST_NOTES'] = notes
      await collect(
        {
          name: 'hooks',
          components: {
            numbers: { kind: 'generator', config: { count: 2 } },
            relay: { kind: `${kinds}#pass`, hooks: [hooks] },
          },
          connections: [{ from: 'numbers.out', to: 'relay.in', hooks: { receive: [hooks] } }],
          exports: { outputs: { results: 'relay.out' } },
        },
        { workers },
      )
      const seen = (await readFile(notes, 'utf8')).trim().split('\n')
      assert.equal(seen[0], 'start relay[0]')
      assert.equal(seen.at(-1), 'stop relay[0]')
      // The connection's and the component's own.
      assert.equal(seen.filter((line) => line === 'receive 1').length, 2)
      assert.equal(seen.filter((line) => line === 'send 1').length, 1)
    })

    test('an endless source ends after the duration, and everything on its way is handled', async () => {
      const running = await run(
        await networkFile({
          name: 'endless',
          components: { source: { kind: `${kinds}#endless` }, relay: { kind: `${kinds}#pass` } },
          connections: [{ from: 'source.out', to: 'relay.in' }],
        }),
        { workers, durationMs: 3_000 },
      )
      const { instances } = await running.done
      const source = instances.find(({ component }) => component === 'source')
      const relay = instances.find(({ component }) => component === 'relay')
      assert.ok(source !== undefined && source.sent > 0)
      assert.equal(relay?.received, source.sent)
    })

    test('stop ends at once, and a signal does as well', async () => {
      const network = {
        name: 'stopped',
        components: { source: { kind: `${kinds}#endless` }, relay: { kind: `${kinds}#pass` } },
        connections: [{ from: 'source.out', to: 'relay.in' }],
      }
      const running = await run(await networkFile(network), { workers })
      await running.stop()
      assert.equal((await failure(running.done)).code, 'STOPPED')
      const controller = new AbortController()
      const second = await run(await networkFile(network), { workers, signal: controller.signal })
      controller.abort()
      assert.equal((await failure(second.done)).code, 'STOPPED')
    })

    test('a constant goes where its key belongs', async () => {
      const results = await collect(
        {
          name: 'constants',
          components: { count: { kind: 'counter', instances: 4 } },
          initial: ['a', 'b', 'a', 'c', 'a'].map((value) => ({ to: 'count.in', value })),
          connections: [],
          exports: { outputs: { results: 'count.out' } },
        },
        { workers },
      )
      const last = new Map(results.map((message) => Object.values(message as object) as [string, number]))
      assert.deepEqual(Object.fromEntries(last), { a: 3, b: 1, c: 1 })
    })
  })
}

test('what asks for a guarantee runs in one process as in a cluster, also with sources that a cluster refuses', async () => {
  for (const guarantee of ['exactly-once', 'at-least-once', undefined]) {
    const network = {
      name: 'careful',
      guarantee,
      components: {
        lines: { kind: 'file-lines', config: { path: kinds } },
        relay: { kind: `${kinds}#pass` },
        own: { kind: `${kinds}#counting`, journal: false },
        result: { kind: `${kinds}#pass` },
      },
      connections: [
        { from: 'lines.out', to: 'relay.in' },
        { from: 'own.out', to: 'result.in' },
      ],
    }
    const events: RunEvent[] = []
    const { instances } = await runToEnd(network, { onEvent: (event) => events.push(event) })
    const received = (name: string): number => instances.find((one) => one.component === name)!.received
    assert.equal(received('relay'), readFileSync(kinds, 'utf8').trimEnd().split('\n').length)
    assert.equal(received('result'), 3)
    const started = events.find(({ type }) => type === 'started') as { readonly guarantee?: string }
    assert.equal(started.guarantee, guarantee)
  }
})

test('a message that cannot leave its thread names port and path', async () => {
  const network = {
    name: 'classes',
    components: {
      numbers: { kind: 'generator', config: { count: 5 } },
      money: { kind: `${kinds}#money`, instances: 2 },
      relay: { kind: `${kinds}#pass`, instances: 2 },
    },
    connections: [
      { from: 'numbers.out', to: 'money.in' },
      { from: 'money.out', to: 'relay.in', selector: 'all' },
    ],
  }
  const error = await failure(runToEnd(network, { workers: 2 }))
  assert.equal(error.code, 'MESSAGE_NOT_ENCODABLE')
  assert.match(error.message, /money\.out/)
  assert.match(error.message, /message\.price\[0\] is an instance of class Money/)
})

test('every fault of a network is reported at once, with line and column', async () => {
  const file = join(folder, 'faults.yaml')
  await writeFile(
    file,
    `name: faults
components:
  lines: { kind: file-linse, config: { path: x } }
  relay: { kind: ${kinds}#pass }
connections:
  - { from: lines.out, to: relay.inn }
  - { from: line.out, to: relay.in }
`,
  )
  const error = await failure(run(file))
  assert.equal(error.code, 'NETWORK_INVALID')
  const found = error.faults.map(({ code, place }) => `${code} ${place.line}:${place.column}`)
  assert.deepEqual(found, ['KIND_UNKNOWN 3:18', 'PORT_UNKNOWN 6:28', 'COMPONENT_UNKNOWN 7:13'])
})

test('a network that is a value runs in this thread, with subnets built in code', async () => {
  const inner = network('inner')
  const twice = inner.add('work', (n: number) => n * 2)
  const subnet = inner.exports({ inputs: { in: twice.inputs.in }, outputs: { out: twice.outputs.out } })
  const outer = network('outer')
  const numbers = outer.add('numbers', generator, { config: { count: 4 } })
  const sub = outer.add('sub', subnet)
  const results = collector<number>()
  const end = outer.add('end', results.kind)
  // Of the same name as the one in the subnet: it must not be taken for it.
  const work = outer.add('work', (n: number) => n + 100)
  outer.connect(numbers.outputs.out, work.inputs.in)
  outer.connect(work.outputs.out, sub.inputs.in)
  outer.connect(sub.outputs.out, end.inputs.in)
  const running = await run(outer)
  await running.done
  assert.deepEqual(await results.toArray(), [200, 202, 204, 206])
  assert.equal(running.workers, 0)
})

test('two sinks with one file are refused, through links too, and nothing is written', async () => {
  const file = join(folder, 'shared.txt')
  const link = join(folder, 'link')
  await symlink(folder, link)
  const sinks = (first: object, second: object): object => ({
    name: 'sinks',
    components: { numbers: { kind: 'generator', config: { count: 3 } }, first, second },
    connections: [
      { from: 'numbers.out', to: 'first.in' },
      { from: 'numbers.out', to: 'second.in' },
    ],
  })
  const sink = (path: string, options: object = {}): object => ({
    kind: 'file-sink',
    config: { path },
    ...options,
  })
  const cases = [
    sinks(sink(file), sink(join(folder, '.', 'shared.txt'))),
    sinks(sink(file), sink(join(link, 'shared.txt'))),
    sinks(sink(join(folder, 'shared-{instance}.txt'), { instances: 2 }), sink(join(folder, 'shared-1.txt'))),
    sinks(sink(file, { instances: 2 }), sink(join(folder, 'shared-0.txt'))),
  ]
  for (const each of cases) {
    const error = await failure(runToEnd(each, { workers: 2 }))
    assert.deepEqual(
      error.faults.map(({ code }) => code),
      ['TARGET_SHARED'],
    )
    assert.match(error.faults[0]!.message, /^first and second both write to .*shared.*\.txt\.$/)
  }
  await assert.rejects(readFile(file), { code: 'ENOENT' })
  // A file that is there, by a link of its own; several may write to a device.
  await writeFile(file, 'old\n')
  await symlink(file, join(folder, 'alias.txt'))
  const error = await failure(
    runToEnd(
      sinks(sink(file, {}), { kind: 'file-sink', config: { path: join(folder, 'alias.txt'), append: true } }),
      {},
    ),
  )
  assert.deepEqual(
    error.faults.map(({ code }) => code),
    ['TARGET_SHARED'],
  )
  assert.equal(await readFile(file, 'utf8'), 'old\n')
  await runToEnd(sinks(sink('/dev/null'), sink('/dev/null')), {})
})
