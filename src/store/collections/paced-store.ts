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
  WatchBatch,
  WatchOptions,
} from '../store.ts'

/** What collections use of a store. Leases are not among it: they go past the pace. */
export type CollectionStore = Pick<Store, 'get' | 'range' | 'transact' | 'watch'> &
  Pick<PacedStore, 'transactInTurn'>

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
 *
 * - PA-1 When it is closed, calls that the store already has are done to their end, and `close` waits for them: what they did
 *   their caller hears. All others, those that wait for their turn and watches reject with STORE_CLOSED.
 */
export class PacedStore implements Pick<Store, 'get' | 'range' | 'transact' | 'watch'> {
  private readonly store: Store
  private readonly clock: Clock
  private readonly intervalMs: number
  private readonly underWay = new Set<Promise<unknown>>()
  private readonly ending = new AbortController()
  private nextAtMs = -Infinity

  constructor(store: Store, clock: Clock, opsPerSecondMax: number) {
    this.store = store
    this.clock = clock
    this.intervalMs = 1000 / opsPerSecondMax
  }

  get(key: string, options?: CallOptions): Promise<GetResult> {
    return this.call(options?.signal, () => this.store.get(key, options))
  }

  range(prefix: string, options?: RangeOptions): Promise<RangeResult> {
    return this.call(options?.signal, () => this.store.range(prefix, options))
  }

  transact(transaction: Transaction, options?: TransactionOptions): Promise<TransactionResult> {
    return this.call(options?.signal, () => this.store.transact(transaction, options))
  }

  /** A transaction that is made when its turn has come: what it needs may not live as long as it has to wait. */
  transactInTurn(make: () => Promise<Transaction>, options?: TransactionOptions): Promise<TransactionResult> {
    return this.call(options?.signal, async () => this.store.transact(await make(), options))
  }

  /** A watch is one call, however long it lasts; it begins with a paced read (`follow`). */
  watch(prefix: string, options: WatchOptions = {}): Watch {
    this.checkOpen()
    const { signal } = options
    const { signal: ended } = this.ending
    const either = signal === undefined ? ended : AbortSignal.any([signal, ended])
    const inner = this.store.watch(prefix, { ...options, signal: either })
    let isClosed = false
    const close = (): void => {
      isClosed = true
      inner.close()
    }
    const checkOpen = (): void => {
      if (!isClosed && signal?.aborted !== true) this.checkOpen()
    }
    return { close, [Symbol.asyncIterator]: () => untilClosed(inner, checkOpen) }
  }

  /** Errors: STORE_CLOSED. */
  checkOpen(): void {
    if (this.ending.signal.aborted) throw closedError()
  }

  async close(): Promise<void> {
    this.ending.abort(closedError())
    await Promise.allSettled(this.underWay)
  }

  private async call<T>(signal: AbortSignal | undefined, act: () => Promise<T>): Promise<T> {
    this.checkOpen()
    await this.turn(signal)
    // A turn that came at once, too, lets others act before its call.
    this.checkOpen()
    const answer = act()
    this.underWay.add(answer)
    try {
      return await answer
    } finally {
      this.underWay.delete(answer)
    }
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
    if (waitMs <= 0) return
    const { signal: ended } = this.ending
    await sleep(this.clock, waitMs, signal === undefined ? ended : AbortSignal.any([signal, ended]))
  }
}

/** Whose watch ended because all was closed hears it; whoever ended it himself does not. */
async function* untilClosed(
  inner: Watch,
  checkOpen: () => void,
): AsyncGenerator<WatchBatch, void, undefined> {
  yield* inner
  checkOpen()
}

function closedError(): VertigoError {
  return new VertigoError('STORE_CLOSED', 'The collections were closed.')
}
