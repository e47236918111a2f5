import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EtcdCluster } from '../../test/support/etcd-cluster.ts'
import { HostNetwork, namespacesMissing } from '../../test/support/namespaces.ts'
import { memberFault } from '../../test/integration/store-faults/members.ts'
import { partitionFault } from '../../test/integration/store-faults/networks.ts'
import type { FaultRun } from '../../test/integration/store-faults/rounds.ts'
import { provideEtcd } from '../servers/etcd.ts'

/** A store that processes use while they and it fail. */
export interface StoreGround {
  run(seed: number, name: string): FaultRun
  close(): Promise<void> | void
}

/** Of one scenario. A history of many more takes long to check. */
const rounds = 20
/** A process that is started takes about a second to be at work. */
const calmMsMax = 500
/** Of etcd. As root, each is a host of its own, and the network between them comes apart. */
const members = 3
const actors = 3

export const storeGrounds: Readonly<Record<'lmdb' | 'etcd', () => Promise<StoreGround>>> = {
  async lmdb() {
    const home = mkdtempSync(join(tmpdir(), 'vertigo-soak-'))
    return {
      run: (seed, name) => ({
        url: `lmdb:${home}/${name}-${seed}`,
        actors: 4,
        rounds,
        ttlMs: 300,
        seed,
        calmMsMax,
      }),
      close: () => rmSync(home, { recursive: true, force: true }),
    }
  },
  async etcd() {
    const provided = await provideEtcd('distribution')
    if ('missing' in provided) throw new Error(provided.missing)
    const network = namespacesMissing() === undefined ? await HostNetwork.create(members + actors) : undefined
    const hosts = network && { hosts: network.hosts.slice(0, members) }
    let cluster: EtcdCluster
    try {
      cluster = await EtcdCluster.start({ path: provided.path, members, ...hosts })
    } catch (error) {
      await network?.remove()
      throw error
    }
    const endpoints = cluster.endpoints.join(',')
    return {
      run: (seed, name) => ({
        url: `etcd://${endpoints}/soak-${name}-${seed}`,
        actors,
        ...(network && { actorCommands: network.hosts.slice(members).map(({ command }) => command) }),
        rounds,
        ttlMs: 1_000,
        seed,
        storeFault: (random) =>
          network !== undefined && random.int(2) === 0
            ? partitionFault({ cluster, network }, random)
            : memberFault(cluster, random),
        storeFaultRounds: 3,
        calmMsMax,
      }),
      async close() {
        await cluster.stop()
        await network?.remove()
      },
    }
  },
}
