import assert from 'node:assert/strict'
import { test } from 'node:test'
import { network } from '../../../../src/component/builder.ts'
import { all, defineComponent, type Kind, port, type Port } from '../../../../src/component/index.ts'
import type { ComponentSettings } from '../../../../src/component/builder-types.ts'
import { testNetwork } from '../../../../src/testkit/index.ts'
import { trackedSource } from '../../../support/tracked-source.ts'

/**
 * What joins the tree of a tracked message. Each component sends what it derives to `gate`, which handles it when the test
 * says so: the source must not hear of the message before, and has to hear of it then.
 */

type Numbers = { readonly in: Port<number> }

/** Handles its messages when it is told to. */
function gate() {
  const waiting: (() => void)[] = []
  const got: number[] = []
  const kind = defineComponent({
    inputs: { in: port<number>() },
    concurrency: 100,
    on: {
      in: (message) =>
        new Promise<void>((resolve) => {
          got.push(message)
          waiting.push(resolve)
        }),
    },
  })
  return { kind, waiting, got }
}

async function heardOf(
  kind: Kind<Numbers, { readonly out: Port<number> }>,
  expected: readonly number[],
  options: ComponentSettings = {},
): Promise<void> {
  const source = trackedSource([10])
  const { kind: gateKind, waiting, got } = gate()
  const net = network('derived')
  const from = net.add('source', source.kind)
  const middle = net.add('middle', kind, options as ComponentSettings & { readonly config: never })
  const to = net.add('gate', gateKind)
  net.connect(from.outputs.out, middle.inputs.in)
  net.connect(middle.outputs.out, to.inputs.in)
  const tester = await testNetwork(net, { workers: 3 })
  await tester.advance(1_000)
  // Controls of groups wait for what is at work before them, so that not all need be here at once.
  while (waiting.length > 0) {
    assert.deepEqual(source.heard, [], 'not before all is handled')
    waiting.shift()!()
    await tester.settle()
  }
  assert.deepEqual(got, expected)
  assert.deepEqual(source.heard, ['ack 0'])
  await tester.end()
}

const numbers = { inputs: { in: port<number>() }, outputs: { out: port<number>() } } as const

test('what a synchronous handler emits joins the tree', () =>
  heardOf(
    defineComponent({
      ...numbers,
      on: {
        in(message, { emit }) {
          for (let n = 0; n < 3; n++) emit.out(message + n)
        },
      },
    }),
    [10, 11, 12],
  ))

test('what is emitted after an await joins it', () =>
  heardOf(
    defineComponent({
      ...numbers,
      on: {
        async in(message, { emit, clock }) {
          emit.out(message)
          await new Promise<void>((resolve) => {
            clock.after(5, resolve)
          })
          emit.out(message + 1)
        },
      },
    }),
    [10, 11],
  ))

for (const concurrency of [1, 4]) {
  test(`what a generator yields joins it, with concurrency ${concurrency}`, () =>
    heardOf(
      defineComponent({
        ...numbers,
        concurrency,
        on: {
          *in(message, { emit }) {
            emit.out(message)
            yield
            emit.out(message + 1)
            yield
          },
        },
      }),
      [10, 11],
    ))
}

test('what is emitted with several messages at work, retries and the rest of them, joins it', () => {
  let fails = true
  return heardOf(
    defineComponent({
      ...numbers,
      concurrency: 4,
      on: {
        async in(message, { emit }) {
          emit.out(message)
          await Promise.resolve()
          if (fails) {
            fails = false
            throw new Error('once')
          }
          emit.out(message + 1)
        },
      },
    }),
    [10, 11],
    { errors: { retry: { times: 1, delayMs: 10 } } },
  )
})

test('messages, the start and the end of groups and batches join it', () =>
  heardOf(
    defineComponent({
      ...numbers,
      on: {
        in(message, { emit }) {
          const group = emit.out.group('g', message)
          group.send(message)
          const inner = group.group('inner')
          inner.send(message + 1)
          inner.end()
          group.end()
          const batch = emit.out.batch()
          batch.send(message + 2)
          batch.end()
        },
      },
    }),
    [10, 11, 12],
  ))

test('what is derived from the start and the end of a group joins it', async () => {
  const source = trackedSource([10])
  const { kind: gateKind, waiting, got } = gate()
  const opener = defineComponent({
    ...numbers,
    on: {
      in(message, { emit }) {
        const group = emit.out.group('g', message)
        group.send(message)
        group.end(message)
      },
    },
  })
  const summing = defineComponent({
    ...numbers,
    groups: {
      in: {
        g: {
          start: (args, { emit }) => emit.out((args as number) + 1),
          message: () => undefined,
          end: (args, { emit }) => emit.out((args as number) + 2),
        },
      },
    },
  })
  const net = network('derived')
  const from = net.add('source', source.kind)
  const open = net.add('open', opener)
  const sum = net.add('sum', summing)
  const to = net.add('gate', gateKind)
  net.connect(from.outputs.out, open.inputs.in)
  net.connect(open.outputs.out, sum.inputs.in)
  net.connect(sum.outputs.out, to.inputs.in)
  const tester = await testNetwork(net, { workers: 3 })
  await tester.settle()
  assert.deepEqual(got, [11, 12])
  for (const handled of waiting) {
    assert.deepEqual(source.heard, [])
    handled()
    await tester.settle()
  }
  assert.deepEqual(source.heard, ['ack 0'])
  await tester.end()
})

test('what goes through pump and a function joins it', async () => {
  const pumping = defineComponent({ ...numbers, setup: ({ pump }) => pump('in', 'out') })
  await heardOf(pumping, [10])
})

test('a message to all instances, and over several connections, is complete when every copy is', async () => {
  const source = trackedSource([1])
  const { kind, waiting, got } = gate()
  const net = network('copies')
  const from = net.add('source', source.kind)
  const first = net.add('first', kind, { instances: 3 })
  const second = net.add('second', kind)
  net.connect(from.outputs.out, first.inputs.in, { selector: all() })
  net.connect(from.outputs.out, second.inputs.in)
  const tester = await testNetwork(net, { workers: 3 })
  await tester.settle()
  assert.deepEqual(got, [1, 1, 1, 1])
  for (const handled of waiting) {
    assert.deepEqual(source.heard, [])
    handled()
    await tester.settle()
  }
  assert.deepEqual(source.heard, ['ack 0'])
  await tester.end()
})

test('what is filtered, sent to a port without a connection, or not handled, is complete', async () => {
  const source = trackedSource([1, 2, 3])
  const net = network('ends')
  const from = net.add('source', source.kind)
  const odd = net.add(
    'odd',
    defineComponent({
      ...numbers,
      on: {
        in(message, { emit }) {
          if (message % 2 === 1) emit.out(message)
        },
      },
    }),
  )
  net.connect(from.outputs.out, odd.inputs.in)
  const tester = await testNetwork(net)
  await tester.end()
  assert.deepEqual(source.heard, ['ack 0', 'ack 1', 'ack 2'])

  const alone = trackedSource([1])
  const unconnected = network('unconnected')
  unconnected.add('source', alone.kind)
  const other = await testNetwork(unconnected)
  await other.end()
  assert.deepEqual(alone.heard, ['ack 0'])
})

/** What a source of four messages hears when this handles them. */
async function heardFrom(kind: Kind<Numbers, {}>): Promise<readonly string[]> {
  const source = trackedSource([1, 2, 3, 4])
  const net = network('ends')
  const from = net.add('source', source.kind)
  const to = net.add('last', kind)
  net.connect(from.outputs.out, to.inputs.in)
  const tester = await testNetwork(net)
  await tester.end()
  return source.heard.toSorted()
}

const allHeard = ['ack 0', 'ack 1', 'ack 2', 'ack 3']

test('what ends at handlers that wait for something, one after the other, is complete', async () => {
  const waiting = defineComponent({
    inputs: { in: port<number>() },
    on: {
      in: async () => {
        await Promise.resolve()
      },
    },
  })
  assert.deepEqual(await heardFrom(waiting), allHeard)
})

test('what ends at handlers that open groups on a port without a connection is complete', async () => {
  const grouping = defineComponent({
    ...numbers,
    on: {
      in(message, { emit }) {
        if (message % 2 === 1) return
        const group = emit.out.group('g')
        group.send(message)
        group.end()
      },
    },
  })
  assert.deepEqual(await heardFrom(grouping as unknown as Kind<Numbers, {}>), allHeard)
})

test('a failure behind a handler that has opened a group is told of as such', async () => {
  const source = trackedSource([1, 2])
  const net = network('failing')
  const from = net.add('source', source.kind)
  const failing = net.add(
    'failing',
    defineComponent({
      ...numbers,
      on: {
        in(message, { emit }) {
          emit.out.group('g').end()
          if (message === 2) throw new Error('boom')
        },
      },
    }),
  )
  net.connect(from.outputs.out, failing.inputs.in)
  await assert.rejects(async () => {
    const tester = await testNetwork(net)
    await tester.end()
  }, /boom/)
})

test('a timer that a handler sets is no part of the tree: it belongs to its key', async () => {
  const source = trackedSource([1])
  const timed = defineComponent({
    ...numbers,
    on: { in: (_message, { timers }) => timers.after('later', 500) },
    timers: { later: ({ emit }) => emit.out(2) },
  })
  const { kind, got } = gate()
  const net = network('timed')
  const from = net.add('source', source.kind)
  const middle = net.add('middle', timed)
  const to = net.add('gate', kind)
  net.connect(from.outputs.out, middle.inputs.in)
  net.connect(middle.outputs.out, to.inputs.in)
  const tester = await testNetwork(net)
  await tester.settle()
  assert.deepEqual([source.heard, got], [['ack 0'], []])
  await tester.close()
})

test('the source hears which component failed for which message, once', async () => {
  const source = trackedSource([1, 2])
  const net = network('failing')
  const from = net.add('source', source.kind)
  const failing = net.add(
    'failing',
    defineComponent({
      ...numbers,
      on: {
        in(message, { emit }) {
          emit.out(message)
          if (message === 2) throw new Error('boom')
        },
      },
    }),
    { errors: 'reject', instances: 2 },
  )
  const doubling = net.add(
    'doubling',
    defineComponent({
      ...numbers,
      on: {
        in(message, { emit }) {
          emit.out(message)
          emit.out(message)
        },
      },
    }),
  )
  net.connect(from.outputs.out, doubling.inputs.in)
  net.connect(doubling.outputs.out, failing.inputs.in)
  const tester = await testNetwork(net, { workers: 3 })
  await tester.end()
  const [first, ...rest] = source.heard.toSorted()
  assert.equal(first, 'ack 0')
  assert.equal(rest.length, 1)
  assert.match(rest[0]!, /^fail 1: failing\[[01]\]\.in 2 boom$/)
})

test('a message whose time is over is told so; what comes back of it later changes nothing', async () => {
  const source = trackedSource([1], { timeoutMs: 200 })
  const { kind, waiting } = gate()
  const net = network('slow')
  const from = net.add('source', source.kind)
  const to = net.add('gate', kind)
  net.connect(from.outputs.out, to.inputs.in)
  const tester = await testNetwork(net, { workers: 2 })
  await tester.advance(199)
  assert.deepEqual(source.heard, [])
  await tester.advance(20)
  assert.deepEqual(source.heard, ['timeout 0'])
  waiting[0]!()
  await tester.end()
  assert.deepEqual(source.heard, ['timeout 0'])
})

test('an answer goes to the source that wants it, before the end of the tree', async () => {
  const source = trackedSource([1, 2], { wantsAnswers: true })
  const net = network('asking')
  const from = net.add('source', source.kind)
  const twice = net.add('twice', (n: number) => n * 2)
  const answering = net.add(
    'answering',
    defineComponent({
      inputs: { in: port<number>() },
      on: { in: (message, { answer }) => assert.equal(answer({ message }), true) },
    }),
  )
  net.connect(from.outputs.out, twice.inputs.in)
  net.connect(twice.outputs.out, answering.inputs.in)
  const tester = await testNetwork(net, { workers: 3 })
  await tester.end()
  const of = (id: number): string[] => source.heard.filter((line) => line.includes(` ${id}`))
  assert.deepEqual(of(0), ['answer 0: {"message":2}', 'ack 0'])
  assert.deepEqual(of(1), ['answer 1: {"message":4}', 'ack 1'])
})
