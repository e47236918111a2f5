import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { defineComponent, port, value } from '../../../src/component/index.ts'
import { testComponent } from '../../../src/testkit/index.ts'
import { rejectsWith } from './errors.ts'

const split = defineComponent({
  inputs: { line: port<string>() },
  outputs: { word: port<string>() },
  on: {
    *line(line, { emit }) {
      for (const word of line.split(' ')) {
        emit.word(word)
        yield
      }
    },
  },
})

test('messages go in and come out, typed by the ports', async () => {
  const tester = await testComponent(split)
  await tester.send('line', 'a b', 'c')
  await tester.send({ line: ['d'] })
  const words: readonly string[] = tester.outputs.word
  assert.deepEqual(words, ['a', 'b', 'c', 'd'])
  assert.deepEqual(tester.take('word'), ['a', 'b', 'c', 'd'])
  await tester.send('line', 'e')
  assert.deepEqual(await tester.end(), { word: ['e'] })
})

test('a held output lets through what the test releases, and pauses the component', async () => {
  const tester = await testComponent(split, { outputs: { word: { hold: true } } })
  await tester.send('line', 'a b c d e')
  assert.deepEqual(tester.outputs.word, [])
  await tester.release('word')
  assert.deepEqual(tester.outputs.word, ['a'])
  await tester.release('word', 2)
  assert.deepEqual(tester.outputs.word, ['a', 'b', 'c'])
  assert.deepEqual((await tester.end()).word, ['a', 'b', 'c', 'd', 'e'])
})

test('an error of the component rejects the call that caused it, with component and message', async () => {
  const failing = defineComponent({
    inputs: { in: port<number>() },
    on: {
      in(n) {
        if (n === 2) throw new Error('two')
      },
    },
  })
  const tester = await testComponent(failing, { name: 'picky' })
  await tester.send('in', 1)
  await rejectsWith(
    tester.send('in', 2),
    'COMPONENT_FAILED',
    /picky\[0\] failed at port "in" for message 2: two/,
  )
  await rejectsWith(tester.settle(), 'COMPONENT_FAILED', /two/)
  await tester.close()
})

test('messages are copies, frozen to their depth', async () => {
  const seen: unknown[] = []
  const keep = defineComponent({
    inputs: { in: port<{ list: number[]; map: Map<string, number> }>() },
    on: {
      in(message) {
        seen.push(message)
        assert.throws(() => message.list.push(4), TypeError)
        assert.throws(() => message.map.set('b', 2), /Cannot set on a Map/)
      },
    },
  })
  await using tester = await testComponent(keep)
  const sent = { list: [1, 2, 3], map: new Map([['a', 1]]) }
  await tester.send('in', sent)
  assert.deepEqual(seen, [sent])
  assert.notEqual(seen[0], sent)
  sent.list.push(4)
})

test('a message that is changed after it was sent fails where it is changed', async () => {
  const changing = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number[]>() },
    on: {
      in(n, { emit }) {
        const list = [n]
        emit.out(list)
        list.push(n)
      },
    },
  })
  await using tester = await testComponent(changing)
  await rejectsWith(tester.send('in', 1), 'COMPONENT_FAILED', /object is not extensible/)
})

test('what cannot be encoded is refused with port and path, on the way in and out', async () => {
  class Money {
    amount = 1
  }
  const out = defineComponent({
    inputs: { in: port() },
    outputs: { out: port() },
    on: { in: (_, { emit }) => emit.out({ user: { tags: [1, () => 1] } }) },
  })
  await using tester = await testComponent(out)
  await rejectsWith(
    tester.send('in', { price: new Money() }),
    'MESSAGE_NOT_ENCODABLE',
    /"component\.in" cannot be a message: message\.price is an instance of class Money/,
  )
  await rejectsWith(
    tester.send('in', 1),
    'MESSAGE_NOT_ENCODABLE',
    /port "component\.out" .* message\.user\.tags\[1\] is a function/,
  )
})

test('every port with a schema is checked', async () => {
  const checked = defineComponent({
    inputs: { in: port(z.object({ n: z.number() })) },
    outputs: { out: port(z.number().positive()) },
    on: { in: ({ n }, { emit }) => emit.out(n) },
  })
  {
    await using tester = await testComponent(checked)
    await rejectsWith(tester.send('in', { n: 'x' } as never), 'MESSAGE_INVALID', /port "in": n: /)
  }
  await using tester = await testComponent(checked)
  await rejectsWith(tester.send('in', { n: -1 }), 'MESSAGE_INVALID', /port "component\.out"/)
})

test('time stands still until the test moves it on, timer by timer', async () => {
  const ticking = defineComponent({
    inputs: { in: port<string>() },
    outputs: { out: port<number>() },
    timers: {
      tick({ emit, timers, clock }) {
        emit.out(clock.now())
        timers.after('tick', 100)
      },
    },
    on: { in: (_, { timers }) => timers.after('tick', 100) },
  })
  await using tester = await testComponent(ticking, { startMs: 0 })
  await tester.send('in', 'go')
  assert.deepEqual(tester.outputs.out, [])
  await tester.advance(250)
  assert.deepEqual(tester.take('out'), [100, 200])
  tester.clock.advance(50)
  await tester.settle()
  assert.deepEqual(tester.take('out'), [300])
})

test('groups and batches go in and come out', async () => {
  const pump = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    setup: (context) => context.pump('in', 'out'),
  })
  const tester = await testComponent(pump)
  await tester.group('in', 'file', { name: 'a' }, (file) => {
    file.send(1)
    const part = file.group(undefined, 'p')
    part.send(2)
    part.end('q')
    file.end('last')
  })
  await tester.batch('in', 7, (batch) => batch.send(3))
  await tester.end()
  assert.deepEqual(tester.received.out, [
    { type: 'group-start', in: [], name: 'file', args: { name: 'a' } },
    { type: 'message', in: ['file'], message: 1 },
    { type: 'group-start', in: ['file'], name: undefined, args: 'p' },
    { type: 'message', in: ['file', undefined], message: 2 },
    { type: 'group-end', in: ['file'], name: undefined, args: 'q' },
    { type: 'group-end', in: [], name: 'file', args: 'last' },
    { type: 'batch-start', in: [], args: 7 },
    { type: 'message', in: [], message: 3 },
    { type: 'batch-end', in: [], args: undefined },
  ])
})

test('failures that the test wants: of a handler, with retries, and of a sending', async () => {
  const double = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    on: { in: (n, { emit }) => emit.out(n * 2) },
  })
  const tester = await testComponent(double, { errors: { retry: { times: 1, delayMs: 10 }, then: 'reject' } })
  tester.failNext('in')
  await tester.send('in', 1)
  assert.deepEqual(tester.outputs.out, [])
  await tester.advance(10)
  assert.deepEqual(tester.take('out'), [2])
  tester.failNext('in', { error: new Error('down'), times: 2 })
  await tester.send('in', 2, 3)
  await tester.advance(10)
  assert.deepEqual(tester.take('out'), [6])
  assert.deepEqual(
    tester.rejected.map(({ message, error, port: name }) => [message, error.message, name]),
    [[2, 'down', 'in']],
  )
  await tester.close()

  await using failing = await testComponent(double)
  failing.failNextEmit('out')
  await rejectsWith(
    failing.send('in', 1),
    'COMPONENT_FAILED',
    /the test wanted port "component\.out" to fail/,
  )
})

test('several instances share the work; keyed state goes by the key', async () => {
  const count = defineComponent({
    inputs: { word: port<{ id: string }>() },
    outputs: { count: port<{ id: string; count: number; instance: number }>() },
    state: { seen: value(0) },
    on: {
      word({ id }, { emit, state, instance }) {
        emit.count({ id, instance, count: state.seen.update((n) => n + 1) })
      },
    },
  })
  const tester = await testComponent(count, { instances: 3, inputs: { word: { key: 'id' } } })
  const ids = Array.from({ length: 60 }, (_, i) => ({ id: `k${i % 10}` }))
  const { count: results } = await (await sent(tester, ids)).end()
  assert.equal(results.length, 60)
  for (let k = 0; k < 10; k++) {
    const own = results.filter(({ id }) => id === `k${k}`)
    assert.deepEqual(
      own.map((r) => r.count),
      [1, 2, 3, 4, 5, 6],
    )
    assert.equal(new Set(own.map((r) => r.instance)).size, 1)
  }
})

async function sent<T extends { send(port: 'word', ...messages: M[]): Promise<void> }, M>(
  tester: T,
  messages: M[],
): Promise<T> {
  await tester.send('word', ...messages)
  return tester
}

test('one instance of many is told of the others', async () => {
  const who = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<string>() },
    on: { in: (_, { emit, instance, instances }) => emit.out(`${instance} of ${instances}`) },
  })
  const tester = await testComponent(who, { instances: 4, instance: 2 })
  await tester.send('in', 1)
  assert.deepEqual((await tester.end()).out, ['2 of 4'])
})

test('setup gets configuration, modules and a logger; close is called', async () => {
  const calls: string[] = []
  const configured = defineComponent({
    inputs: { in: port<number>() },
    config: z.object({ factor: z.number().default(3) }),
    async setup(context) {
      const { config, log } = context
      const rule = (await context.load('./rule.ts')) as string
      log.info('ready', { factor: config.factor, rule })
      return { on: { in: () => undefined }, close: () => void calls.push('close') }
    },
  })
  const tester = await testComponent(configured, { config: {}, modules: { './rule.ts': 'a rule' } })
  assert.deepEqual(
    tester.log.map(({ level, message, details }) => [level, message, details]),
    [['info', 'ready', { factor: 3, rule: 'a rule' }]],
  )
  await tester.end()
  assert.deepEqual(calls, ['close'])
  await rejectsWith(
    testComponent(configured, { config: { factor: 'x' } as never }),
    'CONFIG_INVALID',
    /factor/,
  )
  await rejectsWith(testComponent(configured), 'KIND_NOT_FOUND', /loads "\.\/rule\.ts"/)
})

test('close stops a component that is busy, and aborts its signal', async () => {
  let aborted = false
  const stuck = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    on: {
      in: (n, { signal, emit }) =>
        new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            aborted = true
            resolve()
            emit.out(n)
          })
        }),
    },
  })
  const tester = await testComponent(stuck)
  await tester.send('in', 1)
  await tester.close()
  assert.equal(aborted, true)
  assert.deepEqual(tester.outputs.out, [])
})

test('unknown ports are named with the known ones near', async () => {
  await using tester = await testComponent(split)
  await rejectsWith(tester.send('lime' as 'line', 'x'), 'PORT_UNKNOWN', /no input "lime".*line/)
})

test('shared collections are there, in a store of the test with the time of the test', async () => {
  const counting = defineComponent({
    inputs: { word: port<string>() },
    outputs: { count: port<number>() },
    on: {
      async word(word, { emit, shared }) {
        const counts = shared.map<number>('counts')
        emit.count((await counts.update(word, (old = 0) => old + 1, { ttlMs: 1_000 })) ?? 0)
      },
    },
  })
  const tester = await testComponent(counting, { instances: 2 })
  await tester.send('word', 'a', 'b', 'a', 'a')
  assert.deepEqual(
    [...tester.take('count')].toSorted((a, b) => a - b),
    [1, 1, 2, 3],
  )
  await tester.advance(2_000)
  await tester.send('word', 'a')
  assert.deepEqual(await tester.end(), { count: [1] })
})

test('metrics can be looked at', async () => {
  const kind = defineComponent({
    inputs: { in: port<number>() },
    setup({ metrics }) {
      const sizes = metrics.histogram('size')
      return {
        on: {
          in(message, { metrics: same }) {
            sizes.record(message)
            same.counter('seen').add()
          },
        },
      }
    },
  })
  await using tester = await testComponent(kind)
  await tester.send('in', 1, 2, 3)
  const [seen, size] = tester.metrics
  assert.deepEqual(seen, {
    component: 'component',
    name: 'seen',
    type: 'counter',
    value: 3,
    instances: [{ instance: 0, value: 3 }],
  })
  assert.ok(size?.type === 'histogram')
  assert.deepEqual([size.count, size.sum, size.max], [3, 6, 3])
})
