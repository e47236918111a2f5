import { readFile } from 'node:fs/promises'
import { VertigoError } from '../../base/errors.ts'
import type { Store } from '../store.ts'
import type { EtcdAddress } from '../url.ts'
import { type EtcdStoreOptions, openEtcdStore } from './open.ts'

/** Opens the store at an address, with the files that it names for TLS. */
export async function openEtcdAddress(
  { endpoints, prefix, user, password, tls }: EtcdAddress,
  options: Omit<EtcdStoreOptions, 'endpoints' | 'prefix' | 'user' | 'password' | 'tls'> = {},
): Promise<Store> {
  const login = user === undefined || password === undefined ? {} : { user, password }
  if (tls === undefined) return openEtcdStore({ ...options, ...login, endpoints, prefix })
  const { ca, cert, key } = tls
  const files = {
    ...(ca !== undefined && { ca: await readPem(ca) }),
    ...(cert !== undefined && { cert: await readPem(cert) }),
    ...(key !== undefined && { key: await readPem(key) }),
  }
  return openEtcdStore({ ...options, ...login, endpoints, prefix, tls: files })
}

async function readPem(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new VertigoError(
      'STORE_REFUSED',
      `The file "${file}" of the address of the store cannot be read.`,
      {
        cause: error,
      },
    )
  }
}
