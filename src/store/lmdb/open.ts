import { machineClock } from '../../base/clock.ts'
import { storeOver } from '../checked-store.ts'
import type { Store } from '../store.ts'
import { LmdbBackend, type LmdbBackendOptions } from './lmdb-backend.ts'

export type LmdbStoreOptions = Omit<LmdbBackendOptions, 'clock'> & Partial<Pick<LmdbBackendOptions, 'clock'>>

/**
 * Opens the embedded store in a folder, or makes one there. Any number of processes of one machine may have it open; while
 * one does, it stays alive until it closes it.
 *
 * Rejects with `STORE_FOREIGN`, `STORE_FORMAT_NEWER`, `STORE_CORRUPT`, `STORE_PLACE_UNFIT`, `STORE_FULL` having written
 * nothing, and with `STORE_UNREACHABLE` where a process keeps the store locked for longer than `openTimeoutMs`.
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<Store> {
  const { clock = machineClock } = options
  return storeOver(await LmdbBackend.open({ ...options, clock }), clock)
}
