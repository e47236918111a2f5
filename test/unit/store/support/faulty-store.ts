import { type Clock, sleep } from '../../../../src/base/clock.ts'
import { VertigoError } from '../../../../src/base/errors.ts'
import type { Random } from '../../../../src/base/random.ts'
import { callTimeoutMsDefault } from '../../../../src/store/limits.ts'
import type {
  CallOptions,
  GetResult,
  LeaseGrant,
  LeaseId,
  LeaseStatus,
  RangeOptions,
  RangeResult,
  Store,
  Transaction,
  TransactionOptions,
  TransactionResult,
  Watch,
  WatchBatch,
  WatchOptions,
} from '../../../../src/store/store.ts'

export interface Faults {
  /** Each way, in milliseconds. */
  readonly delayMsMax: number
  /** Part of the calls that take up to most of their deadline to get there. */
  readonly slow: number
  /** Part of the calls that are lost on their way, so nothing happens. */
  readonly lost: number
  /** Part of the transactions whose answer is lost: repeated where that is asked for, else of unknown outcome. */
  readonly unanswered: number
  /** Part of the transactions of unknown outcome although they are repeated: the deadline passed. */
  readonly unknown: number
}

export const noFaults: Faults = { delayMsMax: 0, slow: 0, lost: 0, unanswered: 0, unknown: 0 }
export const someFaults: Faults = { delayMsMax: 20, slow: 0.03, lost: 0.03, unanswered: 0.1, unknown: 0.02 }

interface Means {
  /** Goes on while the client is paused. */
  readonly network: Clock
  readonly own: Clock
  readonly random: Random
  faults: Faults
}

/** A store at the end of a bad line, of a client that may be paused. */
export class FaultyStore implements Store {
  readonly inner: Store
  readonly means: Means
  /** While true, nothing reaches the store. */
  isCutOff = false
  keepAlives = 0

  constructor(inner: Store, means: Means) {
    this.inner = inner
    this.means = means
  }

  get(key: string, options: CallOptions = {}): Promise<GetResult> {
    return this.call(options, () => this.inner.get(key))
  }

  range(prefix: string, { signal, timeoutMs, ...options }: RangeOptions = {}): Promise<RangeResult> {
    return this.call({ ...(signal && { signal }), ...(timeoutMs && { timeoutMs }) }, () =>
      this.inner.range(prefix, options),
    )
  }

  pages(prefix: string, options: CallOptions = {}): AsyncIterable<RangeResult> {
    return this.inner.pages(prefix, options)
  }

  transact(transaction: Transaction, options: TransactionOptions = {}): Promise<TransactionResult> {
    const { repeat = 'never' } = options
    return this.call(options, async () => {
      const first = await this.inner.transact(transaction)
      if (this.happens(this.means.faults.unknown)) throw outcomeUnknown()
      if (!this.happens(this.means.faults.unanswered) || repeat === 'once') return first
      if (repeat === 'never') throw outcomeUnknown()
      await this.wayThere()
      return this.inner.transact(transaction)
    })
  }

  grant(ttlMs: number, options: CallOptions = {}): Promise<LeaseGrant> {
    return this.call(options, () => this.inner.grant(ttlMs))
  }

  keepAlive(lease: LeaseId, options: CallOptions = {}): Promise<number> {
    this.keepAlives++
    return this.call(options, () => this.inner.keepAlive(lease))
  }

  revoke(lease: LeaseId, options: CallOptions = {}): Promise<void> {
    return this.call(options, () => this.inner.revoke(lease))
  }

  leases(options: CallOptions = {}): Promise<readonly LeaseStatus[]> {
    return this.call(options, () => this.inner.leases())
  }

  watch(prefix: string, options: WatchOptions = {}): Watch {
    const inner = this.inner.watch(prefix, options)
    const { own } = this.means
    async function* whileRunning(): AsyncGenerator<WatchBatch, void, undefined> {
      for await (const batch of inner) {
        await sleep(own, 0)
        yield batch
      }
    }
    return { close: () => inner.close(), [Symbol.asyncIterator]: whileRunning }
  }

  close(): Promise<void> {
    return this.inner.close()
  }

  private async call<T>({ signal, timeoutMs }: CallOptions, act: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    const answer = this.perform(timeoutMs ?? callTimeoutMsDefault, act)
    if (signal === undefined) return answer
    let onAbort: (() => void) | undefined
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason as Error)
      signal.addEventListener('abort', onAbort, { once: true })
    })
    return Promise.race([answer, aborted]).finally(() => signal.removeEventListener('abort', onAbort!))
  }

  private async perform<T>(timeoutMs: number, act: () => Promise<T>): Promise<T> {
    const { network, own, faults } = this.means
    await this.wayThere()
    if (this.happens(faults.slow)) await sleep(network, this.means.random.next() * 0.8 * timeoutMs)
    if (this.isCutOff || this.happens(faults.lost)) {
      await sleep(network, timeoutMs)
      await sleep(own, 0)
      throw new VertigoError('STORE_UNREACHABLE', 'The call was lost.')
    }
    try {
      return await act()
    } finally {
      // Answered while the client is paused: it hears of it when it goes on.
      await sleep(network, this.delay())
      await sleep(own, 0)
    }
  }

  private wayThere(): Promise<void> {
    return sleep(this.means.network, this.delay())
  }

  private delay(): number {
    return this.means.random.next() * this.means.faults.delayMsMax
  }

  private happens(part: number): boolean {
    return part > 0 && this.means.random.next() < part
  }
}

function outcomeUnknown(): VertigoError {
  return new VertigoError('STORE_OUTCOME_UNKNOWN', 'The answer was lost.')
}
