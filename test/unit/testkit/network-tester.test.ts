import assert from 'node:assert/strict'
import { test } from 'node:test'
import { network } from '../../../src/component/builder.ts'
import { defineComponent, defineSource, hash, port, value } from '../../../src/component/index.ts'
import { testNetwork } from '../../../src/testkit/index.ts'
import { rejectsWith } from './errors.ts'

const lines = defineSource({
  outputs: { out: port<string>() },
  *read() {
    yield 'a b a'
    yield 'b a'
  },
})
const count = defineComponent({
  inputs: { word: port<string>() },
  outputs: { count: port<{ word: string; count: number }>() },
  state: { seen: value(0) },
  on: { word: (word, { emit, state }) => emit.count({ word, count: state.seen.update((n) => n + 1) }) },
})

function wordCount() {
  const net = network('word-count')
  const source = net.add('lines', lines)
  const split = net.add('split', (line: string) => {
    return (function* () {
      yield* line.split(' ')
    })()
  })
  const counts = net.add('count', count, { instances: 3 })
  net.connect(source.outputs.out, split.inputs.in)
  net.connect(split.outputs.out, counts.inputs.word, { selector: hash() })
  return net
}

for (const workers of [0, 1, 3]) {
  test(`a network runs to its end in one thread, with ${workers} workers`, async () => {
    const net = await testNetwork(wordCount(), { collect: ['count.count', 'split.out'], workers })
    const outputs = await net.end()
    const results: readonly unknown[] = outputs['count.count']
    assert.deepEqual(
      new Set(results.map((r) => JSON.stringify(r))),
      new Set([
        '{"word":"a","count":1}',
        '{"word":"a","count":2}',
        '{"word":"a","count":3}',
        '{"word":"b","count":1}',
        '{"word":"b","count":2}',
      ]),
    )
    assert.equal(results.length, 5)
    assert.deepEqual(outputs['split.out'], ['a', 'b', 'a', 'b', 'a'])
  })
}

test('exported ports are sent to and gathered, typed', async () => {
  const inner = network('inner')
  const twice = inner.add('twice', (n: number) => n * 2)
  const subnet = inner.exports({ inputs: { n: twice.inputs.in }, outputs: { m: twice.outputs.out } })
  const outer = network('outer')
  const sub = outer.add('sub', subnet)
  const next = outer.add('next', (n: number) => n + 1)
  outer.connect(sub.outputs.m, next.inputs.in)
  const net = await testNetwork(
    outer.exports({ inputs: { in: sub.inputs.n }, outputs: { out: next.outputs.out } }),
  )
  await net.send('in', 1, 2)
  const out: number[] = net.take('out')
  assert.deepEqual(out, [3, 5])
  await net.end()
})

test('a cycle comes to its end', async () => {
  const net = network('countdown')
  const start = net.add(
    'start',
    defineSource({
      outputs: { out: port<number>() },
      *read() {
        yield 5
      },
    }),
  )
  const down = net.add('down', (n: number) => (n > 0 ? n - 1 : undefined))
  net.connect(start.outputs.out, down.inputs.in)
  net.connect(down.outputs.out, down.inputs.in, { back: true })
  const tester = await testNetwork(net, { collect: ['down.out'] })
  assert.deepEqual(await tester.end(), { 'down.out': [4, 3, 2, 1, 0] })
})

test('what is wrong with a network is said as in a run', async () => {
  await rejectsWith(
    testNetwork(wordCount(), { collect: ['cuont.count'] }),
    'PORT_UNKNOWN',
    /no component "cuont"/,
  )
  const net = network('unwired')
  const a = net.add('a', count)
  const b = net.add('b', count)
  net.connect(a.outputs.count, b.inputs.word as never)
  await rejectsWith(testNetwork(net), 'NETWORK_INVALID')
})
