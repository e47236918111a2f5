import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { VertigoError } from '../../../src/base/errors.ts'
import { cyclicParts, type Edge, findCycles } from '../../../src/model/cycles.ts'
import { guaranteeInCluster } from '../../../src/model/guarantee.ts'
import type { KindInfo, KindLookup } from '../../../src/model/kind-info.ts'
import { parseNetwork } from '../../../src/model/parse.ts'
import { placesOfFile } from '../../../src/model/places.ts'
import { validateNetwork } from '../../../src/model/validate.ts'
import { faultLine, networks } from './arbitraries.ts'

const kind = (info: Partial<KindInfo>): KindInfo => ({
  role: 'component',
  inputs: ['in'],
  outputs: ['out'],
  keyedState: false,
  rewinds: false,
  checkConfig: async () => [],
  ...info,
})

const kinds: { readonly [name: string]: KindInfo } = {
  source: kind({ role: 'source', inputs: [] }),
  'tracked-source': kind({ role: 'source', inputs: [], journal: 'none' }),
  'replay-source': kind({ role: 'source', inputs: [], rewinds: true }),
  map: kind({}),
  sink: kind({ outputs: [] }),
  count: kind({ inputs: ['word', 'reset'], outputs: ['count'], keyedState: true }),
  total: kind({ instanceState: true, concurrency: 4 }),
  subnet: kind({ role: 'network' }),
  strict: kind({
    checkConfig: async (config) =>
      typeof config.times === 'number' ? [] : [{ path: ['times'], message: 'must be a number' }],
  }),
  broken: kind({ checkConfig: () => Promise.reject(new Error('no schema')) }),
}

function lookUp(name: string): KindLookup {
  const info = kinds[name]
  return info ? { info } : { error: new VertigoError('KIND_UNKNOWN', `There is no kind "${name}".`) }
}

async function check(text: string): Promise<string[]> {
  const { network, places } = parseNetwork(text, { file: 'net.yaml' })
  const look = (name: string): KindLookup => lookUp(network.components[name]!.kind)
  const faults = await validateNetwork(network, look, places, guaranteeInCluster(network))
  for (const fault of faults) assert.equal(fault.place.file, 'net.yaml')
  return faults.map(faultLine)
}

describe('validateNetwork', () => {
  it('finds that a network without components has nothing to run', async () => {
    assert.deepEqual(await check('name: n\ncomponents: {}\nconnections: []\n'), [
      'NETWORK_EMPTY 2:1 components | The network "n" has no components.',
    ])
  })

  it('finds components to be apart from that are not there, or are the same', async () => {
    const text = `
name: n
components:
  s: { kind: source, placement: { labels: { zone: a }, spread: node, apart: [sink, s, sub] } }
  sub: { kind: subnet }
  sinks: { kind: sink }
connections: [{ from: s.out, to: sub.in }, { from: sub.out, to: sinks.in }]
`
    assert.deepEqual(await check(text), [
      'COMPONENT_UNKNOWN 4:78 components.s.placement.apart[0] | s is to be apart from "sink", but there is no such component. Did you mean "sinks"?',
      'FIELD_INVALID 4:84 components.s.placement.apart[1] | s cannot be apart from itself.',
    ])
  })

  it('finds nothing wrong with a network that is right', async () => {
    const text = `
name: n
guarantee: exactly-once
components: { s: { kind: replay-source }, m: { kind: map }, c: { kind: count, instances: 3 }, e: { kind: sink } }
connections:
  - { from: s.out, to: m.in }
  - { from: m.out, to: c.word, selector: { type: hash, key: user.id } }
  - { from: c.count, to: m.in, back: true }
  - { from: c.count, to: e.in }
  - { from: m.error, to: e.in }
  - { from: s.warn, to: e.in }
initial: [{ to: c.reset, value: 1 }]
exports: { inputs: { x: m.in }, outputs: { y: c.count, log: c.info } }
`
    assert.deepEqual(await check(text), [])
  })

  it('reports unknown components and ports, with what was meant', async () => {
    const text = `name: n
components: { lines: { kind: source }, split: { kind: map }, all: { kind: subnet } }
connections:
  - { from: linse.out, to: split.in }
  - { from: lines.otu, to: split.inn }
  - { from: split.in, to: split.out, back: true }
  - { from: all.info, to: nowhere.in }
initial: [{ to: spilt.in, value: 1 }, { to: all.in, value: 1 }]
exports:
  inputs: { a: split.x }
  outputs: { b: splitt.out }
`
    assert.deepEqual(await check(text), [
      'COMPONENT_UNKNOWN 4:13 connections[0].from | There is no component "linse". Did you mean "lines"?',
      'PORT_UNKNOWN 5:13 connections[1].from | lines (source) has no output "otu". Its outputs: out. Did you mean "out"?',
      'PORT_UNKNOWN 5:28 connections[1].to | split (map) has no input "inn". Its inputs: in. Did you mean "in"?',
      'PORT_UNKNOWN 6:13 connections[2].from | split (map) has no output "in". Its outputs: out. "in" is an input.',
      'PORT_UNKNOWN 6:27 connections[2].to | split (map) has no input "out". Its inputs: in. "out" is an output.',
      'PORT_UNKNOWN 7:13 connections[3].from | all (subnet) has no output "info". Its outputs: out.',
      'COMPONENT_UNKNOWN 7:27 connections[3].to | There is no component "nowhere".',
      'COMPONENT_UNKNOWN 8:17 initial[0].to | There is no component "spilt". Did you mean "split"?',
      'PORT_UNKNOWN 10:16 exports.inputs.a | split (map) has no input "x". Its inputs: in.',
      'COMPONENT_UNKNOWN 11:17 exports.outputs.b | There is no component "splitt". Did you mean "split"?',
    ])
  })

  it('reports malformed references of networks that were built, with what was meant', async () => {
    const network = {
      name: 'n',
      components: { a: { kind: 'source' }, b: { kind: 'map' } },
      connections: [{ from: 'a', to: 'b.' }],
    }
    const faults = await validateNetwork(
      network,
      (name) => lookUp(network.components[name as 'a'].kind),
      placesOfFile('net.ts'),
    )
    assert.deepEqual(faults.map(faultLine), [
      'PORT_REFERENCE_INVALID connections[0].from | "a" has not the form component.port. Did you mean "a.out"?',
      'PORT_REFERENCE_INVALID connections[0].to | "b." has not the form component.port. Did you mean "b.in"?',
      'INPUT_UNCONNECTED components.b | Nothing leads into b (inputs: in): it would never run.',
    ])
  })

  it('reports duplicate connections, whatever their selector', async () => {
    const text = `name: n
components: { a: { kind: source }, b: { kind: sink } }
connections:
  - { from: a.out, to: b.in }
  - { from: a.out, to: b.in, selector: all }
`
    assert.deepEqual(await check(text), [
      'CONNECTION_DUPLICATE 5:5 connections[1] | a.out -> b.in is connected twice: first in line 4.',
    ])
  })

  it('reports the errors of kinds and of configurations at their places', async () => {
    const text = `name: n
components:
  a: { kind: soruce }
  b: { kind: strict, config: { times: x } }
  c: { kind: strict }
  d: { kind: broken }
connections:
  - { from: a.out, to: b.in }
  - { from: b.out, to: c.in }
  - { from: b.out, to: d.in }
`
    assert.deepEqual(await check(text), [
      'KIND_UNKNOWN 3:14 components.a.kind | There is no kind "soruce".',
      'CONFIG_INVALID 4:39 components.b.config.times | b (strict): config.times: must be a number',
      'CONFIG_INVALID 5:3 components.c.config.times | c (strict): config.times: must be a number',
      'CONFIG_INVALID 6:3 components.d.config | d (broken): checking the configuration failed: no schema',
    ])
  })

  it('keeps the place that the error of a kind has in its own module', async () => {
    const { network, places } = parseNetwork('name: n\ncomponents: { a: { kind: x } }\nconnections: []', {
      file: 'n.yaml',
    })
    const error = new VertigoError('KIND_LOAD_FAILED', 'boom', { place: { file: 'x.ts', line: 7 } })
    const [fault] = await validateNetwork(network, () => ({ error }), places)
    assert.deepEqual(fault?.place, { file: 'x.ts', line: 7, path: 'components.a.kind', component: 'a' })
  })

  it('reports what leads into sources, inputs without anything, and sources that cannot rewind', async () => {
    const text = `name: n
guarantee: exactly-once
components:
  a: { kind: source, journal: false }
  b: { kind: replay-source }
  c: { kind: map }
  d: { kind: sink }
connections:
  - { from: b.out, to: a.in }
  - { from: c.out, to: d.in }
initial: [{ to: b.in, value: 1 }]
`
    assert.deepEqual(await check(text), [
      'SOURCE_CANNOT_REWIND 4:31 components.a.journal | a (source) cannot start again from a position, and is to have no journal: exactly-once needs one of the two.',
      'INPUT_UNCONNECTED 6:3 components.c | Nothing leads into c (inputs: in): it would never run.',
      'SOURCE_HAS_INPUT 9:24 connections[0].to | a is a source: nothing can lead into it.',
      'SOURCE_HAS_INPUT 11:17 initial[0].to | b is a source: nothing can lead into it.',
    ])
  })

  it('asks of sources what the guarantee needs, which is exactly-once where nothing is said', async () => {
    const text = (guarantee: string): string => `name: n
${guarantee}
components:
  a: { kind: source, journal: false }
  b: { kind: tracked-source }
  c: { kind: source }
  d: { kind: replay-source, journal: false }
connections: []
`
    const faults = [
      'SOURCE_CANNOT_REWIND 4:31 components.a.journal | a (source) cannot start again from a position, and is to have no journal: exactly-once needs one of the two.',
      'SOURCE_CANNOT_REWIND 5:14 components.b.kind | b (tracked-source) cannot start again from a position, and cannot have a journal, as its kind says: exactly-once needs one of the two.',
    ]
    assert.deepEqual(await check(text('description: none')), faults)
    assert.deepEqual(await check(text('guarantee: exactly-once')), faults)
    assert.deepEqual(await check(text('guarantee: at-least-once')), [])
    assert.deepEqual(await check(text('guarantee: at-most-once')), [])

    const { network, places } = parseNetwork(text('guarantee: exactly-once'), { file: 'net.yaml' })
    const look = (name: string): KindLookup => lookUp(network.components[name]!.kind)
    assert.deepEqual(await validateNetwork(network, look, places), [], 'a run by itself asks for nothing')
  })

  it('reports inputs of keyed state that are not routed by key', async () => {
    const text = `name: n
components: { a: { kind: source }, c: { kind: count } }
connections:
  - { from: a.out, to: c.word }
  - { from: a.out, to: c.reset, selector: { type: custom, kind: ./s.ts } }
  - { from: a.error, to: c.reset, selector: hash }
`
    assert.deepEqual(await check(text), [
      'STATE_NEEDS_HASH 4:5 connections[0].selector | a.out -> c.word is routed by round-robin, but c has keyed state, which needs hash.',
      'STATE_NEEDS_HASH 5:33 connections[1].selector | a.out -> c.reset is routed by custom, but c has keyed state, which needs hash.',
    ])
  })

  it('reports state that concurrent messages share and that a failure would take back', async () => {
    const text = `name: n
components:
  a: { kind: source }
  b: { kind: total, errors: reject }
  c: { kind: total, errors: { retry: { times: 2 } }, concurrency: 2 }
  d: { kind: total, errors: reject, concurrency: 1 }
  e: { kind: total }
  f: { kind: map, errors: reject, concurrency: 2 }
connections:
  - { from: a.out, to: b.in }
  - { from: a.out, to: c.in }
  - { from: a.out, to: d.in }
  - { from: a.out, to: e.in }
  - { from: a.out, to: f.in }
`
    const found = await check(text)
    assert.deepEqual(
      found.map((line) => line.slice(0, 70)),
      [
        'STATE_NEEDS_TURNS 4:3 components.b | b has state of the instance, hand',
        'STATE_NEEDS_TURNS 5:3 components.c | c has state of the instance, hand',
      ],
    )
  })

  it('names cycles that are not declared, and declarations that close none', async () => {
    const text = `name: n
components: { s: { kind: source }, a: { kind: map }, b: { kind: map }, c: { kind: map }, d: { kind: map } }
connections:
  - { from: s.out, to: a.in, back: true }
  - { from: a.out, to: b.in }
  - { from: b.out, to: c.in }
  - { from: c.out, to: a.in }
  - { from: c.out, to: c.in }
  - { from: b.error, to: d.in }
  - { from: d.out, to: b.in, back: true }
`
    assert.deepEqual(await check(text), [
      'BACK_WITHOUT_CYCLE 4:36 connections[0].back | s -> a is declared with `back: true`, but closes no cycle.',
      'CYCLE_UNDECLARED 7:5 connections[3] | There is a cycle: a -> b -> c -> a.',
      'CYCLE_UNDECLARED 8:5 connections[4] | There is a cycle: c -> c.',
    ])
  })

  it('tells in the remedy which connection to declare', async () => {
    const text = 'name: n\ncomponents: { a: { kind: map } }\nconnections: [{ from: a.out, to: a.in }]'
    const { network, places } = parseNetwork(text, { file: 'net.yaml' })
    const [fault] = await validateNetwork(network, () => lookUp('map'), places)
    assert.equal(fault?.remedy, 'Add `back: true` to the connection a.out -> a.in, or remove it.')
  })

  it('never fails itself, whatever the network', async () => {
    await fc.assert(
      fc.asyncProperty(networks, fc.constantFrom(...Object.keys(kinds)), async (network, kindName) => {
        const faults = await validateNetwork(network, () => lookUp(kindName), placesOfFile('n'))
        assert.ok(Array.isArray(faults))
      }),
      { numRuns: 200 },
    )
  })
})

describe('cycles', () => {
  const nodes = ['0', '1', '2', '3', '4', '5']
  const edges = fc
    .array(fc.tuple(fc.constantFrom(...nodes), fc.constantFrom(...nodes)), { maxLength: 12 })
    .map((pairs) => pairs.map(([from, to], index): Edge => ({ from, to, index })))

  const reaches = (all: readonly Edge[], from: string): Set<string> => {
    const found = new Set<string>()
    const visit = (node: string): void => {
      for (const edge of all)
        if (edge.from === node && !found.has(edge.to)) {
          found.add(edge.to)
          visit(edge.to)
        }
    }
    visit(from)
    return found
  }

  it('are closed walks, and without their last edges there are none', () => {
    fc.assert(
      fc.property(edges, (all) => {
        const cycles = findCycles(nodes, all)
        for (const cycle of cycles)
          for (const [index, edge] of cycle.entries())
            assert.equal(edge.to, cycle[(index + 1) % cycle.length]!.from)
        const closing = new Set(cycles.map((cycle) => cycle.at(-1)!.index))
        const rest = all.filter((edge) => !closing.has(edge.index))
        for (const node of nodes) assert.ok(!reaches(rest, node).has(node))
      }),
    )
  })

  it('are what strongly connected parts are made of', () => {
    fc.assert(
      fc.property(edges, (all) => {
        const parts = cyclicParts(nodes, all)
        for (const a of nodes)
          for (const b of nodes) {
            const together = a === b || (reaches(all, a).has(b) && reaches(all, b).has(a))
            assert.equal(parts.get(a) === parts.get(b), together, `${a} ${b}`)
          }
      }),
    )
  })

  it('are found in chains of any length', () => {
    const long = Array.from({ length: 20_000 }, (_, index) => String(index))
    const chain = long.map((from, index): Edge => ({ from, to: long[(index + 1) % long.length]!, index }))
    assert.equal(findCycles(long, chain)[0]?.length, 20_000)
    assert.equal(new Set(cyclicParts(long, chain).values()).size, 1)
  })
})
