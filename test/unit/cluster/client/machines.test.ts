import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isVertigoError } from '../../../../src/base/errors.ts'
import type { Deployment } from '../../../../src/cluster/client/index.ts'
import {
  asGeneration,
  asNodeId,
  asVersion,
  nodeRecord,
  outcomeRecord,
} from '../../../../src/cluster/protocol/index.ts'
import type { FlatComponent } from '../../../../src/model/flatten.ts'
import { put, remove } from '../../../../src/store/operations.ts'
import { nodeNamed } from '../node-record.ts'
import { management, network, rejectsWithCode, source } from './support.ts'

const by = 'test'

/** Nodes on two machines, of which one has a label. */
async function onTwoMachines() {
  const { store, keys, client } = management()
  const nodes = [
    nodeNamed('a', { machine: 'one', labels: { disk: 'data' } }),
    nodeNamed('b', { machine: 'two' }),
    nodeNamed('c', { machine: 'one', files: 'one' }),
  ]
  await store.transact({ then: nodes.map((node) => put(keys.node(node.id), nodeRecord.encode(node))) })
  const reads = (more: Partial<FlatComponent> = {}): Deployment => {
    const { part, kinds } = network(['log'])
    const numbers = { ...part.components['numbers']!, ...more }
    return {
      part: { ...part, components: { ...part.components, numbers } },
      kinds: { ...kinds, numbers: { ...source, files: 'local' } },
    }
  }
  return { store, keys, client, reads }
}

const notShared =
  /numbers: It reads or writes files of the machine that it runs on, and nodes on 2 machines fit/

test('files of one of several machines: refused until it is said which, or that all see them', async () => {
  const { client, reads } = await onTwoMachines()
  const refused = await client.deploy(reads(), { by }).then(
    () => assert.fail('it was taken'),
    (error: unknown) => error,
  )
  assert.ok(isVertigoError(refused) && refused.code === 'NETWORK_INVALID')
  assert.deepEqual(
    refused.faults.map(({ code }) => code),
    ['FILES_NOT_SHARED'],
  )
  assert.match(refused.faults[0]?.message ?? '', notShared)
  await rejectsWithCode(client.status('net'), 'NETWORK_UNKNOWN', /net/)

  assert.equal(await client.deploy(reads({ placement: { labels: { disk: 'data' } } }), { by }), 1)
  assert.equal(await client.deploy(reads({ placement: { files: 'shared' } }), { by }), 2)
  // To take that back is to say nothing again.
  await rejectsWithCode(client.deploy(reads(), { by }), 'NETWORK_INVALID', /one fault/)
})

test('what has its machine keeps it when more machines come', async () => {
  const { store, keys, client, reads } = await onTwoMachines()
  await store.transact({ then: [remove(keys.node(asNodeId('b')))] })
  assert.equal(await client.deploy(reads(), { by }), 1)
  const b = nodeNamed('b', { machine: 'two' })
  await store.transact({ then: [put(keys.node(b.id), nodeRecord.encode(b))] })
  assert.equal(await client.deploy(reads({ config: { count: 2 } }), { by }), 2)
  // Rules say anew where the files are: those that leave several machines do not.
  const asked = client.deploy(reads({ placement: { labels: { disk: 'none' } } }), { by })
  assert.equal(await asked, 3, 'no node fits, which the planner shows')
  await rejectsWithCode(client.deploy(reads(), { by }), 'NETWORK_INVALID', /one fault/)
})

test('what failed keeps its machine; what has finished begins afresh, where nobody knows it', async () => {
  const { store, keys, client, reads } = await onTwoMachines()
  const two = keys.node(asNodeId('b'))
  await store.transact({ then: [remove(two)] })
  const ends = (version: number, state: 'failed' | 'finished') =>
    store.transact({
      then: [
        put(two, nodeRecord.encode(nodeNamed('b', { machine: 'two' }))),
        put(
          keys.network('net').outcome,
          outcomeRecord.encode({ version: asVersion(version), generation: asGeneration(1), state, atMs: 1 }),
        ),
      ],
    })
  assert.equal(await client.deploy(reads(), { by }), 1)
  await ends(1, 'failed')
  assert.equal(await client.deploy(reads(), { by }), 2)
  await ends(2, 'finished')
  await rejectsWithCode(client.deploy(reads(), { by }), 'NETWORK_INVALID', /one fault/)
})
