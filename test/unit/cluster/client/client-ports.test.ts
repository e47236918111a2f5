import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builtInKind } from '../../../../src/built-in-kinds.ts'
import { clientKindFacts, withClientPorts } from '../../../../src/cluster/client/client-ports.ts'
import { deployed, scaled, undeployed } from '../../../../src/cluster/client/deployment.ts'
import { kindFacts } from '../../../../src/cluster/client/load-deployment.ts'
import type { KindFacts } from '../../../../src/cluster/protocol/index.ts'
import { kindDefinition } from '../../../../src/component/kind.ts'
import type { FlatNetwork } from '../../../../src/model/flatten.ts'
import { rejectsWithCode } from './support.ts'

const facts: KindFacts = {
  role: 'component',
  inputs: ['in'],
  outputs: ['out'],
  keyedState: false,
  instanceState: false,
  rewinds: false,
  inMain: false,
}
const base = 'file:///net.yaml'

function network(fields: Partial<FlatNetwork> = {}): FlatNetwork {
  return {
    name: 'net',
    components: {
      first: { kind: 'file:///kinds.ts#first', group: 'edge', base },
      second: { kind: 'file:///kinds.ts#second', base },
    },
    connections: [{ from: 'first.out', to: 'second.in', selector: { type: 'hash', key: 'id' }, base }],
    exports: { inputs: { begin: 'first.in', middle: 'second.in' }, outputs: { end: 'second.out' } },
    ...fields,
  }
}

const kinds = { first: { ...facts, schemas: ['in'] }, second: { ...facts, keyedState: true } }

test('what a cluster knows of the kinds behind exported ports is what they are', async () => {
  for (const name of ['client-input', 'client-output'] as const)
    assert.deepEqual(clientKindFacts[name], kindFacts(kindDefinition((await builtInKind(name))!)))
})

test('each exported port gets a component, near what it leads to and routed as that is', () => {
  const { flat, kinds: known } = withClientPorts({ flat: network(), kinds })
  const { first: _, second: __, ...added } = flat.components
  assert.deepEqual(added, {
    'client-input:begin': {
      kind: 'client-input',
      group: 'edge',
      config: { function: 'file:///kinds.ts#first', port: 'in' },
      base,
    },
    'client-input:middle': { kind: 'client-input', base },
    // A network that says nothing is exactly-once.
    'client-output:end': { kind: 'client-output', config: { committed: true }, base },
  })
  const lossy = withClientPorts({ flat: network({ guarantee: 'at-most-once' }), kinds }).flat
  assert.equal(lossy.components['client-output:end']?.config, undefined)
  assert.deepEqual(flat.connections.slice(1), [
    { from: 'client-input:begin.out', to: 'first.in', base },
    { from: 'client-input:middle.out', to: 'second.in', selector: { type: 'hash', key: 'id' }, base },
    { from: 'second.out', to: 'client-output:end.in', base },
  ])
  assert.equal(Object.keys(known).length, 5)
  const keyed = withClientPorts({ flat: network({ connections: [] }), kinds }).flat.connections
  assert.deepEqual(keyed.find(({ to }) => to === 'second.in')?.selector, 'hash')
})

test('they follow from what is exported, however that came about', async () => {
  const first = (await deployed(undefined, { part: network(), kinds }, { mode: 'merge' }))!
  assert.deepEqual(withClientPorts(first), first)
  for (const mode of ['merge', 'replace'] as const)
    assert.equal(await deployed(first, { part: network(), kinds }, { mode }), undefined, mode)
  const more: FlatNetwork = {
    name: 'net',
    components: { third: { kind: 'file:///kinds.ts#third', base } },
    connections: [{ from: 'second.out', to: 'third.in', base }],
    exports: { outputs: { more: 'third.out' } },
  }
  const second = (await deployed(first, { part: more, kinds: { third: facts } }, { mode: 'merge' }))!
  assert.deepEqual(
    Object.keys(second.flat.components).filter((name) => name.includes(':')),
    ['client-input:begin', 'client-input:middle', 'client-output:end', 'client-output:more'],
  )
  for (const name of Object.keys(first.flat.components))
    assert.deepEqual(second.flat.components[name], first.flat.components[name])
  const third = (await undeployed(second, more))!
  assert.deepEqual(third, first)
  await rejectsWithCode(scaled(first, 'client-input:begin', 2), 'COMPONENT_UNKNOWN', /client-input:begin/)
})
