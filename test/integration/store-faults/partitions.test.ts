import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { provideEtcd } from '../../../scripts/servers/etcd.ts'
import { EtcdCluster } from '../../support/etcd-cluster.ts'
import { HostNetwork, namespacesMissing } from '../../support/namespaces.ts'
import { partitionFault } from './networks.ts'
import { type FaultRun, holderRounds, registerRounds } from './rounds.ts'
import { watchRounds } from './watched.ts'

/**
 * Members of etcd and clients, each on a host of its own, between which the network comes apart; clients are killed and stopped
 * as well.
 */

const members = 3
const actors = 3
const provided = await provideEtcd('distribution')
const reason = ('missing' in provided ? provided.missing : namespacesMissing()) ?? false

describe('processes over three members of etcd whose network comes apart', { skip: reason }, () => {
  let network: HostNetwork
  let cluster: EtcdCluster
  before(async () => {
    assert.ok('path' in provided)
    network = await HostNetwork.create(members + actors)
    const hosts = network.hosts.slice(0, members)
    cluster = await EtcdCluster.start({ path: provided.path, members, hosts })
  })
  after(async () => {
    await cluster?.stop()
    await network?.remove()
  })

  const run = (rounds: number, seed: number): FaultRun => ({
    url: `etcd://${cluster.endpoints.join(',')}/partitions-${seed}`,
    actors,
    actorCommands: network.hosts.slice(members).map(({ command }) => command),
    rounds,
    ttlMs: 1000,
    seed,
    storeFault: (random) => partitionFault({ cluster, network }, random),
    storeFaultRounds: 1,
  })

  /** Partitions that no leader has noticed would prove little. */
  async function withElections(body: () => Promise<unknown>): Promise<void> {
    const before = await cluster.term()
    await body()
    const elections = (await cluster.term()) - before
    assert.ok(elections >= 2, `there were only ${elections} elections among the members`)
  }

  test('histories are linearizable', () => withElections(() => registerRounds(run(8, 1))))
  test('an election has one leader at a time', () => withElections(() => holderRounds(run(10, 2), 'lead')))
  test('what watches tell adds up to what is stored, and nothing is written twice', () =>
    withElections(() => watchRounds({ cluster, network }, 8, 3)))
})
