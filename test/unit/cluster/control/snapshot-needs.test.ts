import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isGoneOnFrom, snapshotNeeds } from '../../../../src/cluster/control/snapshot-needs.ts'
import { takeIds } from '../../../../src/cluster/control/snapshot-transactions.ts'
import {
  asGeneration,
  asVersion,
  ClusterKeys,
  type DesiredNetwork,
  lineageRecord,
  type NetworkOutcome,
  NetworkView,
  type OpenRecord,
  type Plan,
  type Recorded,
  type SnapshotRecord,
  SnapshotsView,
} from '../../../../src/cluster/protocol/index.ts'
import { versionOf } from '../../../scenario/support/networks.ts'

const manifest = { name: 'net/7/3/manifest', bytes: 1, checksum: 1 }

const snapshot = (change: Partial<SnapshotRecord> = {}): SnapshotRecord => ({
  id: 3,
  incarnation: 7,
  generation: asGeneration(2),
  version: asVersion(1),
  predecessor: null,
  committedAtMs: 0,
  tookMs: 1,
  bytes: 1,
  manifest,
  finished: [],
  hasChannelState: false,
  isLast: false,
  names: [],
  ...change,
})

const planFrom = (generation: number, restores?: Plan['restores']): Plan =>
  ({ generation: asGeneration(generation), ...(restores && { restores }) }) as Plan

test('a generation commits on what it goes on from, or has made', () => {
  const restores = { id: 3, incarnation: 7, manifest }
  assert.ok(isGoneOnFrom(planFrom(1), undefined))
  assert.ok(isGoneOnFrom(planFrom(2), snapshot()))
  assert.ok(isGoneOnFrom(planFrom(3, restores), snapshot()))
  assert.ok(!isGoneOnFrom(planFrom(3), snapshot()))
  assert.ok(!isGoneOnFrom(planFrom(3, { ...restores, id: 2 }), snapshot()))
  assert.ok(!isGoneOnFrom(planFrom(3, { ...restores, incarnation: 6 }), snapshot()))
})

test('one that goes on from the snapshot that was chosen, but not by that choice, commits nothing', () => {
  const restores = { id: 3, incarnation: 7, manifest }
  const chosen = snapshot({ generation: asGeneration(0), chosenFor: asVersion(4), discards: ['a'] })
  assert.ok(!isGoneOnFrom(planFrom(3, restores), chosen))
  assert.ok(!isGoneOnFrom(planFrom(4, { ...restores, chosenFor: asVersion(3) }), chosen))
  assert.ok(isGoneOnFrom(planFrom(4, { ...restores, chosenFor: asVersion(4) }), chosen))
})

test('a network that has come to its end needs none: its last one is let go of, and the next would be gone on from', () => {
  const view = new NetworkView('net', new ClusterKeys('c').network('net'))
  const version = asVersion(1)
  const generation = asGeneration(1)
  const record = versionOf(1, ['a'])
  view.versions.set(version, recorded({ ...record, flat: { ...record.flat, guarantee: 'exactly-once' } }))
  view.desired = recorded({ goal: 'run', version } as DesiredNetwork)
  view.plan = recorded({
    version,
    generation,
    instances: [{ id: 1, component: 'a', index: 0 }],
  } as unknown as Plan)
  view.open = recorded({ generation } as OpenRecord)
  assert.ok(snapshotNeeds(view))
  for (const state of ['finished', 'stopped'] as const) {
    view.outcome = recorded({ version, state } as NetworkOutcome)
    assert.equal(snapshotNeeds(view), undefined, state)
  }
  view.outcome = recorded({ version, state: 'running' } as NetworkOutcome)
  assert.ok(snapshotNeeds(view))
})

test('ids go on where they were, and after an import of the store in a later incarnation', () => {
  const view = new SnapshotsView(new ClusterKeys('c').network('net').snapshots)
  assert.deepEqual(pick(takeIds(view, 9_000_000)), [1, 9_000])
  // The record is gone, and the clock is behind what it goes on from.
  view.committed = recorded({ incarnation: 9_500 } as SnapshotRecord)
  assert.deepEqual(pick(takeIds(view, 9_000_000)), [1, 9_501])
  view.committed = undefined
  const value = { incarnation: 9_000, below: 129 }
  const entry = { key: view.keys.lineage, value: lineageRecord.encode(value) }
  view.lineage = { value, entry: { ...entry, createRevision: 1, modRevision: 1, version: 1 } }
  assert.deepEqual(pick(takeIds(view, 12_000_000)), [129, 9_000])
  assert.deepEqual(pick(takeIds(view, 12_000_000, 11_000_500)), [129, 11_000])
  assert.deepEqual(pick(takeIds(view, 12_000_000, 8_000_000)), [129, 9_000])
})

function recorded<T>(value: T): Recorded<T> {
  return {
    value,
    entry: { key: 'k', value: new Uint8Array(), createRevision: 1, modRevision: 1, version: 1 },
  }
}

function pick({ first, incarnation }: ReturnType<typeof takeIds>): [number, number] {
  return [first, incarnation]
}
