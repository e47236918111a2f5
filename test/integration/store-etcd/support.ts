import { after, before, describe } from 'node:test'
import { type EtcdRelease, provideEtcd } from '../../../scripts/servers/etcd.ts'
import { type EtcdStoreOptions, openEtcdStore } from '../../../src/store/etcd/open.ts'
import { put } from '../../../src/store/operations.ts'
import type { Store } from '../../../src/store/store.ts'
import { EtcdCluster, type EtcdClusterOptions } from '../../support/etcd-cluster.ts'
import { eventually } from '../../support/eventually.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { patienceMs, patient } from '../../support/store/patient-store.ts'

export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
export const text = (value: Uint8Array | undefined): string | undefined =>
  value && Buffer.from(value).toString()

/** What is closed when the tests of a group are over, also where one of them failed: the process would not end. */
const opened = new Set<Store>()
const proxies = new Set<FaultProxy>()

/** A store that waits as long as the test does, unless a call is told otherwise. */
export async function open(options: EtcdStoreOptions): Promise<Store> {
  const store = patient(await openEtcdStore({ timeoutMs: patienceMs, ...options }))
  opened.add(store)
  return store
}

export async function proxyTo(endpoint: string, at?: number): Promise<FaultProxy> {
  const proxy = await FaultProxy.start(endpoint, at)
  proxies.add(proxy)
  return proxy
}

/**
 * A store that asks through `proxy`, and `others` only where it fails. Opened anew where it has left the proxy already: an answer
 * took longer than a store waits that has others to ask.
 */
export async function openThrough(
  proxy: FaultProxy,
  others: readonly string[],
  prefix: string,
): Promise<Store> {
  return eventually('a store asks through the proxy', async () => {
    const store = await open({ endpoints: [proxy.endpoint, ...others], prefix })
    await store.transact({ then: [put('warm', bytes('up'))] })
    const answeredBytes = proxy.answeredBytes
    await store.get('warm')
    if (proxy.answeredBytes > answeredBytes) return store
    opened.delete(store)
    await store.close()
    return undefined
  })
}

export async function closeAll(): Promise<void> {
  const closed = await Promise.allSettled([...opened].map((store) => store.close()))
  opened.clear()
  await Promise.all([...proxies].map((proxy) => proxy.close()))
  proxies.clear()
  for (const one of closed) if (one.status === 'rejected') throw one.reason
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
        await closeAll()
        await cluster?.stop()
      })
      body(() => cluster!)
    })
  }
}
