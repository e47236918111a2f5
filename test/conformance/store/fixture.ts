import type { Store } from '../../../src/store/store.ts'

/** A store of one backend, for a test. */
export interface StoreFixture {
  /** Another client of the same store. */
  open(): Promise<Store>
  /** Forgets the history up to and with this revision; absent where a backend does so by itself only. */
  compact?(revision: number): Promise<void>
  /** Ends everything, and closes what was opened. */
  close(): Promise<void>
}

export interface StoreSubject {
  readonly name: string
  /** Why it cannot be tested here; undefined where it can. */
  readonly missing?: string | undefined
  /** The shortest time to live of a lease. */
  readonly ttlMsMin: number
  /** A fresh, empty store. */
  make(): Promise<StoreFixture>
}
