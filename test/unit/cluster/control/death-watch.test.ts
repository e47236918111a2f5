import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deathKeptMs, DeathWatch, type DeathWatchMeans } from '../../../../src/cluster/control/index.ts'
import {
  asNodeId,
  ClusterKeys,
  ClusterView,
  deathRecord,
  nodeRecord,
} from '../../../../src/cluster/protocol/index.ts'
import { systemClock } from '../../../../src/base/clock.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import { put } from '../../../../src/store/operations.ts'
import type { LeaseId } from '../../../../src/store/store.ts'
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

test("DW-4 who tells a death deletes its own ones of long ago, and nobody else's", async (t) => {
  const clock = new TestClock()
  const store = storeOver(new MemoryBackend({ clock: systemClock }), systemClock)
  t.after(() => store.close())
  const keys = new ClusterKeys('c')
  const [mine, other, dead] = [
    await store.grant(60_000),
    await store.grant(60_000),
    await store.grant(60_000),
  ]
  const nowMs = clock.now()
  const tell = async (node: string, atMs: number, lease: LeaseId): Promise<void> => {
    const value = deathRecord.encode({ incarnation: 'i', atMs, isFresh: true, suspects: [] })
    await store.transact({ then: [put(keys.death(asNodeId(node)), value, lease)] })
  }
  for (let old = 0; old < 60; old++) await tell(`old${old}`, nowMs - deathKeptMs - 1, mine.lease)
  await tell('another', nowMs - deathKeptMs - 1, other.lease)
  await tell('late', nowMs - deathKeptMs, mine.lease)
  const record = nodeRecord.encode(nodeNamed('dead'))
  await store.transact({ then: [put(keys.node(asNodeId('dead')), record, dead.lease)] })
  const view = new ClusterView(keys)
  for (const entry of (await store.range(keys.prefix)).entries) view.apply(entry.key, entry)
  const watch = new DeathWatch({
    store,
    keys,
    clock,
    self: asNodeId('me'),
    lease: { lease: mine.lease } as unknown as DeathWatchMeans['lease'],
    view: () => view,
    probe: () => Promise.resolve('refused'),
    isGone: () => true,
    events: {
      declaredDead() {},
      troubled: (_, error) => {
        throw error
      },
    },
  })
  watch.suspect(asNodeId('dead'))
  // Fifty of the sixty, as many as one transaction takes.
  const deadlineMs = systemClock.monotonic() + 10_000
  const left = async (): Promise<readonly string[]> =>
    (await store.range(keys.deaths)).entries.map(({ key }) => key.slice(keys.deaths.length))
  while ((await left()).length !== 13) {
    assert.ok(
      systemClock.monotonic() < deadlineMs,
      `the old ones are still there: ${(await left()).join(' ')}`,
    )
    await eventLoopTurn()
  }
  for (const node of ['dead', 'late', 'another']) assert.ok((await left()).includes(node), node)
  assert.equal((await store.get(keys.node(asNodeId('dead')))).entry, undefined)
  await watch.close()
})
