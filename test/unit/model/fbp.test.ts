import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { toFbpJson, toFbpText } from '../../../src/model/fbp-write.ts'
import { normalNetwork } from '../../../src/model/diff.ts'
import type { Network } from '../../../src/model/network.ts'
import { parseNetwork } from '../../../src/model/parse.ts'
import { faultsOf, networks } from './arbitraries.ts'

const read = (text: string): Network => parseNetwork(text, { file: 'dir/some graph.fbp' }).network

describe('the FBP language', () => {
  it('becomes a network: processes, connections, packets, exports, names', () => {
    const text = `# @runtime noflo-nodejs
# @name count-lines
# Reads a file
INPORT=Read.IN:FILENAME
OUTPORT=Count.OUT:RESULT

'package.json' -> IN Read(filesystem/ReadFile)
Read OUT -> IN Split(strings/SplitStr:x=36,y=5)
Split OUT -> IN Count(packets/Counter), Read ERROR -> IN Display(core/Output)
{"a": [1, "(no component)"]} -> OPTIONS Count
Count COUNT -> IN Display
`
    assert.deepEqual(read(text), {
      name: 'count-lines',
      components: {
        Read: { kind: 'filesystem/ReadFile' },
        Split: { kind: 'strings/SplitStr' },
        Count: { kind: 'packets/Counter' },
        Display: { kind: 'core/Output' },
      },
      connections: [
        { from: 'Read.OUT', to: 'Split.IN' },
        { from: 'Split.OUT', to: 'Count.IN' },
        { from: 'Read.ERROR', to: 'Display.IN' },
        { from: 'Count.COUNT', to: 'Display.IN' },
      ],
      initial: [
        { to: 'Read.IN', value: 'package.json' },
        { to: 'Count.OPTIONS', value: { a: [1, '(no component)'] } },
      ],
      exports: { inputs: { FILENAME: 'Read.IN' }, outputs: { RESULT: 'Count.OUT' } },
    })
  })

  it('takes chains, default ports, components without a name, and the case as it is', () => {
    assert.deepEqual(read('A(x) out -> in B(y) -> C(z)\n(Log) -> A\n(./lib/log.ts) -> A'), {
      name: 'some-graph',
      components: {
        A: { kind: 'x' },
        B: { kind: 'y' },
        C: { kind: 'z' },
        _Log_1: { kind: 'Log' },
        _lib_log_ts_1: { kind: './lib/log.ts' },
      },
      connections: [
        { from: 'A.out', to: 'B.in' },
        { from: 'B.OUT', to: 'C.IN' },
        { from: '_Log_1.OUT', to: 'A.IN' },
        { from: '_lib_log_ts_1.OUT', to: 'A.IN' },
      ],
    })
  })

  it('takes paths as kinds, and fields of components as metadata', () => {
    const text = `# @guarantee exactly-once
# @snapshot-interval-ms 500
# @dead-letter ./dead (1).jsonl
Read(file-lines:config.path=in.txt,config.size=10,config.text=%2210%22) OUT -> IN Split(./split.ts#b:instances=2,group=big_1,errors=%7B%22retry%22%3A%7B%7D%7D)
Split OUT -> IN End(sink:instances=3)
`
    assert.deepEqual(read(text), {
      name: 'some-graph',
      guarantee: 'exactly-once',
      snapshot: { intervalMs: 500 },
      deadLetter: './dead (1).jsonl',
      components: {
        Read: { kind: 'file-lines', config: { path: 'in.txt', size: 10, text: '10' } },
        Split: { kind: './split.ts#b', instances: 2, group: 'big_1', errors: { retry: {} } },
        End: { kind: 'sink', instances: 3 },
      },
      connections: [
        { from: 'Read.OUT', to: 'Split.IN' },
        { from: 'Split.OUT', to: 'End.IN' },
      ],
    })
  })

  it('tells where its parts stand', () => {
    const text = "# Read IN\n'Read' -> IN Read(./read.ts)\nRead OUT -> IN Split(x)\nINPORT=Read.IN:GO\n"
    const { places } = parseNetwork(text, { file: 'g.fbp' })
    const at = (...path: (string | number)[]): string => `${places.of(path).line}:${places.of(path).column}`
    assert.equal(at('components', 'Read', 'kind'), '2:14')
    assert.equal(at('components', 'Split'), '3:16')
    assert.equal(at('connections', 0), '3:1')
    assert.equal(at('connections', 0, 'to'), '3:13')
    assert.equal(at('initial', 0), '2:11')
    assert.equal(at('exports', 'inputs', 'GO'), '4:1')
    assert.deepEqual(places.of(['name']), { file: 'g.fbp' })
  })

  for (const [what, text, fault] of [
    [
      'text that cannot be parsed',
      'A(x) OUT -> IN B(y)\nA OUT => IN B',
      /^NETWORK_SYNTAX 2:\d+ \| .*cannot be parsed: expected /,
    ],
    ['text behind a path that cannot be parsed', 'A(./x.ts) OUT -> IN B(y) ->', /^NETWORK_SYNTAX 1:\d+ \| /],
    [
      'array ports',
      'A(x) OUT -> IN B(y)\nA OUT[2] -> IN B',
      /^FBP_UNSUPPORTED 2:1 connections\[1\] \| A\.OUT\[2\]: array ports do not exist here\.$/,
    ],
    [
      'a component without kind',
      'A(:x=1) OUT -> IN B(y)',
      /^FIELD_MISSING 1:1 components\.A \| components\.A has no field "kind"\.$/,
    ],
    [
      'ports with dots',
      'A(x) OUT.b -> IN B(y)',
      /^PORT_REFERENCE_INVALID 1:\d+ connections\[0\]\.from \| .* not "A\.OUT\.b"/,
    ],
    [
      'instances that are no number',
      'A(./x.ts:instances=two) OUT -> IN B(y)',
      /^FIELD_INVALID 1:1 components\.A\.instances \| .* not "two"/,
    ],
  ] as const)
    it(`refuses ${what}`, () => {
      const faults = faultsOf(() => read(text))
      assert.ok(!('component' in {}) && !('component' in Object), 'objects of the program are as they were')
      assert.equal(faults.length, 1, faults.join('\n'))
      assert.match(faults[0]!, fault)
    })

  it('is written so that all but the fields of connections come back', () => {
    fc.assert(
      fc.property(networks, (network) => {
        const { text, lost } = toFbpText(network)
        const again = normalNetwork(read(text))
        const expected = normalNetwork({
          ...network,
          connections: network.connections.map(({ from, to }) => ({ from, to })),
        })
        const fields = network.connections.flatMap((connection, index) =>
          Object.keys(connection)
            .filter((key) => key !== 'from' && key !== 'to')
            .map((key) => `connections[${index}].${key}`),
        )
        for (const field of fields) assert.ok(lost.includes(field), field)
        const others = lost.filter((path) => !fields.includes(path))
        if (others.length === 0) assert.deepEqual(again, expected)
        else assert.notDeepEqual(again, expected)
      }),
      { numRuns: 300 },
    )
  })

  it('is written as people write it', () => {
    const network: Network = {
      name: 'n',
      components: {
        a: { kind: './a.ts', config: { path: "it's (x)" } },
        '2b': { kind: 'k', instances: 2 },
        c: { kind: 'odd:a=b' },
      },
      connections: [{ from: 'a.out', to: '2b.dead-letter', selector: 'hash' }],
      initial: [
        { to: 'a.in', value: null },
        { to: 'a.in', value: "it's" },
        { to: 'a.in', value: 'C:\\' },
      ],
    }
    assert.deepEqual(toFbpText(network), {
      text: `# @name n

a(./a.ts:config.path=it%27s%20%28x%29) out -> dead_letter _2b(k:instances=2)
\tnull -> in a
'it\\'s' -> in a
"C:\\\\" -> in a
c(unknown)
`,
      lost: ['components.2b', 'connections[0].selector', 'connections[0].to', 'components.c.kind'],
    })
  })
})

describe('networks that are not valid', () => {
  it('are written so that they can be read, and what was left out is told', () => {
    const network: Network = {
      name: 'n',
      components: { a: { kind: 'x', group: '' }, b: { kind: './b.ts', group: '', instances: 2 } },
      connections: [{ from: 'a.__proto__', to: 'b.in' }],
      exports: { inputs: { start: 'a.__proto__' } },
    }
    const { text, lost } = toFbpText(network)
    assert.deepEqual(lost.toSorted(), [
      'components.a.group',
      'components.b.group',
      'connections[0].from',
      'exports.inputs.start',
    ])
    assert.equal(read(text).components['b']?.instances, 2)
  })
})

describe('FBP JSON graphs', () => {
  const json = (graph: unknown): Network =>
    parseNetwork(JSON.stringify(graph, null, 1), { file: 'g.json' }).network

  it('are recognized and become networks', () => {
    const graph = {
      caseSensitive: false,
      properties: { name: 'demo', environment: { type: 'noflo' } },
      inports: { start: { process: 'Read', port: 'in', metadata: { x: 5 } } },
      outports: {},
      groups: [{ name: 'g', nodes: ['Read'] }],
      processes: {
        Read: { component: 'fs/Read', metadata: { x: 1, y: 2, label: 'Read' } },
        Show: { component: 'core/Output' },
      },
      connections: [
        {
          src: { process: 'Read', port: 'out' },
          tgt: { process: 'Show', port: 'in' },
          metadata: { route: 1 },
        },
        { data: { a: null }, tgt: { process: 'Read', port: 'in' } },
      ],
    }
    assert.deepEqual(json(graph), {
      name: 'demo',
      components: { Read: { kind: 'fs/Read' }, Show: { kind: 'core/Output' } },
      connections: [{ from: 'Read.out', to: 'Show.in' }],
      initial: [{ to: 'Read.in', value: { a: null } }],
      exports: { inputs: { start: 'Read.in' } },
    })
  })

  it('keep everything, there and back', () => {
    fc.assert(
      fc.property(networks, (network) => {
        const { text, lost } = toFbpJson(network)
        assert.deepEqual(lost, [])
        const again = normalNetwork(parseNetwork(text, { file: 'g.json' }).network)
        assert.deepEqual(again, normalNetwork(network))
      }),
      { numRuns: 300 },
    )
  })

  it('are refused with places in the graph', () => {
    assert.deepEqual(
      faultsOf(() => json({ processes: { A: { component: 5 } }, connections: [{ src: { process: 'A' } }] })),
      [
        'FIELD_INVALID 4:17 processes.A.component | processes.A.component must be text, not 5.',
        'FIELD_MISSING 8:3 connections[0] | connections[0] has no field "tgt".',
        'FIELD_MISSING 9:4 connections[0].src | connections[0].src has no field "port".',
      ],
    )
    const graph = {
      processes: { 'a b': { component: 'x', metadata: { vertigo: { instances: 0 } } } },
      connections: [
        { data: 1, tgt: { process: 'a', port: 'in', index: 1 } },
        { src: { process: 'a', port: 'o.p' }, tgt: { process: 'a', port: 'in' } },
      ],
    }
    assert.deepEqual(
      faultsOf(() => json(graph)),
      [
        'FIELD_INVALID 3:3 components["a b"] | "a b" cannot be a name.',
        'FBP_UNSUPPORTED 18:14 connections[0].tgt.index | a.in[1]: array ports do not exist here.',
        'PORT_REFERENCE_INVALID 24:13 connections[0].from | connections[0].from must have the form component.port, not "a.o.p".',
      ],
    )
  })
})
