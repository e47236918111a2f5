import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { NetworkStatus } from '../../../src/cluster/client/status.ts'
import { earlierMs } from '../../../src/cluster/protocol/index.ts'
import { eventually } from '../../support/eventually.ts'
import { FaultyCluster, type NetworkText, nowMs, settleMsMax } from './cluster.ts'

/**
 * A component that takes the process of its node with it: the cluster must not hand it from node to node until none is left
 * (DT-2). Of three nodes one stays, with all else that ran.
 */

const copies = { tick: 1, hop: 2, end: 1 }

function poison(cluster: FaultyCluster, boom: NetworkText['components'][string]): NetworkText {
  return {
    name: 'poison',
    guarantee: 'at-most-once',
    components: { source: cluster.component('ticks'), boom },
    connections: [{ from: 'source.out', to: 'boom.in' }],
  }
}

const isHeld = ({ instances }: NetworkStatus): boolean =>
  instances.some(({ component, state, reason }) => {
    return component === 'boom' && state === 'waiting' && reason?.startsWith('It is held back') === true
  })

describe('a component that aborts its process', () => {
  for (const [when, atSetup] of [
    ['while it is set up', 1],
    ['by its first message', 0],
  ] as const)
    test(`${when} ends two nodes, and not the third`, async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'vertigo-poison-'))
      const cluster = await FaultyCluster.start({ storeUrl: `lmdb:${join(folder, 'store')}`, ttlMs: 10_000 })
      try {
        await cluster.deploy(cluster.net(copies))
        await cluster.flows(nowMs(), copies)
        // What came to the same node at the same time could be to blame as well.
        const quietMs = nowMs() + 2 * earlierMs
        await eventually('the other network has worked for a while', () => nowMs() > quietMs || undefined)
        for (const node of cluster.nodes) node.expectEnd()
        const sinceMs = nowMs()
        await cluster.deploy(poison(cluster, cluster.component('aborts', { atSetup })))
        const held = await cluster.until('the component is held back', isHeld, 'poison')
        t.diagnostic(`held back after ${Math.round(nowMs() - sinceMs)} ms`)
        assert.deepEqual(
          held.failures.map(({ component, count, error }) => [component, count, error.code]),
          [['boom', 2, 'NODES_DIED']],
        )
        await eventually(
          'two nodes are known to have ended',
          () => cluster.nodes.filter(({ lives }) => lives).length === 1 || undefined,
          settleMsMax,
        )
        const { instances } = await cluster.flows(nowMs(), copies)
        assert.equal(new Set(instances.map(({ node }) => node)).size, 1, 'all else runs on the third')

        // It is mended: nothing is left of what was before.
        await cluster.deploy(poison(cluster, cluster.component('ends')))
        const mended = await cluster.until('it runs', ({ state }) => state === 'running', 'poison')
        assert.deepEqual(mended.failures, [])
        for (const node of cluster.nodes) if (!node.lives) node.start()
        await Promise.all(cluster.nodes.map((node) => node.joined()))
        await cluster.flows(nowMs(), copies)
        cluster.checkAll()
      } finally {
        await cluster.stop()
        rmSync(folder, { recursive: true, force: true })
      }
    })
})
