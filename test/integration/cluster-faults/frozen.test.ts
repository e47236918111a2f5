import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { eventually } from '../../support/eventually.ts'
import { FaultyCluster, nowMs } from './cluster.ts'
import type { NodeProcess } from './nodes.ts'
import { type OpenSubject, subjects } from './subjects.ts'

/**
 * A node stands still for three times the life of its lease, and wakes. What it hosted runs elsewhere by then, and nothing
 * that it sends on waking is taken by anybody; it joins again as another life.
 */

const ttlMs = 2_000
/**
 * A store in a folder ends who stands still inside a transaction: then it was no freeze. A machine that stands still for half a lease
 * costs others theirs: then it is not known what the waking has changed. Another one is tried.
 */
const triesMax = 5

for (const { name, skip, open } of subjects)
  describe(`a node that stands still, over ${name}`, { skip }, () => {
    let store: OpenSubject
    let cluster: FaultyCluster
    before(async () => {
      store = await open()
      cluster = await FaultyCluster.start({ storeUrl: store.url, ttlMs })
      const sinceMs = nowMs()
      await cluster.deploy(cluster.net())
      await cluster.flows(sinceMs)
    })
    after(async () => {
      await cluster?.stop()
      await store?.close()
    })

    /** False where nothing was shown: the store ended it, or other nodes lost their leases, too. */
    async function freeze(t: TestContext, victim: NodeProcess): Promise<boolean> {
      const { pid } = victim
      const others = cluster.nodes.filter((node) => node !== victim)
      const lost = (): number => others.reduce((sum, node) => sum + node.of('fenced').length, 0)
      const lostBefore = lost()
      const sinceMs = nowMs()
      victim.freeze()
      const { instances, generation } = await cluster.flows(sinceMs + ttlMs / 2)
      t.diagnostic(`all ran again within ${Math.round(nowMs() - sinceMs)} ms`)
      assert.ok(
        instances.every(({ node }) => node !== victim.id),
        'others took over',
      )
      const takenOverMs = nowMs()
      await eventually('three lives of its lease pass', () => nowMs() - sinceMs > 3 * ttlMs)
      if (!victim.lives) {
        victim.start()
        await victim.joined()
        return false
      }
      const { incarnation } = victim.of('joined').at(-1)!
      const joins = victim.of('joined').length
      victim.wake()
      await victim.joined(joins + 1)
      assert.ok(victim.of('fenced').length > 0, 'it says that its lease is lost')
      assert.notEqual(victim.of('joined').at(-1)!.incarnation, incarnation, 'it joins as another life')
      const wokenMs = nowMs()
      const { generation: last } = await cluster.flows(wokenMs)
      const { born, gets } = cluster.journal.read()
      const isOld = (life: string): boolean => born.get(life)!.pid === pid && born.get(life)!.tMs < sinceMs
      const late = gets.filter(
        ({ life, message, tMs }) => tMs > takenOverMs && isOld(message.from) && !isOld(life),
      )
      assert.deepEqual(late, [], 'nothing that it sends is taken')
      cluster.checkPlans()
      cluster.journal.checkChannels()
      if (last === generation) return true
      await eventually(
        'its waking changes nothing, or others have lost their leases',
        () => lost() > lostBefore,
      ).catch((error: unknown) => {
        throw new Error(`from generation ${generation} to ${last}; ${cluster.troubles()}`, { cause: error })
      })
      t.diagnostic('other nodes lost their leases meanwhile; it is tried again')
      return false
    }

    async function frozen(t: TestContext, victim: () => Promise<NodeProcess>): Promise<void> {
      for (let tries = 0; tries < triesMax; tries++) if (await freeze(t, await victim())) return
      assert.fail('the store ended it, or others lost their leases, each time')
    }

    test('one that does not manage', (t) => frozen(t, () => cluster.hosting()))
    test('the node of the manager', (t) => frozen(t, () => cluster.manager()))
  })
