import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { builtInSource } from '../../../src/cli/validate-types/built-ins.ts'
import { makeCheckFile } from '../../../src/cli/validate-types/check-file.ts'
import { parseDiagnostics } from '../../../src/cli/validate-types/compiler.ts'
import { connectorKinds } from '../../../src/connectors/index.ts'
import type { Network } from '../../../src/model/index.ts'
import { operatorKinds } from '../../../src/operators/index.ts'

const options = {
  file: '/project/nets/network.yaml',
  folder: '/project/node_modules/.cache/vertigo/types-1',
  library: {
    component: 'vertigo-flow',
    operators: 'vertigo-flow/operators',
    connectors: 'vertigo-flow/connectors',
  },
}

/** The lines behind the prelude. */
function body(network: Network): string[] {
  const texts = makeCheckFile(network, options).lines.map(({ text }) => text)
  return texts.slice(texts.findIndex((text) => text.startsWith('import *')))
}

test('a network as TypeScript', () => {
  const flat = {
    name: 'x',
    components: {
      'a-1': { kind: './a.ts' },
      b: { kind: '../b.ts#kind', config: { list: [1, { 'x y': null }], __proto__: undefined } },
      'sub/c': { kind: './c.ts', base: 'file:///other/sub.yaml' },
      d: { kind: 'some-package/kinds#d' },
    },
    connections: [{ from: 'a-1.out', to: 'sub/c.in', selector: { type: 'hash', key: 'user.id' } }],
  } as unknown as Network
  assert.deepEqual(body(flat), [
    'import * as m0 from "../../../../nets/a.ts"',
    'import * as m1 from "../../../../b.ts"',
    'import * as m2 from "../../../../../other/c.ts"',
    'import * as m3 from "some-package/kinds"',
    'const k0 = defaultOf(m0)',
    'const a0: IsAny<typeof k0> = false',
    'const c0 = component(k0)',
    'const k1 = m1["kind"]',
    'const a1: IsAny<typeof k1> = false',
    'const c1 = component(k1)',
    'const k2 = defaultOf(m2)',
    'const a2: IsAny<typeof k2> = false',
    'const c2 = component(k2)',
    'const k3 = m3["d"]',
    'const a3: IsAny<typeof k3> = false',
    'const c3 = component(k3)',
    'configure(k0, {',
    '})',
    'configure(k1, {',
    '"list": [',
    '1,',
    '{',
    '"x y": null,',
    '},',
    '],',
    '})',
    'configure(k2, {',
    '})',
    'configure(k3, {',
    '})',
    'const o0a: IsAny<From<typeof c0.outputs["out"]>> = false',
    'const o0b: IsOpen<From<typeof c0.outputs["out"]>> = false',
    'connect(c0.outputs["out"], c2.inputs["in"])',
    'key(c0.outputs["out"], { selector: hash("user.id") })',
    'export const compared: false = true',
  ])
})

test('kinds that pass messages on are declared after what sends to them, in cycles too', () => {
  const lines = body({
    name: 'x',
    components: {
      third: { kind: 'counter' },
      second: { kind: 'take', config: { count: 1 } },
      first: { kind: './a.ts' },
      loop: { kind: 'take', config: { count: 1 } },
      loop2: { kind: 'take', config: { count: 1 } },
    },
    connections: [
      { from: 'first.out', to: 'second.in' },
      { from: 'second.out', to: 'third.in' },
      { from: 'loop.out', to: 'loop2.in' },
      { from: 'loop2.out', to: 'loop.in', back: true },
    ],
  })
  assert.deepEqual(
    lines.filter((line) => line.startsWith('const k')),
    [
      'const k2 = defaultOf(m0)',
      'const k1 = m1.take<From<typeof c2.outputs["out"]>>()',
      'const k0 = m1.counter<From<typeof c1.outputs["out"]>>()',
      'const k3 = m1.take<unknown>()',
      'const k4 = m1.take<unknown>()',
    ],
  )
})

test('every built-in kind can be written in the check file', () => {
  for (const kind of Object.keys({ ...connectorKinds, ...operatorKinds }))
    assert.ok(builtInSource(kind) !== undefined, `${kind} is exported under no name`)
  assert.equal(builtInSource('nothing'), undefined)
  assert.equal(builtInSource('toString'), undefined)
})

test('what the compiler prints is read', () => {
  const output = [
    'check.mts(3,7): error TS2345: Argument of type A.',
    "  Type 'string' is not assignable.",
    '    Deeper.',
    '../src/a b(1).ts(10,2): error TS1005: text (1,2): error of the text',
    '',
  ]
  assert.deepEqual(parseDiagnostics(output.join('\r\n'), '/p/x'), {
    diagnostics: [
      {
        file: resolve('/p/x/check.mts'),
        line: 3,
        column: 7,
        code: 'TS2345',
        message: 'Argument of type A.',
        details: ["Type 'string' is not assignable.", 'Deeper.'],
      },
      {
        file: resolve('/p/src/a b(1).ts'),
        line: 10,
        column: 2,
        code: 'TS1005',
        message: 'text (1,2): error of the text',
        details: [],
      },
    ],
    others: [],
  })
  assert.deepEqual(parseDiagnostics('error TS5012: Cannot read.\n  More.\n', '/p'), {
    diagnostics: [],
    others: ['error TS5012: Cannot read.', 'More.'],
  })
})
