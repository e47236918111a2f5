import { type Clock, sleep } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import { callTimeoutMsDefault } from '../limits.ts'
import type {
  CallOptions,
  GetResult,
  RangeOptions,
  RangeResult,
  Store,
  Transaction,
  TransactionOptions,
  TransactionResult,
  Watch,
  WatchOptions,
} from '../store.ts'

/** What collections use of a store. Leases are not among it: those of the session go past the pace. */
export type CollectionStore = Pick<Store, 'get' | 'range' | 'transact' | 'watch'>

/**
 * A quarter of what three etcd members on two cores did (4 to 8 thousand writes a second): a component that does nothing but
 * call collections leaves the rest to leases, plans and other components.
 */
export const opsPerSecondMaxDefault = 1_000

/** Calls that come at once may go at once, as far as they are what a tenth of a second may bring. */
const burstMs = 100

/**
 * A store that is called no more often than so many times a second. Calls beyond that wait for their turn, in order; one
 * that would wait longer than a call may take is refused with STORE_BUSY at once. The rule is that of ATM networks
 * ("generic cell rate algorithm", ITU-T I.371): one number says when the next call is due.
 */
export class PacedStore implements CollectionStore {
  private readonly store: Store
  private readonly clock: Clock
  private readonly intervalMs: number
  private nextAtMs = -Infinity

  constructor(store: Store, clock: Clock, opsPerSecondMax: number) {
    this.store = store
    this.clock = clock
    this.intervalMs = 1000 / opsPerSecondMax
  }

  async get(key: string, options?: CallOptions): Promise<GetResult> {
    await this.turn(options?.signal)
    return this.store.get(key, options)
  }

  async range(prefix: string, options?: RangeOptions): Promise<RangeResult> {
    await this.turn(options?.signal)
    return this.store.range(prefix, options)
  }

  async transact(transaction: Transaction, options?: TransactionOptions): Promise<TransactionResult> {
    await this.turn(options?.signal)
    return this.store.transact(transaction, options)
  }

  /** A watch is one call, however long it lasts; it begins with a paced read (`follow`). */
  watch(prefix: string, options?: WatchOptions): Watch {
    return this.store.watch(prefix, options)
  }

  private async turn(signal: AbortSignal | undefined): Promise<void> {
    const nowMs = this.clock.monotonic()
    const atMs = Math.max(this.nextAtMs, nowMs - burstMs)
    const waitMs = atMs - nowMs
    if (waitMs > callTimeoutMsDefault)
      throw new VertigoError(
        'STORE_BUSY',
        `Calls to shared collections already wait ${Math.round(waitMs)} ms for their turn.`,
      )
    this.nextAtMs = atMs + this.intervalMs
    if (waitMs > 0) await sleep(this.clock, waitMs, signal)
  }
}
