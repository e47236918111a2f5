import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Where snapshots are kept unless somebody says it: beside a store in a folder, since whoever opens that is on its machine. Undefined
 * for other stores: no folder is the same one on all machines.
 */
export function defaultSnapshotAddress(storeUrl: string): string | undefined {
  if (!storeUrl.startsWith('lmdb:')) return undefined
  return `${pathToFileURL(`${resolve(storeUrl.slice('lmdb:'.length))}-snapshots`).href}?shared`
}
