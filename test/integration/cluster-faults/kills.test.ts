import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { FaultyCluster, nowMs } from './cluster.ts'
import type { NodeProcess } from './nodes.ts'
import { type OpenSubject, rounds, subjects } from './subjects.ts'

/**
 * Nodes are killed, over and over, and started again. Each time everything runs again, by plans of which each follows from
 * the one before; no instance emits from two processes; and between ends that live nothing is lost or doubled.
 */

/** Of each kind; `VERTIGO_CLUSTER_ROUNDS=15` and more for a longer look. */
const gateRounds = 5

for (const { name, skip, open } of subjects)
  describe(`nodes that are killed, over ${name}`, { skip }, () => {
    let store: OpenSubject
    let cluster: FaultyCluster
    before(async () => {
      store = await open()
      cluster = await FaultyCluster.start({ storeUrl: store.url })
      const sinceMs = nowMs()
      await cluster.deploy(cluster.net())
      await cluster.flows(sinceMs)
    })
    after(async () => {
      await cluster?.stop()
      await store?.close()
    })

    /** Gives how long it took until messages came by all ways again. */
    async function killed(victim: NodeProcess): Promise<number> {
      const hosted = (await cluster.status()).instances.filter(({ node }) => node === victim.id)
      const sinceMs = nowMs()
      await victim.kill()
      const { instances } = await cluster.flows(sinceMs)
      const tookMs = nowMs() - sinceMs
      assert.ok(
        instances.every(({ node }) => node !== victim.id),
        `${victim.id} hosts nothing`,
      )
      assert.equal(instances.length, 7, `${hosted.length} of them were on ${victim.id}`)
      victim.start()
      await victim.joined()
      await cluster.confess()
      return tookMs
    }

    async function over(count: number, victim: () => Promise<NodeProcess>): Promise<string> {
      const took: number[] = []
      for (let round = 0; round < count; round++) took.push(await killed(await victim()))
      cluster.checkAll()
      const sorted = took.toSorted((a, b) => a - b).map((ms) => Math.round(ms))
      return `all ran again within ${sorted.at(sorted.length >> 1)} ms (median), ${sorted.at(-1)} ms (at most)`
    }

    test('a node that does not manage', async (t) => {
      t.diagnostic(await over(rounds(gateRounds), () => cluster.hosting()))
    })

    test('the node of the manager', async (t) => {
      const { term } = cluster.plans.at(-1)!
      t.diagnostic(await over(rounds(gateRounds), () => cluster.manager()))
      assert.ok(cluster.plans.at(-1)!.term > term, 'others managed')
    })
  })
