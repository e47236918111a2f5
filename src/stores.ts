import { readFile } from 'node:fs/promises'
import type { Clock } from './base/clock.ts'
import { asError, VertigoError } from './base/errors.ts'
import type { Store } from './store/store.ts'
import { type EtcdTlsFiles, parseStoreUrl } from './store/url.ts'

/** Chooses the backend of a store by its address. Backends are loaded when they are needed. */

/** Errors: STORE_URL_INVALID, and those of the backend. */
export async function openStore(url: string, clock: Clock): Promise<Store> {
  const address = parseStoreUrl(url)
  if (address.type === 'lmdb') {
    const { openLmdbStore } = await import('./store/lmdb/open.ts')
    return openLmdbStore({ folder: address.folder })
  }
  const { openEtcdStore } = await import('./store/etcd/open.ts')
  const { tls, ...rest } = address
  return openEtcdStore({ ...rest, clock, ...(tls && { tls: await readTls(tls) }) })
}

async function readTls(
  files: EtcdTlsFiles,
): Promise<{ ca?: Uint8Array; cert?: Uint8Array; key?: Uint8Array }> {
  const read = Object.entries(files).map(
    async ([name, file]) => [name, await readPem(name, file as string)] as const,
  )
  return Object.fromEntries(await Promise.all(read))
}

async function readPem(name: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    const cause = asError(error)
    throw new VertigoError(
      'FILE_UNREADABLE',
      `The file of \`${name}\` in the store's address cannot be read: ${cause.message}`,
      {
        cause,
        place: { file },
      },
    )
  }
}
