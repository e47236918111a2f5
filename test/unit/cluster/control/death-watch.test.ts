import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeathWatch, type DeathWatchMeans } from '../../../../src/cluster/control/index.ts'
import { asNodeId, ClusterKeys, ClusterView, nodeRecord } from '../../../../src/cluster/protocol/index.ts'
import { nodeNamed } from '../node-record.ts'
import { eventLoopTurn, TestClock } from '../../../../src/testkit/test-clock.ts'

test('a store that refuses at once is asked again after a pause only, and not for ever', async () => {
  const clock = new TestClock()
  const keys = new ClusterKeys('c')
  const view = new ClusterView(keys)
  const key = keys.node(asNodeId('dead'))
  const value = nodeRecord.encode(nodeNamed('dead', { machine: 'elsewhere' }))
  view.apply(key, { key, value, createRevision: 1, modRevision: 1, version: 1, lease: '7' as never })
  let tries = 0
  const watch = new DeathWatch({
    store: {
      transact: () => {
        tries++
        return Promise.reject(new Error('it is away'))
      },
    } as unknown as DeathWatchMeans['store'],
    keys,
    clock,
    self: asNodeId('me'),
    lease: { lease: '8' } as unknown as DeathWatchMeans['lease'],
    view: () => view,
    probe: () => Promise.resolve('refused'),
    isGone: () => undefined,
    events: { declaredDead: () => assert.fail('nobody agreed'), troubled() {} },
  })
  watch.suspect(asNodeId('dead'))
  for (let turn = 0; turn < 50; turn++) await eventLoopTurn()
  assert.equal(tries, 1)
  for (let look = 0; look < 200; look++) {
    clock.advance(25)
    await eventLoopTurn()
  }
  assert.equal(tries, 60)
  await watch.close()
})
