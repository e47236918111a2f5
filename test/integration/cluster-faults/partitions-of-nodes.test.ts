import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { sleep, systemClock } from '../../../src/base/clock.ts'
import { eventually } from '../../support/eventually.ts'
import { nowMs, settleMsMax } from './cluster.ts'
import { clusterOnHosts, type Hosts, hostsMissing } from './hosts.ts'

/**
 * Each node on a host of its own, the store on another one. Who is cut off from other nodes only goes on with the store, and what it
 * could not send or get comes when the network is whole again.
 */

describe('a cluster whose nodes lose each other, and not the store', { skip: hostsMissing }, () => {
  // What is asserted is that it is kept alive, also by a machine that stands still for some seconds.
  const ttlMs = 10_000
  let network: Hosts['network']
  let cluster: Hosts['cluster']
  const started = clusterOnHosts('links', ttlMs)
  before(() => {
    ;({ network, cluster } = started())
  })

  const others = (at: number): readonly string[] =>
    network.hosts.flatMap(({ address }, index) => (index === at ? [] : [address]))

  for (const only of [undefined, 'in'] as const)
    test(`a node loses the other nodes for longer than a lease (${only ?? 'both ways'})`, async () => {
      const victim = await cluster.hosting()
      const at = cluster.nodes.indexOf(victim)
      const fenced = cluster.nodes.map((node) => node.of('fenced').length)
      // Others may be, where the machine is too busy.
      const fencedPids = (): ReadonlySet<number> =>
        new Set(
          cluster.nodes.flatMap((node, index) =>
            node.of('fenced').length > fenced[index]! ? [node.pid] : [],
          ),
        )
      const cutMs = nowMs()
      await network.cut(at, { from: others(at), ...(only !== undefined && { only }) })
      await sleep(systemClock, ttlMs * 1.5)
      await network.heal(at)
      await cluster.flows(nowMs())
      assert.equal(victim.of('fenced').length, fenced[at], 'its lease was kept alive')
      // Long enough for instances to have been given up for the links: these have drained beside their successors.
      cluster.checkAll({ oneEmitter: false, drains: true })
      const untilMs = nowMs()
      let missing: readonly string[] = []
      await eventually(
        'all that was emitted has come to those who lived through it',
        () => (missing = cluster.journal.read().missing(cutMs, untilMs, fencedPids())).length === 0,
        settleMsMax,
      ).catch((error: unknown) => {
        throw new Error(missing.join('\n'), { cause: error })
      })
    })
})
