import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isVertigoError } from '../../../../src/base/errors.ts'
import { parseBundleAddress } from '../../../../src/cluster/bundle/address.ts'
import { addressesIn } from '../../../../src/cluster/bundle/addresses.ts'
import { type Files, bundled, colours, project, write } from './support.ts'

async function refused(
  loading: Promise<unknown>,
): Promise<{ code: string; message: string; remedy: string }> {
  try {
    await loading
  } catch (error) {
    assert.ok(isVertigoError(error), String(error))
    return error.faults.length === 1 ? error.faults[0]! : error
  }
  assert.fail('nothing was refused')
}

test('every address leads into a bundle; what Node cannot load is bundled, packages too', async (t) => {
  const folder = project(t, colours)
  const { deployment, bundles } = await bundled(join(folder, 'net.yaml'))
  const { components, connections } = deployment.part
  const addresses = addressesIn(deployment.part).map(({ address }) => address)
  assert.equal(
    addresses
      .filter((address) => !parseBundleAddress(address))
      .toSorted()
      .join(),
    'generator,map',
  )
  const plain = components['plain']!.kind
  assert.equal(components['plain']!.hooks![0], `${plain}#hooks`)
  assert.equal(components['add']!.config!['function'], `${plain}#add`)
  assert.deepEqual(connections[1]!.selector, { type: 'custom', kind: `${plain}#first` })
  assert.ok(!JSON.stringify(deployment).includes(folder), 'nothing leads to the folder')
  assert.equal(bundles.length, 2)
  const paint = bundles.find(({ hash }) => components['paint']!.kind.includes(hash))!
  assert.deepEqual(paint.manifest.packages, [])
  const names = [...paint.files.keys()].map((name) => name.replace(/-[A-Z0-9]{8}\.js$/, ''))
  assert.deepEqual(names, ['chunk-chunk', 'chunk-later', 'main.js', 'package.json'])
})

test('the name of a bundle changes with its code only, wherever the folder is', async (t) => {
  const folder = project(t, colours)
  const kinds = async (at: string) => {
    const { components } = (await bundled(join(at, 'net.yaml'))).deployment.part
    return [components['paint']!.kind, components['plain']!.kind] as const
  }
  const [paint, plain] = await kinds(folder)
  const moved = project(t, {})
  cpSync(folder, moved, { recursive: true })
  assert.deepEqual(await kinds(moved), [paint, plain])

  write(folder, { 'later.ts': `export const later = (text: string): string => text + '?'` })
  const [other, same] = await kinds(folder)
  assert.notEqual(other, paint)
  assert.equal(same, plain)

  write(folder, { 'lib/shared.ts': `export const mark = (text: string): string => '(' + text + ')'` })
  const [both, too] = await kinds(folder)
  assert.notEqual(both, other)
  assert.notEqual(too, plain)
})

test('own code of a network built in TypeScript leads into the bundle of its module', async (t) => {
  const folder = project(t, {
    'net.ts': `
import { network } from 'vertigo-flow'
import { numbers } from './numbers.ts'
const net = network('built')
const source = net.add('numbers', numbers)
const plus = net.add('plus', (n: number) => n + 1)
net.connect(source.outputs.out, plus.inputs.in)
export default net`,
    'numbers.ts': `
import { defineSource, port } from 'vertigo-flow'
enum From { Zero }
export const numbers = defineSource({ outputs: { out: port<number>() }, poll: ({ emit }) => { emit.out(From.Zero) } })`,
  })
  // As an installation has it: the module may be loaded without a bundle as well.
  const { deployment, bundles } = await bundled(join(folder, 'net.ts'))
  assert.equal(bundles.length, 1)
  const { numbers, plus } = deployment.part.components
  assert.equal(numbers!.kind, `bundle:${bundles[0]!.hash}/main.js##numbers`)
  assert.equal(plus!.kind, `bundle:${bundles[0]!.hash}/main.js##plus`)
})

const one = (kind: string): string => `
name: one
components: { one: { kind: ${kind} }, numbers: { kind: generator } }
connections: [{ from: numbers.out, to: one.in }]`

test('native packages are refused with the way out, which works', async (t) => {
  const files: Files = {
    'node_modules/native/package.json': `{ "name": "native", "main": "index.js" }`,
    'node_modules/native/index.js': `module.exports = { name: 'native', load: () => require('./build/it.node') }`,
    'node_modules/native/build/it.node': 'not really',
    'node_modules/finds/package.json': `{ "name": "finds", "main": "index.js" }`,
    'node_modules/finds/index.js': `module.exports = require('bindings')('finds')`,
    'node_modules/bindings/package.json': `{ "name": "bindings", "main": "index.js" }`,
    'node_modules/bindings/index.js': `module.exports = () => ({})`,
    'one.ts': `import native from 'native'\nexport default (n: number): string => native.name + n`,
    'two.ts': `import 'finds'\nexport default (n: number): number => n`,
    'one.yaml': one('./one.ts'),
    'two.yaml': one('./two.ts'),
  }
  const folder = project(t, files)
  const first = await refused(bundled(join(folder, 'one.yaml')))
  assert.equal(first.code, 'BUNDLE_NATIVE')
  assert.match(first.message, /The package "native", which .*one\.ts uses, has native parts/)
  assert.match(first.remedy, /--external native/)
  const second = await refused(bundled(join(folder, 'two.yaml')))
  assert.equal(second.code, 'BUNDLE_NATIVE')
  assert.match(second.message, /"finds"/)
  const { bundles } = await bundled(join(folder, 'one.yaml'), ['native'])
  assert.deepEqual(bundles[0]!.manifest.packages, ['native'])
})

test('faults name the source, not the bundle', async (t) => {
  const folder = project(t, {
    'syntax.ts': `export default (n: number) => {\n  const = n\n}`,
    'missing.ts': `import { it } from 'not-there'\nexport default () => it`,
    'throws.ts': `throw new Error('no such luck')`,
    'none.ts': `export const a = 1`,
    'syntax.yaml': one('./syntax.ts'),
    'missing.yaml': one('./missing.ts'),
    'throws.yaml': one('./throws.ts'),
    'none.yaml': one('./none.ts'),
    'absent.yaml': one('./absent.ts'),
  })
  const of = async (name: string) => refused(bundled(join(folder, `${name}.yaml`)))
  const syntax = await of('syntax')
  assert.equal(syntax.code, 'BUNDLE_FAILED')
  assert.match(syntax.message, /const = n/)
  assert.match((await of('missing')).message, /Could not resolve "not-there"/)
  const none = await of('none')
  assert.equal(none.code, 'EXPORT_MISSING')
  assert.match(none.message, new RegExp(`${folder}/none.ts`))
  assert.equal((await of('throws')).code, 'KIND_LOAD_FAILED')
  assert.equal((await of('absent')).code, 'KIND_NOT_FOUND')
})
