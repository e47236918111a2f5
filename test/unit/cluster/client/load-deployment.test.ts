import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import type { VertigoError } from '../../../../src/base/errors.ts'
import { isVertigoError } from '../../../../src/base/errors.ts'
import { builtInKind, builtInNames } from '../../../../src/built-in-kinds.ts'
import { deployed } from '../../../../src/cluster/client/deployment.ts'
import { completeNetwork, loadDeployment } from '../../../../src/cluster/client/load-deployment.ts'
import type { KindFacts } from '../../../../src/cluster/protocol/index.ts'
import { type FlatNetwork, flattenNetwork } from '../../../../src/model/flatten.ts'
import { placesOfFile } from '../../../../src/model/places.ts'
import { loadNetwork } from '../../../../src/run/load-network.ts'
import { createLoader } from '../../../../src/worker/load-module.ts'

const load = createLoader({ builtIn: builtInKind, builtInNames })
const fixtures = new URL('../../../fixtures/', import.meta.url)
const kinds = new URL('run/kinds.ts', fixtures).href
const hooks = new URL('run/hooks.ts', fixtures).href

function folder(t: TestContext, files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), 'vertigo-deploy-'))
  t.after(() => rmSync(path, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(path, name, '..'), { recursive: true })
    writeFileSync(join(path, name), text)
  }
  return path
}

async function faultsOf(loading: Promise<unknown>): Promise<readonly VertigoError[]> {
  try {
    await loading
  } catch (error) {
    assert.ok(isVertigoError(error), String(error))
    return error.faults
  }
  assert.fail('nothing was refused')
}

/** Every address of a network, with what it is relative to. */
function addressesOf(network: FlatNetwork): { readonly address: string; readonly base: string }[] {
  const components = Object.values(network.components).flatMap(({ kind, hooks: own = [], base }) =>
    [kind, ...own].map((address) => ({ address, base })),
  )
  const connections = network.connections.flatMap(({ selector, hooks: own = {}, base }) => {
    const custom = typeof selector === 'object' && selector.type === 'custom' ? [selector.kind] : []
    return [...custom, ...(own.send ?? []), ...(own.receive ?? [])].map((address) => ({ address, base }))
  })
  return [...components, ...connections]
}

test('addresses of a file become complete, packages too; built-in names stay', async (t) => {
  const path = folder(t, {
    'package.json': '{ "type": "module" }',
    'net.yaml': `name: net
components:
  numbers: { kind: generator }
  a: { kind: './sub/a.js#one', hooks: ['hooked'] }
  b: { kind: hooked/kind }
connections:
  - { from: numbers.out, to: a.in, selector: { type: custom, kind: './sub/a.js#choose' } }
  - { from: a.out, to: b.in, hooks: { send: ['./sub/hook.js'] } }
`,
    'sub/a.js': 'export const one = (x) => x\nexport const choose = () => 0\n',
    'sub/hook.js': 'export default { onSend() {} }\n',
    'node_modules/hooked/package.json':
      '{ "name": "hooked", "type": "module", "exports": { ".": "./main.js", "./kind": "./kind.js" } }',
    'node_modules/hooked/main.js': 'export default { onStart() {} }\n',
    'node_modules/hooked/kind.js': 'export default (x) => x\n',
  })
  const url = pathToFileURL(`${path}/`)
  const { deployment, open } = await loadDeployment(join(path, 'net.yaml'), { load, builtInNames })
  const at = (name: string): string => new URL(name, url).href
  const { components, connections } = deployment.part
  assert.equal(components['numbers']!.kind, 'generator')
  assert.deepEqual(
    [components['a']!.kind, components['a']!.hooks],
    [at('sub/a.js#one'), [at('node_modules/hooked/main.js')]],
  )
  assert.equal(components['b']!.kind, at('node_modules/hooked/kind.js'))
  assert.deepEqual(connections[0]!.selector, { type: 'custom', kind: at('sub/a.js#choose') })
  assert.deepEqual(connections[1]!.hooks, { send: [at('sub/hook.js')] })
  assert.equal(components['a']!.base, at('net.yaml'))
  assert.deepEqual(open, [])
  const { numbers, a } = deployment.kinds
  assert.deepEqual([numbers?.role, numbers?.outputs], ['source', ['out']])
  assert.deepEqual([a?.role, a?.inputs, a?.inMain], ['component', ['in'], false])
})

test('own code of a network built in code is found by its complete address, in networks inside too', async () => {
  const source = new URL('deploy/built.ts', fixtures)
  const { deployment } = await loadDeployment(source, { load, builtInNames })
  const { components, connections } = deployment.part
  assert.equal(components['plus']!.kind, `${source.href}##plus`)
  assert.equal(components['within/twice']!.kind, `${source.href}##within/twice`)
  assert.equal(components['end']!.kind, `${kinds}#pass`)
  assert.deepEqual(
    connections.flatMap(({ selector }) => (typeof selector === 'object' ? [selector] : [])),
    [
      { type: 'custom', kind: `${source.href}##within/selector:twice.out->thrice.in` },
      { type: 'custom', kind: `${source.href}##selector:plus.out->within.in` },
    ],
  )
  const original = (await loadNetwork(source, { load })).network
  await sameCode(original, deployment.part)
})

/** The same code is found by the addresses of both, by those of the second one from anywhere. */
async function sameCode(original: FlatNetwork, complete: FlatNetwork): Promise<void> {
  const wanted = addressesOf(original)
  const found = addressesOf(complete)
  assert.equal(found.length, wanted.length)
  for (const [at, module] of wanted.entries()) {
    const { address } = found[at]!
    assert.equal(await load({ address, base: 'file:///elsewhere/net.yaml' }), await load(module), address)
  }
}

test('kinds that talk to the process of a run are refused, each with its place and what to do', async (t) => {
  const path = folder(t, {
    'net.yaml': `name: net
components:
  in: { kind: stdin }
  end: { kind: stdout }
connections:
  - { from: in.out, to: end.in }
`,
  })
  const faults = await faultsOf(loadDeployment(join(path, 'net.yaml'), { load, builtInNames }))
  assert.deepEqual(
    faults.map(({ code, place }) => [code, place.line, place.component]),
    [
      ['KIND_NOT_IN_CLUSTER', 3, 'in'],
      ['KIND_NOT_IN_CLUSTER', 4, 'end'],
    ],
  )
  assert.match(faults[0]!.remedy, /file-lines/)
  assert.match(faults[1]!.remedy, /file-sink/)
})

test('a part may lead to what is elsewhere; whoever has the whole decides', async (t) => {
  const path = folder(t, {
    'part.yaml': `name: net
components:
  end: { kind: log }
connections:
  - { from: numbers.out, to: end.in }
`,
    'alone.yaml': 'name: net\ncomponents: { end: { kind: log } }\nconnections: []\n',
  })
  const part = await loadDeployment(join(path, 'part.yaml'), { load, builtInNames })
  assert.deepEqual(
    part.open.map(({ code, place }) => [code, place.line]),
    [['COMPONENT_UNKNOWN', 5]],
  )
  const alone = await loadDeployment(join(path, 'alone.yaml'), { load, builtInNames })
  assert.deepEqual(
    alone.open.map(({ code }) => code),
    ['INPUT_UNCONNECTED'],
  )
  await assert.rejects(deployed(undefined, part.deployment, { mode: 'merge' }), { code: 'NETWORK_INVALID' })
})

test('hooks and selectors that cannot be loaded, or are none, are faults at their place', async (t) => {
  const path = folder(t, {
    'package.json': '{ "type": "module" }',
    'net.yaml': `name: net
components:
  numbers: { kind: generator, hooks: [./none.js] }
  end: { kind: log }
connections:
  - from: numbers.out
    to: end.in
    selector: { type: custom, kind: ./value.js }
    hooks: { receive: [./value.js] }
`,
    'value.js': 'export default 5\n',
  })
  const faults = await faultsOf(loadDeployment(join(path, 'net.yaml'), { load, builtInNames }))
  assert.deepEqual(
    faults.map(({ code, place }) => `${code} ${place.line} ${place.path}`),
    [
      'KIND_NOT_FOUND 3 components.numbers.hooks[0]',
      'SELECTOR_FAILED 8 connections[0].selector.kind',
      'HOOK_INVALID 9 connections[0].hooks.receive[0]',
    ],
  )
})

const word = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
const functionKind = fc.constantFrom('KINDS#pass', 'KINDS#upper', './link.ts#fussy', 'split-words')
const written = fc.record(
  {
    kind: functionKind,
    instances: fc.integer({ min: 1, max: 4 }),
    hooks: fc.constantFrom(['HOOKS'], ['./hook.ts']),
  },
  { requiredKeys: ['kind'] },
)
const link = fc.record(
  {
    selector: fc.constantFrom('hash', 'all', { type: 'custom', kind: 'KINDS#byRemainder' }),
    hooks: fc.constantFrom({ send: ['HOOKS'] }, { receive: ['./hook.ts', 'HOOKS'] }),
  },
  { requiredKeys: [] },
)

/** A generator, and components behind it in a line; those of `inner` are in a network of their own in a folder. */
const lines = fc.record({
  outer: fc.uniqueArray(fc.tuple(word, written, link), { selector: ([name]) => name, maxLength: 4 }),
  inner: fc.uniqueArray(fc.tuple(word, written, link), {
    selector: ([name]) => name,
    minLength: 1,
    maxLength: 3,
  }),
})

test('property: what is deployed is valid, flat, and the same graph of the same code', async (t) => {
  const path = folder(t, { 'package.json': '{ "type": "module" }' })
  mkdirSync(join(path, 'sub'))
  for (const at of ['.', 'sub']) {
    symlinkSync(new URL(kinds), join(path, at, 'link.ts'))
    symlinkSync(new URL(hooks), join(path, at, 'hook.ts'))
  }
  const text = (value: unknown): string =>
    JSON.stringify(value).replaceAll('KINDS', kinds).replaceAll('HOOKS', hooks)
  await fc.assert(
    fc.asyncProperty(lines, async ({ outer, inner }) => {
      const innerNames = inner.map(([name]) => name)
      writeFileSync(
        join(path, 'sub/inner.json'),
        text({
          name: 'inner',
          components: Object.fromEntries(inner.map(([name, component]) => [name, component])),
          connections: inner
            .slice(1)
            .map(([name, , extra], at) => ({ from: `${innerNames[at]}.out`, to: `${name}.in`, ...extra })),
          exports: { inputs: { in: `${innerNames[0]}.in` }, outputs: { out: `${innerNames.at(-1)}.out` } },
        }),
      )
      const outerNames = ['numbers', 'inside', ...outer.map(([name]) => name)]
      const extras = [{}, ...outer.map(([, , extra]) => extra)]
      writeFileSync(
        join(path, 'net.json'),
        text({
          name: 'net',
          components: {
            numbers: { kind: 'generator' },
            inside: { kind: './sub/inner.json' },
            ...Object.fromEntries(outer.map(([name, component]) => [name, component])),
          },
          connections: outerNames
            .slice(1)
            .map((name, at) => ({ from: `${outerNames[at]}.out`, to: `${name}.in`, ...extras[at] })),
        }),
      )
      const { network } = await loadNetwork(join(path, 'net.json'), { load })
      const { deployment } = await loadDeployment(join(path, 'net.json'), { load, builtInNames })
      const { part } = deployment
      assert.deepEqual(graphOf(part), graphOf(network))
      await sameCode(network, part)
      // It says the same once more: nothing is left that depends on where it is read.
      assert.deepEqual(completeNetwork(part, builtInNames), part)
      const flat = await flattenNetwork(part, placesOfFile('net'), async () => undefined)
      assert.deepEqual(graphOf(flat.network), graphOf(part))
      assert.deepEqual(await deployed(undefined, deployment, { mode: 'replace' }), {
        flat: { ...part, guarantee: 'exactly-once' },
        kinds: deployment.kinds,
      })
    }),
    { numRuns: 60 },
  )
})

/** Without its addresses. */
function graphOf({ components, connections }: FlatNetwork): unknown {
  return {
    components: Object.entries(components).map(([name, { instances, hooks: own }]) => [
      name,
      instances,
      own?.length,
    ]),
    connections: connections.map(({ from, to, selector, hooks: own }) => [
      from,
      to,
      typeof selector === 'object' ? selector.type : selector,
      own?.send?.length,
      own?.receive?.length,
    ]),
  }
}

test('facts of kinds are what records hold', async () => {
  const { deployment } = await loadDeployment(new URL('deploy/built.ts', fixtures), { load, builtInNames })
  const expected: KindFacts = {
    role: 'component',
    inputs: ['in'],
    outputs: ['out'],
    keyedState: false,
    instanceState: false,
    rewinds: false,
    inMain: false,
  }
  assert.deepEqual(deployment.kinds['plus'], expected)
})
