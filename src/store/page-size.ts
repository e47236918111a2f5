import type { Entry } from './store.ts'

/** Values may have a megabyte: the first page is small, the next ones as large as the values of the one before allow. */
export const firstPageKeys = 256
const pageKeysMax = 10_000
const pageBytesWanted = 2 * 1024 * 1024
const pageKeysMin = 4
/** What an entry has beside its key and value. */
const entryBytes = 50

export function nextPageKeys(page: readonly Entry[]): number {
  let bytes = 0
  for (const { key, value } of page) bytes += key.length + value.byteLength + entryBytes
  const wanted = Math.floor((pageBytesWanted * page.length) / Math.max(1, bytes))
  return Math.max(pageKeysMin, Math.min(pageKeysMax, wanted))
}
