import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asPartReport } from '../../../../src/cluster/node/snapshot-messages.ts'
import type { InstanceManifest } from '../../../../src/snapshot/manifest.ts'
import type { PartReport } from '../../../../src/snapshot/part.ts'

test('a part that another node has stored arrives with all that the manifest has of it', () => {
  // So that a field that is added there is missed here.
  const part: Required<InstanceManifest> = {
    component: 'count',
    instance: 1,
    instances: 2,
    isFinished: false,
    hasChannelState: true,
    keyGroups: [128, 255],
    stateVersion: 3,
    states: [{ name: 'seen', type: 'map', scope: 'keyed', hasTtl: true }],
    files: [{ name: 'a', kind: 'full', bytes: 1, checksum: 2, until: 3 }],
  }
  const about = { generation: 4, snapshot: 5, instance: 6, alignedMs: 0.5, storedMs: 7 }
  const report: PartReport = { type: 'part-stored', ...about, part }
  assert.deepEqual(asPartReport(structuredClone(report)), report)
  const { states: _, ...without } = part
  const old: PartReport = { type: 'part-stored', ...about, part: without }
  assert.deepEqual(asPartReport(structuredClone(old)), old)
})
