import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Network } from '../../../src/model/network.ts'
import { parseNetwork } from '../../../src/model/parse.ts'
import { toJson, toYaml } from '../../../src/model/serialize.ts'
import { networks } from './arbitraries.ts'

describe('toJson and toYaml', () => {
  for (const [write, file] of [
    [toJson, 'net.json'],
    [toYaml, 'net.yaml'],
  ] as const)
    it(`${write.name}: the text gives the same network back`, () => {
      fc.assert(
        fc.property(networks, (network) => {
          const text = write(network)
          const again = parseNetwork(text, { file }).network
          assert.deepEqual(again, network)
          assert.equal(write(again), text)
        }),
        { numRuns: 100 },
      )
    })

  it('put fields in the order of the schema, and leave absent ones out', () => {
    const network: Network = {
      connections: [{ to: 'b.in', from: 'a.out', selector: undefined }],
      components: { b: { config: { z: 1, a: 2 }, kind: 'k', group: undefined }, a: { kind: 'k' } },
      name: 'n',
    }
    const order =
      '{"name":"n","components":{"b":{"kind":"k","config":{"z":1,"a":2}},"a":{"kind":"k"}},"connections":[{"from":"a.out","to":"b.in"}]}'
    assert.equal(JSON.stringify(JSON.parse(toJson(network))), order)
    assert.equal(
      toYaml(network),
      'name: n\ncomponents:\n  b:\n    kind: k\n    config:\n      z: 1\n      a: 2\n  a:\n    kind: k\nconnections:\n  - { from: a.out, to: b.in }\n',
    )
  })

  it('write out what repeats', () => {
    const config = { a: [1] }
    const network: Network = {
      name: 'n',
      components: { a: { kind: 'k', config }, b: { kind: 'k', config } },
      connections: [],
    }
    assert.doesNotMatch(toYaml(network), /[&*]/)
  })
})
