import { machineClock } from '../../base/clock.ts'
import { storeOver } from '../checked-store.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Store } from '../store.ts'
import { holdsStore } from './folder.ts'
import { LmdbBackend, type LmdbBackendOptions } from './lmdb-backend.ts'

export type LmdbStoreOptions = Omit<LmdbBackendOptions, 'clock'> &
  Partial<Pick<LmdbBackendOptions, 'clock'>> & {
    /** Whether a store is made where there is none. Default true. */
    readonly create?: boolean
  }

/**
 * Opens the embedded store in a folder, or makes one there. Any number of processes of one machine may have it open; while
 * one does, it stays alive until it closes it.
 *
 * Rejects with `STORE_FOREIGN`, `STORE_FORMAT_NEWER`, `STORE_CORRUPT`, `STORE_PLACE_UNFIT`, `STORE_FULL` having written
 * nothing, with `STORE_NOT_FOUND` where there is none and `create` is false, and with `STORE_UNREACHABLE` where a process
 * keeps the store locked for longer than `openTimeoutMs`.
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<Store> {
  return storeOver(await openLmdbBackend(options), options.clock ?? machineClock)
}

/** The same as a backend, for who offers it to others. */
export async function openLmdbBackend({ create = true, ...options }: LmdbStoreOptions): Promise<LmdbBackend> {
  const { clock = machineClock, folder } = options
  if (!create && !holdsStore(folder))
    throw new VertigoError('STORE_NOT_FOUND', `There is no store in ${folder}.`)
  return LmdbBackend.open({ ...options, clock })
}
