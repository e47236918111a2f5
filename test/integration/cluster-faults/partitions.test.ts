import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { eventually } from '../../support/eventually.ts'
import type { Cut } from '../../support/namespaces.ts'
import { nowMs, settleMsMax } from './cluster.ts'
import { clusterOnHosts, type Hosts, hostsMissing } from './hosts.ts'
import type { NodeProcess } from './nodes.ts'

/**
 * Each node on a host of its own, the store on another one; the network between them comes apart. Who is cut off from the
 * store does nothing that counts once others have taken over.
 */

describe('a cluster whose network comes apart', { skip: hostsMissing }, () => {
  let network: Hosts['network']
  let cluster: Hosts['cluster']
  // Short: each test waits for the end of one.
  const started = clusterOnHosts('partitions', 2_000)
  before(() => {
    ;({ network, cluster } = started())
  })

  /** Cut off from the store, in a way that others cannot hear of its lease. */
  async function loses(victim: NodeProcess, cut: Cut): Promise<void> {
    const at = cluster.nodes.indexOf(victim)
    const fenced = victim.of('fenced').length
    const joins = victim.of('joined').length
    const { pid } = victim
    await network.cut(at, cut)
    try {
      await cluster.until(
        'others have taken over',
        ({ state, instances }) => state === 'running' && instances.every(({ node }) => node !== victim.id),
      )
      const takenOverMs = nowMs()
      await eventually('it fences itself', () => victim.of('fenced').length > fenced, settleMsMax)
      const fencedMs = nowMs()
      await cluster.flows(fencedMs)
      const { born, emits, gets } = cluster.journal.read()
      const isCut = (life: string): boolean => born.get(life)!.pid === pid
      assert.deepEqual(
        emits.filter(({ life, tMs }) => isCut(life) && tMs > fencedMs + 250),
        [],
        'it emits nothing once it is fenced',
      )
      assert.deepEqual(
        gets.filter(({ life, message, tMs }) => isCut(message.from) && !isCut(life) && tMs > takenOverMs),
        [],
        'nobody takes anything from it',
      )
    } finally {
      await network.heal(at)
    }
    await victim.joined(joins + 1)
    await cluster.flows(nowMs())
    cluster.checkPlans()
    cluster.journal.checkChannels()
  }

  test('a node loses the store, and not the others', async () =>
    loses(await cluster.hosting(), { from: [network.own] }))
  test('the node of the manager loses the store, and not the others', async () =>
    loses(await cluster.manager(), { from: [network.own] }))
  test('a node loses all others', async () => loses(await cluster.hosting(), {}))
  test('the node of the manager loses all others', async () => loses(await cluster.manager(), {}))
  test('a node says nothing any more, and hears', async () => loses(await cluster.hosting(), { only: 'out' }))
  test('the node of the manager hears nothing any more, and speaks', async () =>
    loses(await cluster.manager(), { only: 'in' }))

  test('all nodes lose the store: everything stops, and resumes when it is back', async () => {
    const joins = cluster.nodes.map((node) => node.of('joined').length)
    const fenced = cluster.nodes.map((node) => node.of('fenced').length)
    for (const at of network.hosts.keys()) await network.cut(at, { from: [network.own] })
    await eventually(
      'all nodes fence themselves',
      () => cluster.nodes.every((node, at) => node.of('fenced').length > fenced[at]!),
      settleMsMax,
    )
    for (const at of network.hosts.keys()) await network.heal(at)
    await Promise.all(cluster.nodes.map((node, at) => node.joined(joins[at]! + 1)))
    await cluster.flows(nowMs())
    cluster.checkPlans()
    cluster.journal.checkChannels({ drains: true })
  })
})
