import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { provideEtcd } from '../../../scripts/servers/etcd.ts'
import { EtcdCluster } from '../../support/etcd-cluster.ts'

/** A real store for clusters. */
export interface Subject {
  readonly name: string
  readonly skip: string | false
  /** Gives its address, made for the occasion, and what ends it. */
  readonly open: () => Promise<OpenSubject>
}

export interface OpenSubject {
  readonly url: string
  readonly etcd?: EtcdCluster
  readonly close: () => Promise<void>
}

const provided = await provideEtcd('distribution')

export const folderSubject: Subject = {
  name: 'a folder',
  skip: false,
  async open() {
    const folder = mkdtempSync(join(tmpdir(), 'vertigo-cluster-store-'))
    return {
      url: `lmdb:${folder}/store`,
      close: async () => rmSync(folder, { recursive: true, force: true }),
    }
  },
}

export const etcdSubject: Subject = {
  name: 'three members of etcd',
  skip: 'missing' in provided ? provided.missing : false,
  async open() {
    if ('missing' in provided) throw new Error(provided.missing)
    const etcd = await EtcdCluster.start({ path: provided.path, members: 3 })
    return {
      url: `etcd://${etcd.endpoints.join(',')}/nodes`,
      etcd,
      close: () => etcd.stop(),
    }
  },
}

export const subjects: readonly Subject[] = [folderSubject, etcdSubject]

/** Rounds of a test in the gate, and where `VERTIGO_CLUSTER_ROUNDS` asks for more. */
export function rounds(gate: number): number {
  const asked = Number(process.env.VERTIGO_CLUSTER_ROUNDS ?? '')
  return Number.isInteger(asked) && asked > gate ? asked : gate
}
