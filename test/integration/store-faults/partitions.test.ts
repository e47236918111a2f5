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

  /**
   * Partitions that no leader has noticed would prove little. Which ones are noticed is a matter of time, so there are more
   * rounds, with faults of their own, until enough were.
   */
  async function withElections(rounds: (seed: number) => Promise<unknown>, seed: number): Promise<void> {
    const before = await cluster.term()
    let elections = 0
    for (let more = 0; more < 5 && elections < 2; more++) {
      await rounds(seed + 10 * more)
      elections = (await cluster.term()) - before
    }
    assert.ok(elections >= 2, `there were only ${elections} elections among the members`)
  }

  test('histories are linearizable', () => withElections((seed) => registerRounds(run(8, seed)), 1))
  test('an election has one leader at a time', () =>
    withElections((seed) => holderRounds(run(10, seed), 'lead'), 2))
  test('what watches tell adds up to what is stored, and nothing is written twice', () =>
    withElections((seed) => watchRounds({ cluster, network }, 8, seed), 3))
})
