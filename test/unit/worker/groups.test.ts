import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { network } from '../../../src/component/builder.ts'
import {
  custom,
  defineComponent,
  defineSource,
  hash,
  port,
  type GroupHandlers,
  value,
} from '../../../src/component/index.ts'
import { testComponent, testNetwork } from '../../../src/testkit/index.ts'
import { rejectsWith } from '../testkit/errors.ts'

/** Writes down what its handlers are called with. */
function recorder(trace: string[]) {
  const handlers = (
    label: string,
  ): GroupHandlers<string, { readonly group: { readonly name: string | undefined } }> => ({
    start: (args, { group }) => void trace.push(`${label} start ${group.name} ${JSON.stringify(args)}`),
    message: (m, { group }) => void trace.push(`${label} ${m} in ${group.name}`),
    end: (args, { group }) => void trace.push(`${label} end ${group.name} ${JSON.stringify(args)}`),
  })
  return defineComponent({
    inputs: { in: port<string>() },
    on: { in: (m) => void trace.push(`plain ${m}`) },
    groups: {
      in: { file: { ...handlers('file'), groups: { part: handlers('part') } }, '*': handlers('any') },
    },
  })
}

test('GR-1, GR-3: groups of one name complete one after another, with all that is in them', async () => {
  const trace: string[] = []
  const tester = await testComponent(recorder(trace))
  const send = tester.sender('in')
  const a = send.group('file', 'a')
  const b = send.group('file', 'b')
  const c = send.group('file', 'c')
  c.send('c1')
  const bPart = b.group('part')
  bPart.send('b-inner')
  a.send('a1')
  send('outside')
  b.send('b1')
  b.end()
  bPart.end('p')
  c.end()
  a.send('a2')
  a.end('done')
  await tester.end()
  assert.deepEqual(trace, [
    'file start file "a"',
    'file a1 in file',
    'plain outside',
    'file a2 in file',
    'file end file "done"',
    'file start file "b"',
    'part start part undefined',
    'part b-inner in part',
    'file b1 in file',
    'part end part "p"',
    'file end file undefined',
    'file start file "c"',
    'file c1 in file',
    'file end file undefined',
  ])
})

test('GR-1: groups of different names, or of one name at different levels, run side by side', async () => {
  const trace: string[] = []
  const tester = await testComponent(recorder(trace))
  const send = tester.sender('in')
  const x = send.group('x', 1)
  const y = send.group(undefined, 2)
  x.send('x1')
  y.send('y1')
  const inner = x.group('x', 3)
  inner.send('x-inner')
  inner.end()
  x.end()
  y.end()
  await tester.end()
  assert.deepEqual(trace, [
    'any start x 1',
    'any start undefined 2',
    'any x1 in x',
    'any y1 in undefined',
    // Inside of `*` there are no handlers of inner groups: the outer one takes the messages.
    'any x-inner in x',
    'any end x undefined',
    'any end undefined undefined',
  ])
})

test('GR-2: an end is delivered after the inner groups, whatever the order of the calls', async () => {
  const trace: string[] = []
  const tester = await testComponent(recorder(trace))
  const file = tester.sender('in').group('file')
  const part = file.group('part')
  file.end('outer')
  part.send('late')
  part.end('inner')
  await tester.end()
  assert.deepEqual(trace.slice(-3), ['part late in part', 'part end part "inner"', 'file end file "outer"'])
})

test('CI-2: an asynchronous start holds back everything of the channel, and nothing is lost', async () => {
  const trace: string[] = []
  const opened = Promise.withResolvers<void>()
  const kind = defineComponent({
    inputs: { in: port<string>() },
    on: { in: (m) => void trace.push(`plain ${m}`) },
    groups: {
      in: {
        '*': {
          start: async () => {
            trace.push('opening')
            await opened.promise
            trace.push('open')
          },
          message: (m) => void trace.push(m),
          end: () => void trace.push('end'),
        },
      },
    },
  })
  const tester = await testComponent(kind)
  await tester.group('in', 'g', undefined, (g) => {
    for (let i = 0; i < 500; i++) g.send(`m${i}`)
  })
  await tester.send('in', 'after')
  assert.deepEqual(trace, ['opening'])
  opened.resolve()
  await tester.end()
  assert.deepEqual(trace, [
    'opening',
    'open',
    ...Array.from({ length: 500 }, (_, i) => `m${i}`),
    'end',
    'plain after',
  ])
})

test('handlers of a group share its state', async () => {
  const kind = defineComponent({
    inputs: { in: port<number>() },
    outputs: { sum: port<number>() },
    groups: {
      in: {
        '*': {
          start: (_, { group }) => void (group.state['sum'] = 0),
          message: (n, { group }) => void (group.state['sum'] = (group.state['sum'] as number) + n),
          end: (_, { group, emit }) => emit.sum(group.state['sum'] as number),
        },
      },
    },
  })
  const tester = await testComponent(kind)
  await tester.group('in', undefined, undefined, (g) => [1, 2, 3].forEach((n) => g.send(n)))
  await tester.group('in', undefined, undefined, (g) => g.send(10))
  assert.deepEqual((await tester.end()).sum, [6, 10])
})

test('too much behind an open group of the same name is an error, not memory', async () => {
  const kind = defineComponent({ inputs: { in: port<number>() }, on: { in: () => undefined } })
  const tester = await testComponent(kind)
  const send = tester.sender('in')
  send.group('g')
  const second = send.group('g')
  for (let i = 0; i <= 100_000; i++) second.send(i)
  await rejectsWith(
    tester.settle(),
    'GROUP_HELD_LIMIT',
    /more than 100000 messages wait for an earlier group "g"/,
  )
  await tester.close()
})

const pump = defineComponent({
  inputs: { in: port<string>() },
  outputs: { out: port<string>() },
  setup: (context) => context.pump('in', 'out'),
})

for (const options of [
  {},
  { concurrency: 4 },
  { errors: 'reject' },
  { concurrency: 3, order: 'completion' },
] as const) {
  test(`pump sends everything on, groups and batches included: ${JSON.stringify(options)}`, async () => {
    const tester = await testComponent(pump, options)
    const send = tester.sender('in')
    const outer = send.group('a', 1)
    const inner = outer.group(undefined, 2)
    inner.send('x')
    outer.send('y')
    inner.end(3)
    outer.end(4)
    const batch = send.batch('b')
    batch.send('z')
    const inBatch = batch.group('g')
    inBatch.send('w')
    inBatch.end()
    batch.end('e')
    send('last')
    await tester.end()
    const seen = tester.received.out.map((r) =>
      r.type === 'message' ? `${r.in.join('/')}:${r.message}` : `${r.type} ${JSON.stringify(r.args)}`,
    )
    assert.deepEqual(seen, [
      'group-start 1',
      'group-start 2',
      'a/:x',
      'a:y',
      'group-end 3',
      'group-end 4',
      'batch-start "b"',
      ':z',
      'group-start undefined',
      'g:w',
      'group-end undefined',
      'batch-end "e"',
      ':last',
    ])
  })
}

test('OP-2: a group goes whole to one instance of each target, and a custom selector may name one twice', async () => {
  const got: string[] = []
  const source = defineSource({
    outputs: { out: port<number>() },
    setup: () => ({
      poll: (_, { emit }) => {
        for (let g = 0; g < 4; g++) {
          const group = emit.out.group('g', g)
          for (let i = 0; i < 3; i++) group.send(g)
          group.end()
        }
        return 'done' as const
      },
    }),
  })
  const target = defineComponent({
    inputs: { in: port<number>() },
    groups: {
      in: {
        '*': {
          start: (args, { instance }) => void got.push(`start ${args as number} at ${instance}`),
          message: (n, { instance }) => void got.push(`${n} at ${instance}`),
          end: (_, { instance, group }) => void got.push(`end ${group.args as number} at ${instance}`),
        },
      },
    },
  })
  const net = network('groups')
  const a = net.add('a', source)
  const b = net.add('b', target, { instances: 2 })
  net.connect(a.outputs.out, b.inputs.in, { selector: custom((g: number) => [g % 2, g % 2]) })
  await (await testNetwork(net)).end()
  for (let g = 0; g < 4; g++) {
    const own = got.filter((line) => line.includes(`${g} at `))
    const at = g % 2
    assert.deepEqual(own, [
      `start ${g} at ${at}`,
      `${g} at ${at}`,
      `${g} at ${at}`,
      `${g} at ${at}`,
      `end ${g} at ${at}`,
    ])
  }
})

const misuses: Readonly<Record<string, (out: Parameters<Parameters<typeof misuser>[0]>[0]) => void>> = {
  'a message after the end': (out) => {
    const g = out.group('g')
    g.end()
    g.send(1)
  },
  'a group in an ended group': (out) => {
    const g = out.group('g')
    g.end()
    g.group('h')
  },
  'an end twice': (out) => {
    const g = out.group('g')
    g.end()
    g.end()
  },
  'a batch in a batch': (out) => {
    out.batch()
    out.batch()
  },
  'a batch that is ended twice': (out) => {
    const b = out.batch()
    b.end()
    b.end()
  },
}

interface Sender {
  group(name?: string): { send(n: number): void; end(): void; group(name?: string): unknown }
  batch(): { send(n: number): void; end(): void }
}

function misuser(misuse: (out: Sender) => void) {
  return defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    on: { in: (_, { emit }) => misuse(emit.out) },
  })
}

for (const [what, misuse] of Object.entries(misuses)) {
  test(`${what} is GROUP_MISUSED`, async () => {
    const tester = await testComponent(misuser(misuse))
    await rejectsWith(tester.send('in', 1), 'GROUP_MISUSED', /^component\[0\]: port "out": /)
    await tester.close()
  })
}

test('a group or batch that is open at the end is GROUP_MISUSED', async () => {
  const forgetGroup = await testComponent(misuser((out) => void out.group('g')))
  await forgetGroup.send('in', 1)
  await rejectsWith(forgetGroup.end(), 'GROUP_MISUSED', /1 group\(s\) are still open/)
  const forgetBatch = await testComponent(misuser((out) => void out.batch()))
  await forgetBatch.send('in', 1)
  await rejectsWith(forgetBatch.end(), 'GROUP_MISUSED', /a batch is still open/)
})

test('messages of groups and batches are checked against the schema of the port, as others are', async () => {
  const kind = () =>
    defineComponent({
      inputs: { in: port(z.number()) },
      groups: { in: { a: { message: () => undefined, groups: { '*': { message: () => undefined } } } } },
      batches: { in: { message: () => undefined } },
    })
  for (const send of ['group', 'inner', 'batch'] as const) {
    const tester = await testComponent(kind())
    const wrong = 'x' as unknown as number
    const out = tester.sender('in')
    if (send === 'group') out.group('a').send(wrong)
    else if (send === 'inner') out.group('a').group().send(wrong)
    else out.batch().send(wrong)
    await rejectsWith(tester.settle(), 'MESSAGE_INVALID', /port "in"/)
    await tester.close()
  }
})

test('hooks of a connection and of a component see the messages of groups too', async () => {
  const seen: string[] = []
  const failing = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    on: {
      in(n, { emit }) {
        const group = emit.out.group('g')
        group.send(n)
        seen.push('sent')
        group.end()
      },
    },
  })
  const tester = await testComponent(failing)
  // The hook at the sending end of the connection is what the test kit fails by.
  tester.failNextEmit('out', { error: new Error('hook') })
  await rejectsWith(tester.send('in', 1), 'COMPONENT_FAILED', /hook/)
  assert.deepEqual(seen, [])
  await tester.close()
})

test('a message in a group whose key belongs to another instance fails, where its state is used', async () => {
  type Word = { readonly word: string }
  const sender = defineComponent({
    inputs: { in: port<string>() },
    outputs: { out: port<Word>() },
    on: {
      in(args, { emit }) {
        const group = emit.out.group('words', { word: args })
        for (const word of args.startsWith('same') ? [args, args] : ['a', 'b', 'c', 'd']) group.send({ word })
        group.end()
      },
    },
  })
  const counter = defineComponent({
    inputs: { in: port<Word>() },
    outputs: { out: port<string>() },
    state: { seen: value(0) },
    on: {
      in({ word }, { state, emit }) {
        emit.out(`${word} ${state.seen.update((n) => n + 1)}`)
      },
    },
  })
  for (const instances of [1, 2]) {
    const net = network('keys')
    const from = net.add('sender', sender)
    const count = net.add('count', counter, { instances, errors: 'reject' })
    net.connect(from.outputs.out, count.inputs.in, { selector: hash('word') })
    const tester = await testNetwork(
      net.exports({ inputs: { in: from.inputs.in }, outputs: { out: count.outputs.out } }),
    )
    await tester.send('in', 'same 1', 'same 2', 'same 1', 'mixed')
    const { out } = await tester.end()
    const codes = new Set(tester.rejected.map(({ error }) => error.code))
    assert.deepEqual(codes, new Set(instances === 1 ? [] : ['STATE_KEY_ELSEWHERE']))
    assert.equal(out.length + tester.rejected.length, 10)
    assert.ok(out.includes('same 1 4') && out.includes('same 2 2'), out.join())
  }
})
