import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { provideEtcd } from '../../../scripts/servers/etcd.ts'
import { EtcdCluster } from '../../support/etcd-cluster.ts'
import { HostNetwork, namespacesMissing } from '../../support/namespaces.ts'
import { FaultyCluster } from '../cluster-faults/cluster.ts'
import { memberFaults, partitionFaults, processFaults } from './faults.ts'
import type { Fault } from './killer.ts'
import type { NetworkOptions } from './network.ts'
import { collectionsOf } from './targets/collections.ts'
import { filesIn } from './targets/files.ts'
import { kafkaAt, kafkaMissing } from './targets/kafka.ts'
import { postgresAt, postgresMissing } from './targets/postgres.ts'
import type { Target } from './targets/target.ts'

/** Three nodes over a real store, and what can fail there. */
export interface Arena {
  readonly cluster: FaultyCluster
  readonly faults: readonly Fault[]
  /** Of the snapshots. */
  readonly storage: string
  readonly targets: readonly Target[]
  /** How its network keeps what is at work. */
  readonly keeping: Pick<NetworkOptions, 'state' | 'journal'>
  /** What the source of calls has given, and knows to be kept. */
  readonly noted: string
  /** A file that is made by `callHurry`. */
  readonly hurry: string
  callHurry(): void
  close(): Promise<void>
}

const nodes = 3
const members = 3

const provided = await provideEtcd('distribution')
/** Why there is no etcd; false where there is. */
export const etcdMissing: string | false = 'missing' in provided ? provided.missing : false
/** Why the network between hosts cannot come apart; false where it can. */
export const partitionsMissing: string | false = namespacesMissing() ?? false

export type OpenArena = (ttlMs: number) => Promise<Arena>

/** What differs between arenas. */
type Ground = Pick<Arena, 'cluster' | 'faults' | 'targets' | 'keeping'>

export const arenas: Readonly<Record<'lmdb' | 'etcd', OpenArena>> = {
  /** A journal is its node's own. State is in LMDB. */
  lmdb: (ttlMs) =>
    begin(async (folder, own) => {
      const storeUrl = `lmdb:${folder}/store`
      const collections = own(await collectionsOf(storeUrl))
      const cluster = await FaultyCluster.start({ storeUrl, nodes, ttlMs })
      own({ close: () => cluster.stop() })
      const targets = [filesIn(outOf(folder)), collections]
      const keeping = { state: { backend: 'lmdb' as const } }
      return { cluster, faults: processFaults(ttlMs), targets, keeping }
    }),

  /**
   * As root, each member and each node is a host of its own, and the network between them comes apart; servers that are published to
   * are where the test is. State is in memory. All nodes share the folder of the journals.
   */
  etcd: (ttlMs) =>
    begin(async (folder, own) => {
      if ('missing' in provided) throw new Error(provided.missing)
      const network = partitionsMissing === false ? await HostNetwork.create(members + nodes) : undefined
      own({ close: async () => network?.remove() })
      const hosts = network?.hosts
      const atMembers = hosts && { hosts: hosts.slice(0, members) }
      const etcd = await EtcdCluster.start({ path: provided.path, members, ...atMembers })
      own({ close: () => etcd.stop() })
      const servers = []
      if (postgresMissing === false) servers.push(own(await postgresAt(network?.own ?? loopback)))
      if (kafkaMissing === false) servers.push(own(await kafkaAt(network?.own ?? loopback)))
      const storeUrl = `etcd://${etcd.endpoints.join(',')}/killer`
      const atNodes = hosts && { hosts: hosts.slice(members) }
      const cluster = await FaultyCluster.start({ storeUrl, nodes, ttlMs, ...atNodes })
      own({ close: () => cluster.stop() })
      const faults = [
        ...processFaults(ttlMs),
        ...memberFaults(etcd),
        ...servers.flatMap((server) => server.faults),
      ]
      if (network !== undefined) faults.push(...partitionFaults({ network, first: members }, cluster, ttlMs))
      const keeping = { journal: { folder: join(folder, 'journals') } }
      return { cluster, faults, targets: [filesIn(outOf(folder)), ...servers], keeping }
    }),
}

const loopback = '127.0.0.1'

function outOf(folder: string): string {
  const out = join(folder, 'out')
  mkdirSync(out)
  return out
}

type Owned = Pick<Target, 'close'>

/** What `start` opens, it gives to `own`: all of it is closed in the end, what came last first. */
async function begin(
  start: (folder: string, own: <T extends Owned>(one: T) => T) => Promise<Ground>,
): Promise<Arena> {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-killer-'))
  const opened: Owned[] = []
  const close = async (): Promise<void> => {
    for (const one of opened.splice(0).toReversed()) await one.close()
    rmSync(folder, { recursive: true, force: true })
  }
  const hurry = join(folder, 'hurry')
  try {
    const ground = await start(folder, (one) => {
      opened.push(one)
      return one
    })
    return {
      ...ground,
      // On one machine, a folder is shared.
      storage: `${pathToFileURL(join(folder, 'snapshots')).href}?shared`,
      noted: join(folder, 'noted'),
      hurry,
      callHurry: () => writeFileSync(hurry, ''),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
