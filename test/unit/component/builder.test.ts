import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assert as check, property, uniqueArray } from 'fast-check'
import { isVertigoError } from '../../../src/base/errors.ts'
import type { ErrorCode } from '../../../src/base/error-codes.ts'
import { z } from 'zod'
import { network } from '../../../src/component/builder.ts'
import {
  all,
  type BuiltNetwork,
  builtInKind,
  custom,
  defineComponent,
  defineSource,
  fair,
  hash,
  isKind,
  isNetworkBuilder,
  port,
  random,
  roundRobin,
} from '../../../src/component/index.ts'
import { componentName, json } from '../model/arbitraries.ts'

const lines = builtInKind(
  'file-lines',
  defineSource({
    outputs: { out: port<string>() },
    config: z.object({ path: z.string() }),
    *read({ config }) {
      yield config.path
    },
  }),
)
const split = defineComponent({
  inputs: { line: port<string>() },
  outputs: { word: port<string>() },
  on: { line: (line, { emit }) => emit.word(line) },
})

/** The same module loaded twice builds the same network: so each test builds its own. */
function wordCount() {
  const net = network('word-count', { description: 'Counts words.', deadLetter: 'dead.jsonl' })
  const source = net.add('lines', lines, { config: { path: 'input.txt' } })
  const words = net.add('split', split, {
    instances: 2,
    errors: 'reject',
    group: 'big',
    hooks: ['./hook.ts'],
  })
  const upper = net.add('upper', (word: string) => word.toUpperCase())
  net.connect(source.outputs.out, words.inputs.line)
  net.connect(words.outputs.word, upper.inputs.in, { selector: hash() })
  return { net, source, words, upper }
}

function throwsCode(code: ErrorCode, pattern: RegExp, action: () => unknown): void {
  assert.throws(action, (error: unknown) => {
    assert.ok(isVertigoError(error), String(error))
    assert.equal(error.code, code)
    assert.match(`${error.message} ${error.remedy}`, pattern)
    return true
  })
}

test('a network built in code gives the plain model', () => {
  const { net, words } = wordCount()
  net.initial(words.inputs.line, 'first')
  assert.deepEqual(net.toNetwork(), {
    name: 'word-count',
    description: 'Counts words.',
    deadLetter: 'dead.jsonl',
    components: {
      lines: { kind: 'file-lines', config: { path: 'input.txt' } },
      split: { kind: '#split', instances: 2, errors: 'reject', group: 'big', hooks: ['./hook.ts'] },
      upper: { kind: '#upper' },
    },
    connections: [
      { from: 'lines.out', to: 'split.line' },
      { from: 'split.word', to: 'upper.in', selector: 'hash' },
    ],
    initial: [{ to: 'split.line', value: 'first' }],
  })
})

test('the model is plain JSON, and built alike each time', () => {
  const model = wordCount().net.toNetwork()
  assert.deepEqual(JSON.parse(JSON.stringify(model)), model)
  assert.deepEqual(wordCount().net.toNetwork(), model)
})

test('every selector has its form in the model', () => {
  const net = network('selectors')
  const source = net.add('source', (line: string): { user: { id: string } } => ({ user: { id: line } }))
  const sinks = [roundRobin(), random(), fair(), all(), hash(), hash('user.id')].map((selector, i) => {
    const sink = net.add(`sink${i}`, (_message: unknown) => undefined)
    net.connect(source.outputs.out, sink.inputs.in, { selector: selector as ReturnType<typeof random> })
    return sink
  })
  const choose = (message: { user: { id: string } }, targets: number): number =>
    message.user.id.length % targets
  const last = net.add('last', (_message: unknown) => undefined)
  net.connect(source.outputs.out, last.inputs.in, {
    selector: custom(choose),
    hooks: { send: ['./a.ts'], receive: ['./b.ts'] },
  })
  net.connect(sinks[0]!.outputs.out, source.inputs.in, { back: true })
  const { connections } = net.toNetwork()
  assert.deepEqual(
    connections.map((connection) => connection.selector),
    [
      'round-robin',
      'random',
      'fair',
      'all',
      'hash',
      { type: 'hash', key: 'user.id' },
      { type: 'custom', kind: '#selector:source.out->last.in' },
      undefined,
    ],
  )
  assert.deepEqual(connections[6]?.hooks, { send: ['./a.ts'], receive: ['./b.ts'] })
  assert.equal(connections[7]?.back, true)
  assert.equal(net.lookup('#selector:source.out->last.in'), choose)
  assert.equal(net.lookup('selector:source.out->last.in'), choose)
})

test('lookup gives the code behind addresses', () => {
  const { net } = wordCount()
  assert.equal(net.lookup('#split'), split)
  assert.equal(net.lookup('split'), split)
  assert.equal(net.lookup('lines'), lines)
  assert.ok(isKind(net.lookup('upper')))
  throwsCode('KIND_UNKNOWN', /no code for "spilt"\. Did you mean "split"\?/, () => net.lookup('#spilt'))
})

test('a network added to another has its exported ports', () => {
  const inner = network('inner')
  const words = inner.add('words', split)
  const exported = inner.exports({
    inputs: { lines: words.inputs.line },
    outputs: { words: words.outputs.word, log: words.outputs.info },
  })
  assert.equal(exported, inner)
  const net = network('outer')
  const source = net.add('lines', lines, { config: { path: 'x' } })
  const sub = net.add('sub', exported)
  net.connect(source.outputs.out, sub.inputs.lines)
  net.connect(sub.outputs.words, net.add('sink', (_message: string) => undefined).inputs.in)
  assert.deepEqual(net.toNetwork().components['sub'], { kind: '#sub' })
  assert.equal(net.lookup('#sub'), inner)
  assert.deepEqual((net.lookup('sub') as BuiltNetwork).toNetwork().exports, {
    inputs: { lines: 'words.line' },
    outputs: { words: 'words.word', log: 'words.info' },
  })
  throwsCode(
    'PORT_UNKNOWN',
    /has no input "line"\. Did you mean "lines"\?/,
    () => void Reflect.get(sub.inputs, 'line'),
  )
})

test('a kind can be added by its address', () => {
  const { net, upper } = wordCount()
  const sink = net.addKind('result', './result.ts#default', {
    inputs: { in: port<string>() },
    config: { path: 'out.txt', nothing: null },
    instances: 3,
  })
  net.connect(upper.outputs.out, sink.inputs.in)
  assert.deepEqual(net.toNetwork().components['result'], {
    kind: './result.ts#default',
    config: { path: 'out.txt', nothing: null },
    instances: 3,
  })
  throwsCode('KIND_INVALID', /address/, () => network('x').addKind('a', '#split'))
})

test('implicit outputs can be connected', () => {
  const { net, words } = wordCount()
  const log = net.add('log', (_message: unknown) => undefined)
  net.connect(words.outputs.error, log.inputs.in)
  for (const name of ['fatal', 'warn', 'info', 'debug', 'trace'] as const)
    net.connect(words.outputs[name], log.inputs.in)
  assert.deepEqual(
    net
      .toNetwork()
      .connections.slice(2)
      .map(({ from }) => from),
    ['split.error', 'split.fatal', 'split.warn', 'split.info', 'split.debug', 'split.trace'],
  )
})

test('networks are known by their brand', () => {
  assert.ok(isNetworkBuilder(network('x')))
  assert.ok(isNetworkBuilder({ [Symbol.for('vertigo.network')]: true }))
  for (const value of [undefined, null, 'x', {}, split]) assert.equal(isNetworkBuilder(value), false)
})

test('misuse is told at the call', async (t) => {
  const cases: [string, ErrorCode, RegExp, () => unknown][] = [
    ['a name twice', 'KEY_DUPLICATE', /"split" already/, () => wordCount().net.add('split', split)],
    ['a bad name', 'FIELD_INVALID', /"a\.b" cannot be a name/, () => network('x').add('a.b', split)],
    ['a bad network name', 'FIELD_INVALID', /name cannot be "a b"/, () => network('a b')],
    ['no name', 'FIELD_MISSING', /no field "name"/, () => network(undefined as unknown as string)],
    [
      'a bad option of the network',
      'FIELD_UNKNOWN',
      /Did you mean "guarantee"/,
      () => network('x', { guarante: 'at-most-once' } as object),
    ],
    [
      'a bad option of a component',
      'FIELD_UNKNOWN',
      /Did you mean "instances"/,
      () => network('x').add('a', split, { instance: 2 } as object),
    ],
    [
      'too many instances',
      'FIELD_INVALID',
      /components\.a\.instances/,
      () => network('x').add('a', split, { instances: 0 }),
    ],
    [
      'a configuration that is no JSON',
      'FIELD_INVALID',
      /components\.a\.config\.at .*class Date/,
      () => network('x').add('a', split, { config: { at: new Date(0) as unknown as string } }),
    ],
    [
      'a constant that is no JSON',
      'FIELD_INVALID',
      /JSON value/,
      () => {
        const net = network('x')
        net.initial(net.add('a', (_message: Date) => 1).inputs.in, new Date(0))
      },
    ],
    [
      'a module as a kind',
      'KIND_INVALID',
      /default export/,
      () => network('x').add('a', { default: split } as unknown as typeof split),
    ],
    [
      'an address as a kind',
      'KIND_INVALID',
      /addKind/,
      () => network('x').add('a', './x.ts' as unknown as typeof split),
    ],
    [
      'an output that does not exist',
      'PORT_UNKNOWN',
      /no output "wrod"\. Did you mean "word"\?/,
      () => void Reflect.get(wordCount().words.outputs, 'wrod'),
    ],
    [
      'an input of a source',
      'PORT_UNKNOWN',
      /It has no inputs/,
      () => void Reflect.get(wordCount().source.inputs, 'in'),
    ],
    [
      'a component as a port',
      'HANDLE_INVALID',
      /a component: name its port/,
      () => {
        const { net, source, words } = wordCount()
        net.connect(source as unknown as typeof source.outputs.out, words.inputs.line)
      },
    ],
    [
      'a text as a port',
      'HANDLE_INVALID',
      /the text "split\.line"/,
      () => {
        const { net, source } = wordCount()
        net.connect(source.outputs.out, 'split.line' as unknown as never)
      },
    ],
    [
      'the wrong direction',
      'HANDLE_INVALID',
      /"split\.word" is an output, where an input is needed/,
      () => {
        const { net, source, words } = wordCount()
        net.connect(source.outputs.out, words.outputs.word as unknown as never)
      },
    ],
    [
      'a port of another network',
      'HANDLE_FOREIGN',
      /another network than "word-count"/,
      () => {
        const { net, source } = wordCount()
        net.connect(source.outputs.out, wordCount().words.inputs.line)
      },
    ],
    [
      'a connection twice',
      'CONNECTION_DUPLICATE',
      /"lines\.out" leads to "split\.line" already/,
      () => {
        const { net, source, words } = wordCount()
        net.connect(source.outputs.out, words.inputs.line, { selector: hash() })
      },
    ],
    [
      'a selector by name',
      'FIELD_INVALID',
      /hash\(\)/,
      () => {
        const { net, source, upper } = wordCount()
        net.connect(source.outputs.out, upper.inputs.in, { selector: 'hash' as unknown as never })
      },
    ],
    [
      'a custom selector without a function',
      'FIELD_INVALID',
      /has no function/,
      () => {
        const { net, source, upper } = wordCount()
        net.connect(source.outputs.out, upper.inputs.in, { selector: custom(3 as unknown as never) })
      },
    ],
    [
      'a change after use',
      'NETWORK_IN_USE',
      /"word-count" is in use/,
      () => {
        const { net } = wordCount()
        net.toNetwork()
        net.add('late', split)
      },
    ],
    [
      'a change after it became a subnet',
      'NETWORK_IN_USE',
      /"word-count" is in use/,
      () => {
        const { net, words } = wordCount()
        network('outer').add('sub', net)
        net.initial(words.inputs.line, 'x')
      },
    ],
    [
      'exports twice',
      'NETWORK_IN_USE',
      /given already/,
      () => {
        const { net } = wordCount()
        net.exports({})
        net.exports({})
      },
    ],
    [
      'a network in itself',
      'SUBNET_RECURSIVE',
      /itself/,
      () => {
        const { net } = wordCount()
        net.add('self', net)
      },
    ],
    [
      'options of a subnet',
      'SUBNET_OPTION',
      /instances/,
      () =>
        (network('x') as unknown as { add(...values: unknown[]): void }).add('sub', network('y'), {
          instances: 2,
        }),
    ],
  ]
  for (const [name, code, pattern, action] of cases)
    await t.test(name, () => throwsCode(code, pattern, action))
})

test('what was given to the builder can be changed afterwards without changing the network', () => {
  const config = { path: 'a' }
  const hooks = { send: ['./a.ts'] }
  const net = network('x')
  const source = net.add('lines', lines, { config })
  net.connect(source.outputs.out, net.add('split', split).inputs.line, { hooks })
  config.path = 'b'
  hooks.send.push('./b.ts')
  const model = net.toNetwork()
  assert.deepEqual(model.components['lines']?.config, { path: 'a' })
  assert.deepEqual(model.connections[0]?.hooks, { send: ['./a.ts'] })
  assert.throws(() => ((model.connections as unknown[])[0] = 1), TypeError)
})

test('any chain of components gives its own model back', () => {
  check(
    property(uniqueArray(componentName, { minLength: 1, maxLength: 8 }), json, (names, config) => {
      const net = network('chain')
      const handles = names.map((each) => net.add(each, (message: string) => message, { config: { config } }))
      for (let i = 1; i < handles.length; i++) net.connect(handles[i - 1]!.outputs.out, handles[i]!.inputs.in)
      const model = net.toNetwork()
      assert.deepEqual(Object.keys(model.components).toSorted(), names.toSorted())
      assert.equal(model.connections.length, names.length - 1)
      for (const each of names) {
        assert.equal(model.components[each]?.kind, `#${each}`)
        assert.deepEqual(model.components[each]?.config, { config })
        assert.equal(isKind(net.lookup(`#${each}`)), true)
      }
    }),
    { numRuns: 50 },
  )
})
