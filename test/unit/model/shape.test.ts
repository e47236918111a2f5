import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Json, Network } from '../../../src/model/network.ts'
import { parseNetwork, parseNetworkValue } from '../../../src/model/parse.ts'
import { pathText, placesOfFile } from '../../../src/model/places.ts'
import type { Schema } from '../../../src/model/json-schema.ts'
import { networkSchema, networkSchemaText } from '../../../src/model/schema.ts'
import { faultsOf, networks } from './arbitraries.ts'

const value = (network: unknown): Network => parseNetworkValue(network, placesOfFile('net.ts'))
const faults = (network: unknown): string[] => faultsOf(() => value(network))
const withComponent = (component: unknown): unknown => ({
  name: 'n',
  components: { a: component },
  connections: [],
})
const withConnection = (connection: object): unknown => ({
  name: 'n',
  components: {},
  connections: [{ from: 'a.out', to: 'b.in', ...connection }],
})

describe('the shape of a network', () => {
  it('is reported with all faults at once, each with line and column', () => {
    const text = `name: word count
guarantee: exactly-onc
components:
  split: { kind: ./split.ts, instances: 2.5 }
  a.b: { kind: x }
  count: { instance: 4, kind: "" }
connections:
  - { from: split, to: count.word, selector: roundrobin }
  - { from: split.word, selector: { type: hsh } }
  - split.word
extra: 1
`
    assert.deepEqual(
      faultsOf(() => parseNetwork(text, { file: 'net.yaml' })),
      [
        'FIELD_INVALID 1:7 name | name cannot be "word count".',
        'FIELD_INVALID 2:12 guarantee | guarantee must be one of exactly-once, at-least-once, at-most-once, not "exactly-onc". Did you mean "exactly-once"?',
        'FIELD_INVALID 4:41 components.split.instances | components.split.instances must be a whole number from 1 to 1024, not 2.5.',
        'FIELD_INVALID 5:3 components["a.b"] | "a.b" cannot be a name.',
        'FIELD_UNKNOWN 6:12 components.count.instance | components.count has an unknown field "instance". Did you mean "instances"?',
        'FIELD_INVALID 6:31 components.count.kind | components.count.kind must not be empty.',
        'PORT_REFERENCE_INVALID 8:13 connections[0].from | connections[0].from must have the form component.port, not "split".',
        'FIELD_INVALID 8:46 connections[0].selector | connections[0].selector must be one of round-robin, random, hash, fair, all or a mapping, not "roundrobin". Did you mean "round-robin"?',
        'FIELD_MISSING 9:5 connections[1] | connections[1] has no field "to".',
        'FIELD_INVALID 9:43 connections[1].selector.type | connections[1].selector.type must be one of round-robin, random, fair, all, hash, custom, not "hsh". Did you mean "hash"?',
        'FIELD_INVALID 10:5 connections[2] | connections[2] must be a mapping of names to values, not "split.word".',
        'FIELD_UNKNOWN 11:1 extra | The network has an unknown field "extra".',
      ],
    )
  })

  for (const [component, fault] of [
    [{}, 'FIELD_MISSING components.a | components.a has no field "kind".'],
    [null, 'FIELD_INVALID components.a | components.a must be a mapping of names to values, not empty.'],
    [{ kind: 1 }, 'FIELD_INVALID components.a.kind | components.a.kind must be text, not 1.'],
    [
      { kind: 'k', instances: 0 },
      'FIELD_INVALID components.a.instances | components.a.instances must be a whole number from 1 to 1024, not 0.',
    ],
    [
      { kind: 'k', instances: 1025 },
      'FIELD_INVALID components.a.instances | components.a.instances must be a whole number from 1 to 1024, not 1025.',
    ],
    [
      { kind: 'k', instances: '2' },
      'FIELD_INVALID components.a.instances | components.a.instances must be a whole number from 1 to 1024, not "2".',
    ],
    [
      { kind: 'k', order: 'inputs' },
      'FIELD_INVALID components.a.order | components.a.order must be one of input, completion, not "inputs". Did you mean "input"?',
    ],
    [
      { kind: 'k', errors: 'retry' },
      'FIELD_INVALID components.a.errors | components.a.errors must be one of fail, reject or a mapping, not "retry".',
    ],
    [
      { kind: 'k', errors: { retry: { time: 3 } } },
      'FIELD_UNKNOWN components.a.errors.retry.time | components.a.errors.retry has an unknown field "time". Did you mean "times"?',
    ],
    [
      { kind: 'k', hooks: './h.ts' },
      'FIELD_INVALID components.a.hooks | components.a.hooks must be a list, not "./h.ts".',
    ],
    [
      { kind: 'k', group: 'g'.repeat(129) },
      'FIELD_INVALID components.a.group | components.a.group must have at most 128 characters.',
    ],
    [
      { kind: 'k', config: { f: () => 1 } },
      'FIELD_INVALID components.a.config.f | components.a.config.f must be a JSON value, not a function.',
    ],
    [
      { kind: 'k', config: { d: [new Date(0)] } },
      'FIELD_INVALID components.a.config.d[0] | components.a.config.d[0] must be a JSON value, not an object of class Date.',
    ],
    [
      { kind: 'k', config: { n: Infinity } },
      'FIELD_INVALID components.a.config.n | components.a.config.n must be a JSON value, not Infinity.',
    ],
  ] as const)
    it(`refuses the component ${JSON.stringify(component)?.slice(0, 60)}`, () =>
      assert.deepEqual(faults(withComponent(component)), [fault]))

  for (const [connection, fault] of [
    [
      { back: 'yes' },
      'FIELD_INVALID connections[0].back | connections[0].back must be true or false, not "yes".',
    ],
    [
      { from: '.x' },
      'PORT_REFERENCE_INVALID connections[0].from | connections[0].from must have the form component.port, not ".x".',
    ],
    [
      { selector: {} },
      'FIELD_MISSING connections[0].selector | connections[0].selector has no field "type".',
    ],
    [
      { selector: { type: 'all', key: 'x' } },
      'FIELD_UNKNOWN connections[0].selector.key | connections[0].selector has an unknown field "key".',
    ],
    [
      { selector: { type: 'hash', key: 'a..b' } },
      'FIELD_INVALID connections[0].selector.key | connections[0].selector.key cannot be "a..b".',
    ],
    [
      { selector: { type: 'custom' } },
      'FIELD_MISSING connections[0].selector | connections[0].selector has no field "kind".',
    ],
  ] as const)
    it(`refuses the connection ${JSON.stringify(connection)}`, () =>
      assert.deepEqual(faults(withConnection(connection)), [fault]))

  it('refuses fields of a configuration that are called __proto__, which could not be read again', () => {
    const config = JSON.parse('{"__proto__":1,"list":[{"__proto__":2}]}') as unknown
    assert.deepEqual(faults(withComponent({ kind: 'k', config })), [
      'FIELD_INVALID components.a.config.__proto__ | A field cannot be called "__proto__".',
      'FIELD_INVALID components.a.config.list[0].__proto__ | A field cannot be called "__proto__".',
    ])
  })

  it('refuses a configuration that contains itself or is nested without end', () => {
    const config: { [field: string]: unknown } = {}
    config.self = [config]
    assert.deepEqual(faults(withComponent({ kind: 'k', config })), [
      'FIELD_INVALID components.a.config.self[0].self | components.a.config.self[0].self contains itself.',
    ])
    let deep: unknown = 1
    for (let i = 0; i < 200; i++) deep = [deep]
    assert.match(faults(withComponent({ kind: 'k', config: { deep } }))[0]!, /nested deeper than 100 levels/)
  })

  it('takes names that JavaScript objects have of their own, but not __proto__', () => {
    const components = { constructor: { kind: 'k' }, toString: { kind: 'k' } }
    assert.deepEqual(value({ name: 'n', components, connections: [] }).components, components)
    const bad = JSON.parse('{"name":"n","components":{"__proto__":{"kind":"k"}},"connections":[]}') as unknown
    assert.deepEqual(faults(bad), ['FIELD_INVALID components.__proto__ | "__proto__" cannot be a name.'])
  })

  it('counts undefined fields as absent', () => {
    assert.deepEqual(faults({ name: 'n', components: {}, connections: undefined, extra: undefined }), [
      'FIELD_MISSING | The network has no field "connections".',
    ])
  })
})

describe('the schema of networks', () => {
  it('is published as it is', () => {
    const url = new URL('../../../schema/network.json', import.meta.url)
    assert.equal(
      readFileSync(url, 'utf8'),
      networkSchemaText(),
      'regenerate schema/network.json from networkSchemaText()',
    )
  })

  it('describes every field, and refers only to what it defines', () => {
    let fields = 0
    const visit = (schema: Schema, path: string): void => {
      if (schema.$ref !== undefined)
        assert.ok(networkSchema.$defs![schema.$ref.slice(8)], `${path}: ${schema.$ref}`)
      for (const [name, field] of Object.entries(schema.properties ?? {})) {
        fields++
        const target = field.$ref === undefined ? field : networkSchema.$defs![field.$ref.slice(8)]!
        const described = field.description ?? target.description
        if (name !== 'type') assert.ok(described, `${path}.${name} has no description`)
        visit(field, `${path}.${name}`)
      }
      const { items, additionalProperties, propertyNames, anyOf = [], $defs = {} } = schema
      for (const inner of [
        items,
        additionalProperties || undefined,
        propertyNames,
        ...anyOf,
        ...Object.values($defs),
      ])
        if (inner !== undefined) visit(inner, path)
    }
    visit(networkSchema, '')
    assert.ok(fields > 30)
  })

  it('takes every network that has the type', () => {
    fc.assert(
      fc.property(networks, (network) => {
        assert.equal(value(network), network)
      }),
      { numRuns: 200 },
    )
  })

  it('notices any field that is renamed, removed or replaced, where it is', () => {
    const change = fc.record({ at: fc.nat(), how: fc.constantFrom('rename', 'replace') })
    fc.assert(
      fc.property(networks, change, (network, { at, how }) => {
        const copy = structuredClone(network) as unknown as { [name: string]: Json }
        const fields = fieldsOf(copy)
        const { owner, name, path } = fields[at % fields.length]!
        if (how === 'replace') owner[name] = [[{ no: 'such' }]]
        else {
          owner[`${name}~`] = owner[name]!
          delete owner[name]
        }
        const found = faults(copy)
        const place = pathText([...path, how === 'replace' ? name : `${name}~`])
        assert.ok(
          found.some((fault) => fault.includes(` ${place}`) || fault.includes(`has no field "${name}"`)),
          `${place} in ${found.join('\n')}`,
        )
      }),
      { numRuns: 200 },
    )
  })
})

/** Every field whose name the schema fixes, or that is a component. */
function fieldsOf(network: { [name: string]: Json }): {
  owner: { [name: string]: Json }
  name: string
  path: (string | number)[]
}[] {
  const found: ReturnType<typeof fieldsOf> = []
  const visit = (owner: Json, path: (string | number)[]): void => {
    if (typeof owner !== 'object' || owner === null || ['config', 'value'].includes(String(path.at(-1))))
      return
    for (const [key, item] of Object.entries(owner as { [name: string]: Json })) {
      const step = Array.isArray(owner) ? Number(key) : key
      const free = path[0] === 'initial' && key === 'value'
      if (!Array.isArray(owner) && !free)
        found.push({ owner: owner as { [name: string]: Json }, name: key, path })
      visit(item, [...path, step])
    }
  }
  visit(network, [])
  return found
}
