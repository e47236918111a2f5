import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assignmentsOf } from '../../../../src/cluster/agent/assignments.ts'
import { withSnapshots } from '../../../../src/cluster/agent/restoring.ts'
import type { InstanceManifest, SnapshotManifest } from '../../../../src/snapshot/manifest.ts'
import { byVersion, plan, type Placed, version } from './plans.ts'

function part(component: string): InstanceManifest {
  return {
    component,
    instance: 0,
    instances: 1,
    isFinished: false,
    hasChannelState: false,
    keyGroups: null,
    stateVersion: 1,
    files: [],
  }
}

test('a component whose state is discarded goes on from nothing, and hears what its sink has left', () => {
  const v1 = version(1, { components: { a: 1, b: 1 }, connections: [['a.out', 'b.in']], sources: ['a'] })
  const placed: Placed[] = [
    ['a[0]', 1, 1],
    ['b[0]', 2, 1],
  ]
  const assignments = assignmentsOf(plan(2, [v1], placed), byVersion(v1))
  const snapshot: SnapshotManifest = {
    network: 'net',
    incarnation: 1,
    generation: 1,
    id: 7,
    predecessor: null,
    instances: [part('a'), part('b')],
  }
  const [assigned] = withSnapshots(assignments, 'cluster', {
    restores: { discards: ['b'] },
    snapshot,
    wrote: undefined,
  })
  const given = assigned!.instances.map(({ component, restore, discarded }) => [
    component,
    restore?.parts.length,
    discarded?.parts.length,
  ])
  assert.deepEqual(given, [
    ['a', 1, undefined],
    ['b', undefined, 1],
  ])
})
