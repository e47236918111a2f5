import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FlatComponent, FlatConnection, FlatNetwork } from '../../src/model/flatten.ts'
import { runSnapshots, type SnapshotScenario } from './snapshots/run.ts'

/** What snapshots find hard when it comes together, each in orders that are drawn. At the end, all is as a plain loop has it. */

const base = 'file:///net.yaml'
const runs = 25

function networkOf(
  components: Readonly<Record<string, Omit<FlatComponent, 'base'>>>,
  connections: readonly Omit<FlatConnection, 'base'>[],
): FlatNetwork {
  const withBase = Object.entries(components).map(([name, component]): [string, FlatComponent] => [
    name,
    { ...component, base },
  ])
  return {
    name: 'net',
    components: Object.fromEntries(withBase),
    connections: connections.map((connection) => ({ ...connection, base })),
  }
}

async function runAll(scenario: SnapshotScenario) {
  const sum = { committed: 0, aborted: 0, kills: 0, rescalings: 0, withChannelState: 0, messages: 0 }
  for (let seed = 1; seed <= runs; seed++) {
    try {
      const result = await runSnapshots(seed, scenario)
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += result[key]
    } catch (error) {
      throw new Error(`run ${seed} failed`, { cause: error })
    }
  }
  return sum
}

const byKey = { type: 'hash', key: 'key' } as const
const back = { from: 'round.again', to: 'round.back', back: true, selector: 'round-robin' } as const

test('AL-7, SN-9: quiet snapshots come to their end with a cycle that is always at work and a sink that is full', async () => {
  const network = networkOf(
    {
      items: { kind: 'source', config: { count: 40, keys: 'even' } },
      round: { kind: 'roundabout', instances: 2 },
      slow: { kind: 'slow', instances: 2 },
      last: { kind: 'sum', instances: 2 },
    },
    [
      back,
      { from: 'items.out', to: 'round.in', selector: 'round-robin' },
      { from: 'round.out', to: 'slow.in', selector: 'fair' },
      { from: 'slow.out', to: 'last.in', selector: byKey },
    ],
  )
  const sum = await runAll({ network, alignMsMax: null, sinkItemsMax: 2 })
  assert.ok(sum.committed > runs * 2 && sum.kills > runs, JSON.stringify(sum))
})

test('SN-8: barriers overtake messages whose handlers are tried again, and what waits behind them', async () => {
  const errors = { retry: { times: 100, delayMs: 30, delayMsMax: 60 } }
  const network = networkOf(
    {
      items: { kind: 'source', config: { count: 40, keys: 'even' } },
      flaky: { kind: 'flaky', instances: 2, errors, concurrency: 2 },
      again: { kind: 'flaky', errors },
      last: { kind: 'sum' },
    },
    [
      { from: 'items.out', to: 'flaky.in', selector: byKey },
      { from: 'flaky.out', to: 'again.in', selector: byKey },
      { from: 'again.out', to: 'last.in', selector: byKey },
    ],
  )
  const sum = await runAll({ network, alignMsMax: 1, sinkItemsMax: 3 })
  assert.ok(sum.committed > runs * 2 && sum.kills > runs && sum.withChannelState > runs, JSON.stringify(sum))
})

test('SN-4, SN-5: a snapshot that begins while one that was given up is still on its way leaves nothing of it', async () => {
  const network = networkOf(
    {
      items: { kind: 'source', config: { count: 40, keys: 'even' } },
      more: { kind: 'source', config: { count: 20, keys: 'skewed' } },
      round: { kind: 'round', instances: 2 },
      wait: { kind: 'wait', instances: 2 },
      out: { kind: 'outlet' },
      last: { kind: 'sum', instances: 3 },
    },
    [
      back,
      { from: 'items.out', to: 'round.in', selector: 'round-robin' },
      { from: 'more.out', to: 'wait.in', selector: 'random' },
      { from: 'round.out', to: 'wait.in', selector: 'fair' },
      { from: 'wait.out', to: 'out.in', selector: 'round-robin' },
      { from: 'out.out', to: 'last.in', selector: byKey },
    ],
  )
  const sum = await runAll({ network, alignMsMax: 3, sinkItemsMax: 4, beginOneIn: 2, abortOneIn: 40 })
  assert.ok(sum.committed > runs && sum.aborted > sum.committed, JSON.stringify(sum))
})

test('AL-8: a sink that is full and a generator before it, which waits for credit, do not wait for each other', async () => {
  const network = networkOf(
    {
      items: { kind: 'source', config: { count: 30, keys: 'even' } },
      double: { kind: 'double', instances: 2 },
      last: { kind: 'sum' },
    },
    [
      { from: 'items.out', to: 'double.in', selector: 'round-robin' },
      { from: 'double.out', to: 'last.in', selector: byKey },
    ],
  )
  const sum = await runAll({ network, alignMsMax: 2, sinkItemsMax: 2 })
  assert.ok(sum.committed > runs && sum.withChannelState > 0, JSON.stringify(sum))
})

test('batches that are open at the cut go on where they were, with what their start and their messages have set', async () => {
  const network = networkOf(
    {
      items: { kind: 'source', config: { count: 40, keys: 'even' } },
      batch: { kind: 'batch' },
      unbatch: { kind: 'unbatch', instances: 2 },
      last: { kind: 'sum' },
    },
    [
      { from: 'items.out', to: 'batch.in', selector: 'round-robin' },
      { from: 'batch.out', to: 'unbatch.in', selector: 'random' },
      { from: 'unbatch.out', to: 'last.in', selector: byKey },
    ],
  )
  for (const alignMsMax of [2, 1_000]) {
    const sum = await runAll({ network, alignMsMax, beginOneIn: 4 })
    assert.ok(sum.committed > runs * 2 && sum.kills > runs, JSON.stringify(sum))
  }
})
