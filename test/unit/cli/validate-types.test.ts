import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { isVertigoError } from '../../../src/base/errors.ts'
import { typeCheckSummary } from '../../../src/cli/validate-types.ts'
import { told, typeProject } from './type-project.ts'

const kinds = {
  'split.ts': `
import { defineComponent, port } from '@vertigo'
export default defineComponent({
  inputs: { line: port<string>() },
  outputs: { word: port<string>() },
  on: { line: (line, { emit }) => emit.word(line) },
})
`,
  'kinds/count.ts': `
import { defineComponent, port } from '@vertigo'
import * as v from 'valibot'
export const count = defineComponent({
  inputs: { word: port<string>() },
  outputs: { count: port<{ word: string; count: number }>() },
  config: v.object({ limit: v.number(), names: v.optional(v.array(v.string())) }),
  on: { word: (word, { emit }) => emit.count({ word, count: 1 }) },
})
export const user = defineComponent({
  inputs: { in: port<string>() },
  outputs: { out: port<{ user: { id: string; city?: string } }>() },
})
export const untyped = defineComponent({ inputs: { in: port() }, outputs: { out: port() } })
export const length = (text: string) => text.length
export const isLong = (text: string): boolean => text.length > 3
export const byCount = (message: { count: number }, targets: number) => message.count % targets
`,
}

test('a network whose types fit', async (t) => {
  const { check, folder } = await typeProject(t, kinds)
  const result = await check(`
name: word-count
components:
  lines: { kind: file-lines, config: { path: input.txt } }
  split: { kind: ./split.ts }
  long: { kind: filter, config: { function: './kinds/count.ts#isLong' } }
  first: { kind: take, config: { count: 10 } }
  count: { kind: './kinds/count.ts#count', config: { limit: 3, names: [a, b] } }
  counter: { kind: counter }
  length: { kind: map, config: { function: './kinds/count.ts#length' } }
  inline: { kind: './kinds/count.ts#length' }
  user: { kind: './kinds/count.ts#user' }
  result: { kind: file-sink, config: { path: counts.jsonl } }
connections:
  - { from: lines.out, to: split.line }
  - { from: split.word, to: long.in }
  - { from: long.out, to: first.in }
  - { from: first.out, to: count.word, selector: hash }
  - { from: first.out, to: counter.in, selector: hash }
  - { from: first.out, to: length.in }
  - { from: first.out, to: inline.in }
  - { from: first.out, to: user.in }
  - { from: user.out, to: result.in, selector: { type: hash, key: user.city } }
  - { from: counter.out, to: result.in, selector: { type: hash, key: value } }
  - { from: length.out, to: result.in }
  - { from: inline.out, to: result.in }
  - { from: count.count, to: result.in, selector: { type: custom, kind: './kinds/count.ts#byCount' } }
  - { from: count.info, to: result.in, selector: { type: hash, key: level } }
initial:
  - { to: split.line, value: first }
`)
  assert.deepEqual(told(result), [])
  assert.deepEqual(result.unchecked, [])
  assert.equal(result.checked, 14)
  assert.equal(typeCheckSummary(result), 'types checked: 14 connections')
  assert.match(result.compiler, /^\d+\.\d+\.\d+/)
  assert.deepEqual((await readdir(join(folder, 'node_modules/.cache/vertigo'))).length, 0)
})

test('each fault is told once, at its place in the file', async (t) => {
  const { check, folder } = await typeProject(t, kinds)
  const result = await check(`name: faulty
components:
  lines: { kind: file-lines, config: { path: 5 } }
  numbers: { kind: generator, config: { count: 3, cuont: 4 } }
  split: { kind: ./split.ts }
  count: { kind: './kinds/count.ts#count', config: { limit: 3, names: [a, 2] } }
  count2: { kind: './kinds/count.ts#count' }
  passed: { kind: take, config: { count: 10 } }
  length: { kind: map, config: { function: './kinds/count.ts#length' } }
  nothing: { kind: './kinds/count.ts#lenght' }
  user: { kind: './kinds/count.ts#user' }
connections:
  - { from: lines.out, to: split.line }
  - from: numbers.out
    to: split.line
  - { from: numbers.out, to: passed.in }
  - { from: passed.out, to: count.word, selector: hash }
  - { from: length.out, to: count2.word, selector: hash }
  - { from: nothing.out, to: count2.word }
  - { from: user.out, to: length.in, selector: { type: hash, key: user.name } }
  - { from: split.word, to: passed.in, selector: { type: hash, key: id } }
  - { from: split.word, to: user.in, selector: { type: custom, kind: './kinds/count.ts#byCount' } }
initial:
  - { to: split.line, value: 1 }
`)
  assert.deepEqual(told(result), [
    "3:46 CONFIG_INVALID components.lines.config.path components.lines.config.path does not fit what the kind declares: Type 'number' is not assignable to type 'string | string[]'.",
    '4:51 CONFIG_INVALID components.numbers.config.cuont components.numbers.config.cuont is no field of what the kind declares.',
    "6:75 CONFIG_INVALID components.count.config.names[1] components.count.config.names[1] does not fit what the kind declares: Type 'number' is not assignable to type 'string'.",
    "7:3 CONFIG_INVALID components.count2.config components.count2.config does not fit what the kind declares: Property 'limit' is missing in type '{}' but required in type '{ limit: number; names?: string[] | undefined; }'.",
    `10:20 TYPE_MISMATCH components.nothing.kind The kind of "nothing" is none: Property 'lenght' does not exist on type 'typeof import("${folder}/kinds/count")'. Did you mean 'length'?`,
    "14:5 TYPE_MISMATCH connections[1] The messages of numbers.out do not fit split.line: Type 'number' is not assignable to type 'string'.",
    "17:5 TYPE_MISMATCH connections[3] The messages of passed.out do not fit count.word: Type 'string | number' is not assignable to type 'string'.",
    "18:5 TYPE_MISMATCH connections[4] The messages of length.out do not fit count2.word: Type 'number' is not assignable to type 'string'.",
    "20:5 TYPE_MISMATCH connections[6] The messages of user.out do not fit length.in: Type '{ user: { id: string; city?: string | undefined; }; }' is not assignable to type 'string'.",
    '20:67 TYPE_MISMATCH connections[6].selector.key The messages of user.out have no field "user.name" to be routed by.',
    '21:69 TYPE_MISMATCH connections[7].selector.key The messages of split.word have no field "id" to be routed by.',
    "22:70 TYPE_MISMATCH connections[8].selector.kind The selector does not fit the messages of split.word: Type 'string' is not assignable to type '{ count: number; }'.",
    "24:30 TYPE_MISMATCH initial[0].value The constant does not fit split.line: Argument of type 'number' is not assignable to parameter of type 'string'.",
  ])
  assert.deepEqual(result.unchecked, [
    { connection: 5, name: 'nothing.out -> count2.word', why: 'nothing: its kind has a fault' },
  ])
  assert.equal(typeCheckSummary(result), 'types checked: 8 of 9 connections')
  const [first] = result.faults
  assert.equal(first?.place.file, join(folder, 'network.yaml'))
  assert.equal(first?.place.component, 'lines')
})

test('what has no types is not said to fit', async (t) => {
  const { check } = await typeProject(t, {
    ...kinds,
    'any.ts': `
import { defineComponent, port } from '@vertigo'
// oxlint-disable-next-line
export const anyPort = defineComponent({ inputs: { in: port<any>() }, outputs: { out: port<any>() } })
export const anyKind: any = anyPort
`,
    'plain.js': `export default (text) => text`,
    'node_modules/untyped/package.json': `{ "name": "untyped", "version": "1.0.0", "main": "./main.js" }`,
    'node_modules/untyped/main.js': `module.exports = { kind: 1 }`,
  })
  const result = await check(`
name: untyped
components:
  split: { kind: ./split.ts }
  anyPort: { kind: './any.ts#anyPort' }
  anyKind: { kind: './any.ts#anyKind' }
  open: { kind: './kinds/count.ts#untyped' }
  package: { kind: untyped#kind }
  records: { kind: record-generator, config: { record: { id: '{n}' } } }
  user: { kind: './kinds/count.ts#user' }
  inner: { kind: ./inner.yaml }
  code: { kind: '#upper' }
  unloaded: { kind: map, config: {} }
  looped: { kind: take, config: { count: 1 } }
connections:
  - { from: anyPort.out, to: split.line, selector: { type: hash, key: x } }
  - { from: anyKind.out, to: split.line }
  - { from: open.out, to: split.line, selector: { type: hash, key: x } }
  - { from: open.out, to: open.in }
  - { from: package.out, to: split.line }
  - { from: records.out, to: user.in }
  - { from: inner.out, to: split.line }
  - { from: code.out, to: split.line }
  - { from: unloaded.out, to: split.line }
  - { from: looped.out, to: looped.in, back: true }
  - { from: looped.out, to: split.line }
`)
  assert.deepEqual(told(result), [])
  assert.deepEqual(
    result.unchecked.map(({ name, why }) => `${name}: ${why}`),
    [
      'anyPort.out -> split.line: anyPort.out is of type "any"',
      'anyKind.out -> split.line: anyKind: the type of its kind is "any"',
      'open.out -> split.line: open.out declares no type',
      'package.out -> split.line: package: the compiler finds no types of untyped',
      'records.out -> user.in: records.out declares no type',
      'inner.out -> split.line: inner: it is a network of its own',
      'code.out -> split.line: code: it was built in code',
      'unloaded.out -> split.line: unloaded: its function is not known',
      'looped.out -> split.line: looped.out declares no type',
    ],
  )
  assert.equal(typeCheckSummary(result), 'types checked: 2 of 11 connections')
})

test("the user's own options hold, and errors in the user's modules are told where they are", async (t) => {
  const { check, folder } = await typeProject(t, {
    ...kinds,
    'package.json': '{ "type": "module" }',
    'src/broken.ts': `
import { defineFunction } from '@vertigo'
export default defineFunction((text: string): number => text)
`,
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        target: 'es2024',
        module: 'nodenext',
        strict: true,
        types: [],
        rootDir: './src',
        outDir: './dist',
        composite: true,
        noUnusedLocals: true,
        verbatimModuleSyntax: true,
        noUncheckedIndexedAccess: true,
        rewriteRelativeImportExtensions: true,
        exactOptionalPropertyTypes: true,
      },
      include: ['src'],
    }),
  })
  const result = await check(`
name: broken
components:
  split: { kind: ./split.ts }
  broken: { kind: ./src/broken.ts }
connections:
  - { from: split.word, to: broken.in }
  - { from: broken.out, to: split.line }
`)
  assert.deepEqual(told(result), [
    "3:57 TYPE_ERROR  TS2322: Type 'string' is not assignable to type 'number'.",
    "8:5 TYPE_MISMATCH connections[1] The messages of broken.out do not fit split.line: Type 'number' is not assignable to type 'string'.",
  ])
  assert.ok(result.faults[0]?.place.file?.endsWith('src/broken.ts'))
  assert.deepEqual(await readdir(join(folder, 'node_modules/.cache/vertigo')), [])
})

const connected = `
name: x
components: { split: { kind: ./split.ts } }
connections: [{ from: split.word, to: split.line, back: true }]
`

test('after an error of syntax nothing is said to fit', async (t) => {
  const { check } = await typeProject(t, { ...kinds, 'split.ts': 'export default {' })
  const result = await check(connected)
  assert.equal(result.faults.length, 1)
  assert.match(told(result)[0]!, /TYPE_ERROR .*TS1005/)
  assert.equal(typeCheckSummary(result), 'types not checked')
  assert.match(result.unchecked[0]?.why ?? '', /stopped at an error in .*split\.ts/)
})

test('without a compiler, or with a broken project, the error says what to do', async (t) => {
  const network = 'name: x\ncomponents: { split: { kind: ./split.ts } }\nconnections: []\n'
  const bare = await typeProject(t, kinds, { packages: false })
  await assert.rejects(
    bare.check(network),
    (error: unknown) =>
      isVertigoError(error) && error.code === 'TYPESCRIPT_MISSING' && error.remedy.includes('npm install'),
  )
  const broken = await typeProject(t, {
    ...kinds,
    'tsconfig.json': '{ "compilerOptions": { "module": "nodnext" } }',
  })
  const result = await broken.check(connected)
  assert.equal(result.faults[0]?.code, 'TYPE_ERROR')
  assert.match(result.faults[0]?.place.file ?? '', /tsconfig\.json$/)
  assert.deepEqual(await readdir(join(broken.folder, 'node_modules/.cache/vertigo')), [])
})

test('a network without connections has nothing to check', async (t) => {
  const { check } = await typeProject(t, kinds)
  const result = await check('name: x\ncomponents: { split: { kind: ./split.ts } }\nconnections: []\n')
  assert.deepEqual({ ...result, compiler: '' }, { faults: [], checked: 0, unchecked: [], compiler: '' })
  assert.equal(typeCheckSummary(result), 'no connections, so no types to check')
})

test('types that are known of no connection are not checked', () => {
  const unchecked = [{ connection: 0, name: 'a.out -> b.in', why: 'x' }]
  assert.equal(
    typeCheckSummary({ faults: [], checked: 0, unchecked, compiler: '7.0.2' }),
    'types not checked',
  )
})
