import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isVertigoError } from '../../../src/base/errors.ts'
import { networkBytesMax } from '../../../src/model/limits.ts'
import { networkFormat } from '../../../src/model/format.ts'
import { parseNetwork } from '../../../src/model/parse.ts'
import { findJsonFault } from '../../../src/model/json-fault.ts'
import { faultsOf, json } from './arbitraries.ts'

const yaml = (text: string): unknown => parseNetwork(text, { file: 'net.yaml' }).network
const jsonText = (text: string): unknown => parseNetwork(text, { file: 'net.json' }).network

const wordCount = `name: word-count
components:
  lines: { kind: file-lines, config: { path: input.txt } }
  split:
    kind: ./split.ts
    instances: 2
connections:
  - from: lines.out
    to: split.line
`

describe('parseNetwork', () => {
  it('reads YAML, and tells where its parts stand', () => {
    const { network, places } = parseNetwork(wordCount, { file: 'net.yaml' })
    assert.deepEqual(network, {
      name: 'word-count',
      components: {
        lines: { kind: 'file-lines', config: { path: 'input.txt' } },
        split: { kind: './split.ts', instances: 2 },
      },
      connections: [{ from: 'lines.out', to: 'split.line' }],
    })
    const at = (...path: (string | number)[]): string => {
      const { line, column } = places.of(path)
      return `${line}:${column}`
    }
    assert.equal(at('name'), '1:7', 'a value stands where it begins')
    assert.equal(at('components'), '2:1', 'a mapping stands where its key does')
    assert.equal(at('components', 'split'), '4:3')
    assert.equal(at('components', 'split', 'instances'), '6:16')
    assert.equal(at('components', 'lines', 'config', 'path'), '3:46')
    assert.equal(at('connections', 0), '8:5')
    assert.equal(at('connections', 0, 'to'), '9:9')
    assert.equal(
      at('components', 'split', 'config', 'x'),
      '4:3',
      'the nearest ancestor stands for what is absent',
    )
    assert.equal(at('connections', 7), '7:1')
    assert.equal(at(), '1:1')
    assert.deepEqual(places.of(['name'], 'key'), { file: 'net.yaml', line: 1, column: 1 })
  })

  it('reads JSON, with a byte order mark and $schema too', () => {
    const text =
      '\uFEFF{"$schema": "x", "name": "n",\r\n "components": {"a": {"kind": "k"}},\r\n\t"connections": []}'
    const { network, places } = parseNetwork(text, { file: 'NET.JSON' })
    assert.deepEqual(network, { name: 'n', components: { a: { kind: 'k' } }, connections: [] })
    assert.deepEqual(places.of(['components', 'a', 'kind']), { file: 'NET.JSON', line: 2, column: 31 })
    assert.deepEqual(places.of(['connections']), { file: 'NET.JSON', line: 3, column: 2 })
  })

  it('takes how long barriers wait as whole milliseconds, none included', () => {
    const textOf = (value: string): string =>
      `name: n\nsnapshot: { alignMsMax: ${value} }\ncomponents: { a: { kind: k } }\nconnections: []\n`
    for (const value of [0, 250, 86_400_000]) {
      const { network } = parseNetwork(textOf(String(value)), { file: 'net.yaml' })
      assert.deepEqual(network.snapshot, { alignMsMax: value })
    }
    for (const value of ['-1', '1.5', '86400001', 'null', '1s']) {
      const [fault, ...others] = faultsOf(() => parseNetwork(textOf(value), { file: 'net.yaml' }))
      assert.match(fault!, /alignMsMax/, value)
      assert.deepEqual(others, [])
    }
  })

  it('takes the format from the ending, or as it is told', () => {
    assert.equal(networkFormat('a.YML'), 'yaml')
    assert.equal(networkFormat('file:///x/a.json?v=1#k'), 'json')
    assert.equal(networkFormat('a.b/net'), undefined)
    assert.deepEqual(
      faultsOf(() => parseNetwork('', { file: 'net.txt' })),
      ['NETWORK_SYNTAX | The format of net.txt cannot be told from its name.'],
    )
    assert.equal(parseNetwork(wordCount, { file: '-', format: 'yaml' }).network.name, 'word-count')
  })

  it('resolves YAML aliases, and finds what stands behind them', () => {
    const text = 'name: n\ncomponents:\n  a: &x { kind: k, config: { p: 1 } }\n  b: *x\nconnections: []\n'
    const { network, places } = parseNetwork(text, { file: 'net.yaml' })
    assert.deepEqual(network.components.b, network.components.a)
    assert.equal(places.of(['components', 'b', 'config', 'p']).line, 3)
    assert.equal(places.of(['components', 'b']).line, 4)
  })

  for (const [what, text, fault] of [
    ['an empty file', ' \n', 'NETWORK_SYNTAX | net.yaml is empty.'],
    [
      'NUL bytes',
      'ab\n\0',
      'NETWORK_SYNTAX 2:1 | net.yaml cannot be parsed: this is not text: it holds the control character 0x00.',
    ],
    [
      'two documents',
      'a: 1\n---\nb: 1',
      'NETWORK_SYNTAX 2:1 | net.yaml cannot be parsed: it holds more than one document.',
    ],
    [
      'an alias without anchor',
      'a: *x',
      'NETWORK_SYNTAX 1:4 | net.yaml cannot be parsed: the alias *x has no anchor &x before it.',
    ],
    [
      'an alias inside of itself',
      'a: &a [*a]',
      'NETWORK_SYNTAX 1:8 | net.yaml cannot be parsed: the alias *a stands inside of what it repeats.',
    ],
    [
      'a key that is a list',
      '[a]: 1',
      'NETWORK_SYNTAX 1:1 | net.yaml cannot be parsed: a key must be a plain name.',
    ],
    [
      'an open bracket',
      'a: [1',
      'NETWORK_SYNTAX 1:6 | net.yaml cannot be parsed: flow sequence in block collection must be sufficiently indented and end with a ].',
    ],
    [
      'a document that is text',
      'hello',
      'FIELD_INVALID 1:1 | The network must be a mapping of names to values, not "hello".',
    ],
    [
      'a document that is a list',
      '- 1',
      'FIELD_INVALID 1:1 | The network must be a mapping of names to values, not a list.',
    ],
  ] as const)
    it(`refuses ${what}`, () =>
      assert.deepEqual(
        faultsOf(() => yaml(text)),
        [fault],
      ))

  for (const [what, text, fault] of [
    [
      'a comma too many',
      '{"a": 1,\n}',
      '2:1 | net.json cannot be parsed: a comma must not stand before "}".',
    ],
    [
      'a comma too few',
      '{"a": 1\n "b": 2}',
      '2:2 | net.json cannot be parsed: expected "," or "}", but here is "\\"".',
    ],
    [
      'a comment',
      '{ // x\n}',
      '1:3 | net.json cannot be parsed: JSON has no comments; remove it, or use YAML.',
    ],
    [
      'single quotes',
      "{'a': 1}",
      '1:2 | net.json cannot be parsed: expected a name in double quotes, but here is a single quote; JSON uses double quotes.',
    ],
    ['YAML', 'name: x', '1:1 | net.json cannot be parsed: expected a value, but here is "name".'],
    [
      'an early end',
      '{"a":\n{"b": 1}',
      '2:9 | net.json cannot be parsed: the document ends before the "{" of line 1 is closed with "}".',
    ],
    ['a wrong word', '{"a": tru}', '1:7 | net.json cannot be parsed: expected a value, but here is "tru".'],
    [
      'an open string',
      '{"a": "b\n}',
      '1:7 | net.json cannot be parsed: a string must be closed with a double quote on the same line.',
    ],
    [
      'a wrong escape',
      '{"a": "C:\\x"}',
      '1:10 | net.json cannot be parsed: "\\x" is no escape of JSON; a backslash is written twice.',
    ],
    [
      'something behind',
      '{} {}',
      '1:4 | net.json cannot be parsed: nothing may follow the end of the document, but here is "{".',
    ],
  ] as const)
    it(`refuses JSON with ${what}`, () =>
      assert.deepEqual(
        faultsOf(() => jsonText(text)),
        [`NETWORK_SYNTAX ${fault}`],
      ))

  it('refuses a name that stands twice, in YAML and in JSON, together with other faults', () => {
    const text =
      'name: n\ncomponents:\n  a: { kind: x }\n  b: { knd: x }\n  a: { kind: y }\nconnections: []\n'
    assert.deepEqual(
      faultsOf(() => yaml(text)),
      [
        'FIELD_MISSING 4:3 components.b | components.b has no field "kind".',
        'FIELD_UNKNOWN 4:8 components.b.knd | components.b has an unknown field "knd". Did you mean "kind"?',
        'KEY_DUPLICATE 5:3 components.a | "a" stands twice in components: first at line 3, column 3.',
      ],
    )
    assert.deepEqual(
      faultsOf(() => jsonText('{"name":"n","name":"m","components":{},"connections":[]}')),
      ['KEY_DUPLICATE 1:13 name | "name" stands twice in the network: first at line 1, column 2.'],
    )
  })

  it('refuses values that JSON does not have, and fields named __proto__', () => {
    const text =
      'name: n\ncomponents:\n  a: { kind: k, config: { x: .nan, __proto__: { y: 1 } } }\nconnections: []\n'
    assert.deepEqual(
      faultsOf(() => yaml(text)),
      [
        'FIELD_INVALID 3:30 components.a.config.x | components.a.config.x is NaN, which JSON cannot hold.',
        'FIELD_INVALID 3:36 components.a.config.__proto__ | A field cannot be called "__proto__".',
      ],
    )
  })

  it('bounds size, nesting, and what aliases stand for', () => {
    assert.match(
      faultsOf(() => yaml('a'.repeat(networkBytesMax + 1)))[0]!,
      /^NETWORK_SYNTAX \| .* larger than 16777216 bytes/,
    )
    for (const open of ['[', '{a: ', '- ', '? '])
      assert.match(
        faultsOf(() => yaml(open.repeat(100_000)))[0]!,
        /^NETWORK_SYNTAX 1:\d+ \| .*(100 levels)/,
        open,
      )
    assert.match(faultsOf(() => jsonText('['.repeat(100_000)))[0]!, /the document ends before/)
    assert.match(faultsOf(() => jsonText('['.repeat(5000) + ']'.repeat(5000)))[0]!, /100 levels/)
    const bomb = ['a: &a [1,2,3,4,5,6,7,8,9]']
    for (const [index, name] of 'bcdefghi'.split('').entries())
      bomb.push(`${name}: &${name} [${`*${'abcdefgh'[index]},`.repeat(9)}]`)
    assert.match(
      faultsOf(() => yaml(bomb.join('\n')))[0]!,
      /^NETWORK_SYNTAX 7:\d+ \| .*more than 2000000 values/,
    )
  })

  it('lists a bounded number of faults', () => {
    const fields = Array.from({ length: 5000 }, (_, index) => `x${index}: 1`).join('\n')
    assert.equal(faultsOf(() => yaml(fields)).length, 100)
  })

  it('reads many components in a time that grows with their number', () => {
    const components = Array.from({ length: 3000 }, (_, index) => `  c${index}: { kind: k }`).join('\n')
    const { network } = parseNetwork(`name: n\ncomponents:\n${components}\nconnections: []\n`, {
      file: 'n.yaml',
    })
    assert.equal(Object.keys(network.components).length, 3000)
  })

  it('gives errors of its own for any text, in every format', () => {
    const rubbish = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc
        .array(
          fc.constantFrom(
            'a',
            ':',
            ' ',
            '\n',
            '-',
            '[',
            '{',
            '"',
            "'",
            '&x',
            '*x',
            '->',
            '(',
            ')',
            '#',
            '@',
            'IN',
            ',',
          ),
          { maxLength: 40 },
        )
        .map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(rubbish, fc.constantFrom('a.yaml', 'a.json', 'a.fbp'), (text, file) => {
        try {
          parseNetwork(text, { file })
        } catch (error) {
          assert.ok(isVertigoError(error), String(error))
          assert.match(error.code, /^NETWORK_(SYNTAX|INVALID)$/)
          assert.equal(error.place.file, file)
        }
      }),
      { numRuns: 150 },
    )
  })
})

describe('findJsonFault', () => {
  it('finds a fault exactly where JSON.parse does', () => {
    const broken = fc
      .tuple(json, fc.nat(), fc.constantFrom('', ',', '}', ']', '"', 'x', ':', ' '), fc.nat(2))
      .map(([value, at, insert, cut]) => {
        const text = JSON.stringify(value, null, 1)
        const index = at % (text.length + 1)
        return text.slice(0, index) + insert + text.slice(index + cut)
      })
    fc.assert(
      fc.property(broken, (text) => {
        let valid = true
        try {
          JSON.parse(text)
        } catch {
          valid = false
        }
        assert.equal(findJsonFault(text) === undefined, valid)
      }),
      { numRuns: 500 },
    )
  })
})
