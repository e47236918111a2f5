import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { defaultLineLimits } from '../../../src/transport/tcp/limits.ts'
import { eventually } from '../../support/eventually.ts'
import { nowMs, settleMsMax } from './cluster.ts'
import { clusterOnHosts, type Hosts, hostsMissing } from './hosts.ts'

/**
 * Two nodes on hosts of their own lose the link between them, and none of both the store or the third. Both leases live, so nobody
 * is dead: the instances of one of the two move, and what was on its way between the two comes when the link works again.
 */

/** Long, so that a busy machine ends none: both leases are to live. */
const ttlMs = 10_000

/** To be noticed by both, planned, set up and opened; where one side alone must be sure of it, that takes longer than a lease. */
const boundMs = defaultLineLimits.linkLossMs + 1.5 * ttlMs + 25_000

describe('a broken link between two living nodes', { skip: hostsMissing }, () => {
  let network: Hosts['network']
  let cluster: Hosts['cluster']
  const started = clusterOnHosts('links', ttlMs)
  before(() => {
    ;({ network, cluster } = started())
  })

  /** Nodes with instances that do not drain. */
  const hosts = (): ReadonlySet<string> => {
    const { workers, instances } = cluster.plans.at(-1)!
    const working = new Set(instances.filter(({ draining }) => !draining).map(({ worker }) => worker))
    return new Set(workers.filter(({ worker }) => working.has(worker)).map(({ node }) => node))
  }

  for (const only of [undefined, 'in', 'out'] as const)
    test(`moves what one of them has, and loses nothing (${only ?? 'both ways'})`, async (t) => {
      const [one, other] = [...hosts()].toSorted()
      assert.ok(one !== undefined && other !== undefined, 'two nodes have something')
      const at = cluster.nodes.findIndex(({ id }) => id === one)
      const { address } = network.hosts[cluster.nodes.findIndex(({ id }) => id === other)]!
      const fenced = cluster.nodes.map((node) => node.of('fenced').length)
      const plansBefore = cluster.plans.length
      const cutMs = nowMs()
      await network.cut(at, { from: [address], ...(only !== undefined && { only }) })
      let emittedMs: number
      let movedMs: number
      try {
        await eventually(
          'one of the two gives way',
          () => !(hosts().has(one) && hosts().has(other)),
          settleMsMax,
        )
        movedMs = nowMs()
        await cluster.flows(movedMs)
        emittedMs = cluster.journal.read().firstOfAllMs(movedMs)
        let pairs = ''
        const expected = [`${one} ${other}`, `${other} ${one}`].join()
        await eventually(
          'both say of each other that they do not reach it',
          async () => {
            const states = await cluster.operation.nodes([])
            const all = states.flatMap(({ id, unreached = [] }) =>
              unreached.map(({ node }) => `${id} ${node}`),
            )
            return (pairs = all.toSorted().join()) === expected
          },
          settleMsMax,
        ).catch((error: unknown) => assert.fail(`${String(error)}: ${pairs}`))
      } finally {
        await network.heal(at)
      }
      t.diagnostic(`all ways were open again after ${Math.round(emittedMs - cutMs)} ms`)
      assert.ok(
        emittedMs - cutMs < boundMs,
        `all ways were open again after ${Math.round(emittedMs - cutMs)} ms`,
      )
      await eventually(
        'nobody says any more that the link is broken',
        async () => {
          const states = await cluster.operation.nodes([])
          return states.every(({ unreached }) => unreached === undefined)
        },
        settleMsMax,
      )
      await eventually(
        'what was given up has come to its end',
        () => cluster.plans.at(-1)!.instances.every(({ draining }) => !draining),
        settleMsMax,
      )
      await cluster.flows(nowMs())
      cluster.checkPlans()
      for (const [index, node] of cluster.nodes.entries())
        assert.deepEqual(node.of('fenced').slice(fenced[index]), [], `the lease of ${node.id} was kept alive`)
      const untilMs = nowMs()
      let missing: readonly string[] = []
      await eventually(
        'all that was emitted has come to those who lived through it',
        () => (missing = cluster.journal.read().missing(cutMs, untilMs)).length === 0,
        settleMsMax,
      ).catch((error: unknown) => assert.fail(`${String(error)}: ${missing.join(', ')}`))
      cluster.journal.checkChannels({ drains: true })
      assert.ok(cluster.plans.length - plansBefore <= 6, `${cluster.plans.length - plansBefore} plans`)
    })
})
