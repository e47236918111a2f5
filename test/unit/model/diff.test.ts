import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isVertigoError } from '../../../src/base/errors.ts'
import {
  additions,
  diff,
  invert,
  isEmptyChange,
  merge,
  type NetworkChange,
  normalNetwork,
  removals,
  unmerge,
} from '../../../src/model/diff.ts'
import type { Network } from '../../../src/model/network.ts'
import { faultsOf, networks } from './arbitraries.ts'

const normal = networks.map(normalNetwork)

describe('diff and merge', () => {
  it('DI-1: merging the difference of two networks into the first gives the second', () => {
    fc.assert(
      fc.property(networks, networks, (a, b) => {
        assert.deepEqual(merge(a, diff(a, b)), normalNetwork(b))
        assert.deepEqual(
          merge(a, JSON.parse(JSON.stringify(diff(a, b))) as NetworkChange),
          normalNetwork(b),
          'a change is plain data',
        )
      }),
    )
  })

  it('DI-2: unmerging what was merged gives the original', () => {
    fc.assert(
      fc.property(normal, normal, (a, b) => {
        const change = diff(a, b)
        assert.deepEqual(unmerge(merge(a, change), change), a)
        assert.deepEqual(merge(b, invert(change)), a)
        assert.deepEqual(invert(invert(change)), change)
      }),
    )
  })

  it('DI-2: unmerging a deployed part gives the original, also where they overlap', () => {
    fc.assert(
      fc.property(normal, normal, (network, part) => {
        const change = additions(part, network)
        const merged = merge(network, change)
        assert.deepEqual(unmerge(merged, change), network)
        assert.equal(merged.name, network.name)
        for (const [name, component] of Object.entries(part.components))
          assert.deepEqual(merged.components[name], component)
        for (const { from, to } of part.connections)
          assert.ok(merged.connections.some((item) => item.from === from && item.to === to))
        assert.ok(
          isEmptyChange(additions(part, merged)) || hasDoubles(part),
          'deploying again changes nothing',
        )
      }),
    )
  })

  it('DI-3: a network does not differ from itself, nor from itself with its components in another order', () => {
    fc.assert(
      fc.property(networks, (a) => {
        const components = Object.fromEntries(Object.entries(a.components).toReversed())
        assert.ok(isEmptyChange(diff(a, { ...structuredClone(a), components })))
      }),
    )
  })

  it('DI-4: disjoint parts can be merged and unmerged in any order', () => {
    fc.assert(
      fc.property(normal, normal, normal, (base, one, two) => {
        const first = prefixed(one, 'x-')
        const second = prefixed(two, 'y-')
        const plain = prefixed(base, 'z-')
        const addFirst = additions(first, plain)
        const withFirst = merge(plain, addFirst)
        const addSecond = additions(second, withFirst)
        const both = merge(withFirst, addSecond)
        assert.deepEqual(unmerge(both, addFirst), merge(plain, additions(second, plain)))
        assert.deepEqual(unmerge(unmerge(both, addFirst), addSecond), plain)
      }),
    )
  })

  it('removals takes a part away that was added, by its names', () => {
    fc.assert(
      fc.property(normal, normal, (base, part) => {
        const plain = prefixed(base, 'z-')
        const added = prefixed(part, 'x-')
        const merged = merge(plain, additions(added, plain))
        assert.deepEqual(merge(merged, removals(added, merged)), plain)
      }),
    )
  })

  it('finds the shortest change of connections, and keeps their order', () => {
    const at = (name: string): { from: string; to: string } => ({ from: `${name}.out`, to: 'b.in' })
    const network = (names: string): Network => ({
      name: 'n',
      components: {},
      connections: names.split('').map(at),
    })
    const change = diff(network('abcdef'), network('axcdfeg'))
    assert.deepEqual(change.connections, {
      removed: [
        { index: 1, item: at('b') },
        { index: 4, item: at('e') },
      ],
      added: [
        { index: 1, item: at('x') },
        { index: 5, item: at('e') },
        { index: 6, item: at('g') },
      ],
    })
  })

  it('lists names in alphabetical order', () => {
    const a: Network = { name: 'n', components: {}, connections: [] }
    const b: Network = { ...a, components: { z: { kind: 'k' }, a: { kind: 'k' }, m: { kind: 'k' } } }
    assert.deepEqual(Object.keys(diff(a, b).components), ['a', 'm', 'z'])
  })

  it('refuses a change that does not fit, with every conflict', () => {
    const a: Network = {
      name: 'n',
      components: { a: { kind: 'k' }, b: { kind: 'k' } },
      connections: [{ from: 'a.out', to: 'b.in' }],
    }
    const b: Network = {
      name: 'n',
      guarantee: 'exactly-once',
      components: { a: { kind: 'k', instances: 2 }, c: { kind: 'k' } },
      connections: [],
      initial: [{ to: 'a.in', value: 1 }],
      exports: { inputs: { x: 'a.in' } },
    }
    const change = diff(a, b)
    const other: Network = {
      name: 'n',
      guarantee: 'at-least-once',
      components: { a: { kind: 'other' }, c: { kind: 'other' } },
      connections: [],
      exports: { inputs: { x: 'a.in' } },
    }
    const expected = [
      'CHANGE_CONFLICT guarantee | The field "guarantee" is already there, and differs.',
      'CHANGE_CONFLICT a | The component "a" is not as it was.',
      'CHANGE_CONFLICT b | The component "b" is already changed.',
      'CHANGE_CONFLICT c | The component "c" is already there, and differs.',
      'CHANGE_CONFLICT x | The exported input "x" is already changed.',
      'CHANGE_CONFLICT connections | There is no connection a.out -> b.in as the change expects it.',
    ]
    assert.deepEqual(
      faultsOf(() => merge(other, change)),
      expected,
    )
    assert.deepEqual(
      faultsOf(() => unmerge(a, { ...change, fields: {}, components: {}, inputs: {} })),
      ['CHANGE_CONFLICT initial | There is no initial packet to a.in as the change expects it.'],
    )
  })

  it('either fits or is refused; what is merged into any network can be taken back', () => {
    fc.assert(
      fc.property(normal, normal, normal, (a, b, other) => {
        const change = diff(a, b)
        let merged: Network
        try {
          merged = merge(other, change)
        } catch (error) {
          assert.ok(isVertigoError(error) && error.code === 'CHANGE_CONFLICT')
          return
        }
        const back = unmerge(merged, change)
        const sorted = (network: Network): unknown => ({
          ...network,
          connections: network.connections.map((item) => JSON.stringify(item)).toSorted(),
          initial: network.initial?.map((item) => JSON.stringify(item)).toSorted(),
        })
        assert.deepEqual(sorted(back), sorted(other))
      }),
    )
  })
})

/** Parts with several connections between the same ports cannot be told apart by them. */
function hasDoubles({ connections }: Network): boolean {
  return new Set(connections.map(({ from, to }) => `${from} ${to}`)).size < connections.length
}

/** Only what has names, under names of its own. */
function prefixed(network: Network, prefix: string): Network {
  const ref = (text: string): string => prefix + text
  const names = (record: { readonly [name: string]: string } = {}): { [name: string]: string } =>
    Object.fromEntries(Object.entries(record).map(([name, text]) => [prefix + name, ref(text)]))
  const seen = new Set<string>()
  return normalNetwork({
    name: 'n',
    components: Object.fromEntries(
      Object.entries(network.components).map(([name, item]) => [prefix + name, item]),
    ),
    connections: network.connections
      .map((item) => ({ ...item, from: ref(item.from), to: ref(item.to) }))
      .filter(({ from, to }) => !seen.has(from + to) && seen.add(from + to)),
    initial: [
      ...new Map(
        (network.initial ?? []).map((item) => [JSON.stringify(item), { ...item, to: ref(item.to) }]),
      ).values(),
    ],
    exports: { inputs: names(network.exports?.inputs), outputs: names(network.exports?.outputs) },
  })
}
