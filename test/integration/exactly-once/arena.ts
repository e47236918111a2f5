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

/** Three nodes over a real store, and what can fail there. */
export interface Arena {
  readonly cluster: FaultyCluster
  readonly faults: readonly Fault[]
  /** Of the snapshots. */
  readonly storage: string
  /** For what is published in files. */
  readonly out: string
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

export const arenas: Readonly<Record<'lmdb' | 'etcd', OpenArena>> = {
  async lmdb(ttlMs) {
    const folder = mkdtempSync(join(tmpdir(), 'vertigo-killer-'))
    const storeUrl = `lmdb:${folder}/store`
    const close = async (): Promise<void> => rmSync(folder, { recursive: true, force: true })
    return begin(folder, close, async () => {
      const cluster = await FaultyCluster.start({ storeUrl, nodes, ttlMs })
      return { cluster, faults: processFaults(ttlMs) }
    })
  },

  /** As root, each member and each node is a host of its own, and the network between them comes apart. */
  async etcd(ttlMs) {
    if ('missing' in provided) throw new Error(provided.missing)
    const { path } = provided
    const folder = mkdtempSync(join(tmpdir(), 'vertigo-killer-'))
    let network: HostNetwork | undefined
    let etcd: EtcdCluster | undefined
    const close = async (): Promise<void> => {
      await etcd?.stop()
      await network?.remove()
      rmSync(folder, { recursive: true, force: true })
    }
    return begin(folder, close, async () => {
      if (partitionsMissing === false) network = await HostNetwork.create(members + nodes)
      const hosts = network?.hosts
      etcd = await EtcdCluster.start({ path, members, ...(hosts && { hosts: hosts.slice(0, members) }) })
      const storeUrl = `etcd://${etcd.endpoints.join(',')}/killer`
      const options = { storeUrl, nodes, ttlMs, ...(hosts && { hosts: hosts.slice(members) }) }
      const cluster = await FaultyCluster.start(options)
      const faults = [...processFaults(ttlMs), ...memberFaults(etcd)]
      if (network !== undefined) faults.push(...partitionFaults({ network, first: members }, cluster, ttlMs))
      return { cluster, faults }
    })
  },
}

async function begin(
  folder: string,
  close: () => Promise<void>,
  start: () => Promise<Pick<Arena, 'cluster' | 'faults'>>,
): Promise<Arena> {
  const hurry = join(folder, 'hurry')
  const out = join(folder, 'out')
  mkdirSync(out)
  try {
    const { cluster, faults } = await start()
    return {
      cluster,
      faults,
      // On one machine, a folder is shared.
      storage: `${pathToFileURL(join(folder, 'snapshots')).href}?shared`,
      out,
      hurry,
      callHurry: () => writeFileSync(hurry, ''),
      async close() {
        await cluster.stop()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}
