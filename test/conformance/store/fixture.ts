import type { Store } from '../../../src/store/store.ts'
import type { MovedClock } from '../../support/store/moved-clock.ts'

/** A store of one backend, for a test. */
export interface StoreFixture {
  /** Another client of the same store. */
  open(): Promise<Store>
  /** By which its leases end; absent where that is the clock of a server. */
  readonly clock?: MovedClock
  /** Forgets the history up to and with this revision; absent where a backend does so by itself only. */
  compact?(revision: number): Promise<void>
  /** Ends everything, and closes what was opened. */
  close(): Promise<void>
}

export interface StoreSubject {
  readonly name: string
  /** Why it cannot be tested here; undefined where it can. */
  readonly missing?: string | undefined
  /** A fresh, empty store. */
  make(): Promise<StoreFixture>
}
