import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isVertigoError, VertigoError } from '../../../src/base/errors.ts'
import { type Flattened, flattenNetwork, type Subnet } from '../../../src/model/flatten.ts'
import type { KindInfo } from '../../../src/model/kind-info.ts'
import { parseNetwork } from '../../../src/model/parse.ts'
import { placesOfFile } from '../../../src/model/places.ts'
import { validateNetwork } from '../../../src/model/validate.ts'
import { faultLine, networks } from './arbitraries.ts'

/** Flattens `main.yaml` of some files by name; kinds are names of files, or not. */
async function flatten(files: { readonly [file: string]: string }): Promise<Flattened> {
  const { network, places } = parseNetwork(files['main.yaml']!, { file: 'main.yaml' })
  return flattenNetwork(network, places, async (kind) => {
    if (kind === 'absent.yaml') throw new VertigoError('NETWORK_NOT_FOUND', 'absent.yaml does not exist.')
    return files[kind] === undefined ? undefined : parseNetwork(files[kind], { file: kind })
  })
}

const inner = `name: inner
guarantee: exactly-once
components:
  first: { kind: ./first.ts }
  second: { kind: ./second.ts, group: own, instances: 2, hooks: [./h.ts] }
connections:
  - { from: first.out, to: second.in, selector: { type: custom, kind: ./select.ts } }
initial: [{ to: second.limit, value: 3 }]
exports:
  inputs: { in: first.in, limit: second.limit }
  outputs: { out: second.out }
`

describe('flattenNetwork', () => {
  it('leaves a network without subnets as it is, but for the base', async () => {
    await fc.assert(
      fc.asyncProperty(networks, async (network) => {
        const flat = await flattenNetwork(network, placesOfFile('n.yaml'), async () => undefined)
        assert.deepEqual(flat.faults, [])
        const { components, connections, ...rest } = flat.network
        const without = ({ base, ...fields }: { readonly base: string }): object => {
          assert.equal(base, 'n.yaml')
          return fields
        }
        assert.deepEqual(
          {
            ...rest,
            components: Object.fromEntries(
              Object.entries(components).map(([name, item]) => [name, without(item)]),
            ),
            connections: connections.map(without),
          },
          network,
        )
      }),
      { numRuns: 100 },
    )
  })

  it('leads rules for placement to the components beside', async () => {
    const { network, faults } = await flatten({
      'inner.yaml': `name: inner
components:
  first: { kind: ./first.ts, placement: { spread: node, apart: [second] } }
  second: { kind: ./second.ts }
connections: []
`,
      'main.yaml': `name: main
components:
  m: { kind: inner.yaml }
  z: { kind: ./z.ts, placement: { apart: [m] } }
connections: []
`,
    })
    assert.deepEqual(faults, [])
    assert.deepEqual(network.components['m/first']!.placement, { spread: 'node', apart: ['m/second'] })
    assert.deepEqual(network.components.z!.placement, { apart: ['m'] })
  })

  it('puts the components of subnets in their place, to any depth, and keeps what each is relative to', async () => {
    const { network, places, faults } = await flatten({
      'inner.yaml': inner,
      'middle.yaml': `name: middle
components:
  sub: { kind: inner.yaml }
connections: []
exports: { inputs: { go: sub.in }, outputs: { done: sub.out } }
`,
      'main.yaml': `name: main
guarantee: at-least-once
components:
  a: { kind: ./a.ts }
  m: { kind: middle.yaml, group: big }
  z: { kind: ./z.ts }
connections:
  - { from: a.out, to: m.go, selector: all, hooks: { send: [./o.ts] } }
  - { from: m.done, to: z.in }
  - { from: m.done, to: m.go, back: true }
initial: [{ to: m.go, value: 1 }]
exports: { inputs: { x: m.go }, outputs: { y: m.done } }
`,
    })
    assert.deepEqual(faults, [])
    assert.deepEqual(network, {
      name: 'main',
      guarantee: 'at-least-once',
      components: {
        a: { kind: './a.ts', base: 'main.yaml' },
        'm/sub/first': { kind: './first.ts', group: 'big', base: 'inner.yaml' },
        'm/sub/second': {
          kind: './second.ts',
          group: 'own',
          instances: 2,
          hooks: ['./h.ts'],
          base: 'inner.yaml',
        },
        z: { kind: './z.ts', base: 'main.yaml' },
      },
      connections: [
        {
          from: 'm/sub/first.out',
          to: 'm/sub/second.in',
          selector: { type: 'custom', kind: './select.ts' },
          base: 'inner.yaml',
        },
        {
          from: 'a.out',
          to: 'm/sub/first.in',
          selector: 'all',
          hooks: { send: ['./o.ts'] },
          base: 'main.yaml',
        },
        { from: 'm/sub/second.out', to: 'z.in', base: 'main.yaml' },
        { from: 'm/sub/second.out', to: 'm/sub/first.in', back: true, base: 'main.yaml' },
      ],
      initial: [
        { to: 'm/sub/second.limit', value: 3 },
        { to: 'm/sub/first.in', value: 1 },
      ],
      exports: { inputs: { x: 'm/sub/first.in' }, outputs: { y: 'm/sub/second.out' } },
    })
    assert.deepEqual(places.of(['components', 'm/sub/second', 'group']), {
      file: 'inner.yaml',
      line: 5,
      column: 39,
    })
    assert.deepEqual(places.of(['components', 'z', 'kind']), { file: 'main.yaml', line: 6, column: 14 })
    assert.deepEqual(places.of(['connections', 0, 'to']), { file: 'inner.yaml', line: 7, column: 28 })
    assert.deepEqual(places.of(['connections', 1, 'to']), { file: 'main.yaml', line: 8, column: 24 })
    assert.deepEqual(places.of(['initial', 0, 'value']), { file: 'inner.yaml', line: 8, column: 38 })
    assert.deepEqual(places.of(['guarantee']), { file: 'main.yaml', line: 2, column: 12 })
  })

  it('reports ports that a subnet does not export, options it cannot have, and exports that lead nowhere', async () => {
    const { faults, network } = await flatten({
      'inner.yaml': inner.replace('in: first.in', 'in: frist.in'),
      'main.yaml': `name: main
components:
  m: { kind: inner.yaml, instances: 2, config: { a: 1 } }
connections:
  - { from: m.otu, to: m.in }
  - { from: m.out, to: m.second }
`,
    })
    assert.deepEqual(
      faults.map((fault) => `${fault.place.file} ${faultLine(fault)}`),
      [
        'main.yaml SUBNET_OPTION 3:26 components.m.instances | m is a network (inner.yaml): it cannot have "instances".',
        'main.yaml SUBNET_OPTION 3:40 components.m.config | m is a network (inner.yaml): it cannot have "config".',
        'main.yaml PORT_UNKNOWN 5:13 connections[0].from | The network m exports no output "otu". Its exported outputs: out. Did you mean "out"?',
        'main.yaml PORT_UNKNOWN 6:24 connections[1].to | The network m exports no input "second". Its exported inputs: in, limit.',
        'inner.yaml COMPONENT_UNKNOWN 10:17 exports.inputs.in | The export "in" is frist.in, but there is no such component. Did you mean "first"?',
      ],
    )
    assert.equal(network.connections.length, 1, 'what cannot be resolved is left out')
  })

  it('reports networks that contain themselves, and files that cannot be loaded', async () => {
    const { faults } = await flatten({
      'b.yaml': 'name: b\ncomponents: { back: { kind: main.yaml } }\nconnections: []\n',
      'bad.yaml': 'name: [',
      'main.yaml':
        'name: main\ncomponents:\n  b: { kind: b.yaml }\n  c: { kind: absent.yaml }\n  d: { kind: bad.yaml }\nconnections: [{ from: b.x, to: c.y }]\n',
    })
    assert.deepEqual(
      faults.map((fault) => `${fault.place.file} ${faultLine(fault)}`),
      [
        'bad.yaml NETWORK_SYNTAX 1:8 components.d.kind | bad.yaml cannot be parsed: flow sequence in block collection must be sufficiently indented and end with a ].',
        'b.yaml SUBNET_RECURSIVE 2:29 components.back.kind | back is a network that contains itself: main.yaml -> b.yaml -> main.yaml.',
        'main.yaml NETWORK_NOT_FOUND 4:14 components.c.kind | absent.yaml does not exist.',
        'main.yaml PORT_UNKNOWN 6:23 connections[0].from | The network b exports no output "x". It exports no outputs.',
      ],
    )
  })

  it('makes a network whose faults lead to the files they are in', async () => {
    const { network, places } = await flatten({
      'inner.yaml': inner,
      'main.yaml': `name: main
components: { a: { kind: ./a.ts }, m: { kind: inner.yaml } }
connections: [{ from: a.out, to: m.limit }]
`,
    })
    const info: KindInfo = {
      role: 'component',
      inputs: ['in'],
      outputs: ['out'],
      keyedState: false,
      rewinds: false,
      checkConfig: async () => [],
    }
    const faults = await validateNetwork(network, (name) => (name === 'a' ? undefined : { info }), places)
    assert.deepEqual(
      faults.map((fault) => `${fault.place.file} ${faultLine(fault)}`),
      [
        'main.yaml PORT_UNKNOWN 3:34 connections[1].to | m/second (./second.ts) has no input "limit". Its inputs: in.',
        'inner.yaml INPUT_UNCONNECTED 4:3 components.m/first | Nothing leads into m/first (inputs: in): it would never run.',
        'inner.yaml PORT_UNKNOWN 8:17 initial[0].to | m/second (./second.ts) has no input "limit". Its inputs: in.',
      ],
    )
  })

  it('bounds the depth of subnets that are never the same file', async () => {
    const { network, places } = parseNetwork('name: n\ncomponents: { a: { kind: more } }\nconnections: []', {
      file: '0.yaml',
    })
    let count = 0
    const { faults } = await flattenNetwork(network, places, async () => ({
      network,
      places: placesOfFile(`${++count}.yaml`),
    }))
    assert.deepEqual(faults.map(faultLine), [
      'SUBNET_DEPTH components.a.kind | a is a network inside of 32 others; more levels are not taken.',
    ])
  })

  it('bounds what a few files that use each other twice stand for, with one fault', async () => {
    let reads = 0
    for (const leaf of ['', 'end: { kind: ./end.ts }']) {
      const subnets = new Map<string, Subnet>()
      for (let level = 0; level < 24; level++) {
        const file = `${level}.yaml`
        const next = `{ kind: ${level + 1}.yaml }`
        const components = level === 23 ? leaf : `a: ${next}, b: ${next}`
        subnets.set(file, parseNetwork(`name: n\ncomponents: { ${components} }\nconnections: []`, { file }))
      }
      const top = subnets.get('0.yaml')!
      reads = 0
      const { faults } = await flattenNetwork(top.network, top.places, async (kind) => {
        reads++
        return subnets.get(kind)
      })
      assert.deepEqual(
        faults.map((each) => `${each.code} ${each.message}`),
        ['NETWORK_TOO_LARGE With the networks in it, the network has more than 100000 components.'],
      )
      assert.ok(reads <= 24, `each file is read once, but there were ${reads} reads`)
    }
  })

  it('does not hide the faults of the loader itself', async () => {
    const { network, places } = parseNetwork('name: n\ncomponents: { a: { kind: x } }\nconnections: []', {
      file: 'n.yaml',
    })
    const error = await flattenNetwork(network, places, () => Promise.reject(new TypeError('a fault'))).catch(
      (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof TypeError && !isVertigoError(error))
  })
})
