import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { provideEtcd } from '../../../scripts/servers/etcd.ts'
import { EtcdCluster } from '../../support/etcd-cluster.ts'
import { HostNetwork, namespacesMissing } from '../../support/namespaces.ts'
import { FaultyCluster, nowMs } from './cluster.ts'

/** Three nodes, each on a host of its own, and the store on another one: what a test of the network between them begins with. */

const hostCount = 3
const provided = await provideEtcd('distribution')

/** Why there can be none on this machine; false where there can. */
export const hostsMissing: string | false =
  ('missing' in provided ? provided.missing : namespacesMissing()) ?? false

export interface Hosts {
  readonly network: HostNetwork
  readonly cluster: FaultyCluster
}

/** For a whole suite, with messages that flow; what it gives can be used in its tests. */
export function clusterOnHosts(name: string, ttlMs: number): () => Hosts {
  let network: HostNetwork
  let etcd: EtcdCluster
  let cluster: FaultyCluster
  before(async () => {
    assert.ok('path' in provided)
    network = await HostNetwork.create(hostCount)
    etcd = await EtcdCluster.start({ path: provided.path, hosts: [{ address: network.own, command: [] }] })
    const storeUrl = `etcd://${etcd.endpoints.join(',')}/${name}`
    cluster = await FaultyCluster.start({ storeUrl, ttlMs, hosts: network.hosts })
    const sinceMs = nowMs()
    await cluster.deploy(cluster.net())
    await cluster.flows(sinceMs)
  })
  after(async () => {
    await cluster?.stop()
    await etcd?.stop()
    await network?.remove()
  })
  return () => ({ network, cluster })
}
