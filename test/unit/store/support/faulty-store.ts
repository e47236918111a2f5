import { type Clock, sleep } from '../../../../src/base/clock.ts'
import { VertigoError } from '../../../../src/base/errors.ts'
import type { Random } from '../../../../src/base/random.ts'
import type {
  CallOptions,
  LeaseId,
  RangeResult,
  Store,
  Transaction,
  TransactionOptions,
  TransactionResult,
} from '../../../../src/store/store.ts'
import { type DistantCall, DistantStore } from '../../../../src/testkit/cluster/distant-store.ts'

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
export class FaultyStore extends DistantStore {
  readonly means: Means
  /** While true, nothing reaches the store. */
  isCutOff = false
  keepAlives = 0

  constructor(inner: Store, means: Means) {
    super(inner)
    this.means = means
  }

  pages(prefix: string, options: CallOptions = {}): AsyncIterable<RangeResult> {
    return this.inner.pages(prefix, options)
  }

  transact(transaction: Transaction, options: TransactionOptions = {}): Promise<TransactionResult> {
    const { repeat = 'never' } = options
    return this.call(transaction, options, async () => {
      const first = await this.inner.transact(transaction)
      if (this.happens(this.means.faults.unknown)) throw outcomeUnknown()
      if (!this.happens(this.means.faults.unanswered) || repeat === 'once') return first
      if (repeat === 'never') throw outcomeUnknown()
      await this.wayThere()
      return this.inner.transact(transaction)
    })
  }

  override keepAlive(lease: LeaseId, options: CallOptions = {}): Promise<number> {
    this.keepAlives++
    return super.keepAlive(lease, options)
  }

  protected hear(): Promise<void> {
    return sleep(this.means.own, 0)
  }

  protected async perform<T>(_: DistantCall, timeoutMs: number, act: () => Promise<T>): Promise<T> {
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
