import { after, before, describe } from 'node:test'
import { type EtcdRelease, provideEtcd } from '../../../scripts/servers/etcd.ts'
import { type EtcdStoreOptions, openEtcdStore } from '../../../src/store/etcd/open.ts'
import type { Store } from '../../../src/store/store.ts'
import { EtcdCluster, type EtcdClusterOptions } from '../../support/etcd-cluster.ts'

export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
export const text = (value: Uint8Array | undefined): string | undefined =>
  value && Buffer.from(value).toString()

/** Stores that are closed when the tests of a group are over. */
const opened = new Set<Store>()

export async function open(options: EtcdStoreOptions): Promise<Store> {
  const store = await openEtcdStore(options)
  opened.add(store)
  return store
}

export async function closeStores(): Promise<void> {
  await Promise.all([...opened].map((store) => store.close()))
  opened.clear()
}

let prefixes = 0
/** A prefix that no other test of the process uses. */
export function newPrefix(): string {
  return `test-${++prefixes}`
}

/** A group of tests with an etcd cluster; skipped by name where there is no server. */
export async function withCluster(
  title: string,
  options: Omit<EtcdClusterOptions, 'path'>,
  body: (cluster: () => EtcdCluster) => void,
  releases: readonly EtcdRelease[] = ['distribution'],
): Promise<void> {
  for (const release of releases) {
    const provided = await provideEtcd(release)
    const skip = 'missing' in provided ? provided.missing : false
    describe(`${title} (etcd: ${release})`, { skip }, () => {
      let cluster: EtcdCluster | undefined
      before(async () => {
        if ('path' in provided) cluster = await EtcdCluster.start({ ...options, path: provided.path })
      })
      after(async () => {
        await closeStores()
        await cluster?.stop()
      })
      body(() => cluster!)
    })
  }
}
