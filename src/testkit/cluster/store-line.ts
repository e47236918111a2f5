import { type Clock, sleep } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type {
  CallOptions,
  RangeResult,
  Store,
  Transaction,
  TransactionOptions,
  TransactionResult,
} from '../../store/store.ts'
import { type DistantCall, DistantStore } from './distant-store.ts'
import { never, type StepMoment, type StepName } from './steps.ts'

/** How good the line between a process and the store is. */
export interface LineQuality {
  /** Each way, in milliseconds. */
  readonly delayMsMax: number
  /** Part of the calls that take seconds to get there: those of who has been replaced meanwhile. */
  readonly slow: number
  /** Part of the calls that are lost on their way: nothing happens, and the caller's time runs out. */
  readonly lost: number
  /** Part of the transactions whose answer is lost: repeated where that is harmless, else of unknown outcome. */
  readonly unanswered: number
}

export const goodLine: LineQuality = { delayMsMax: 2, slow: 0, lost: 0, unanswered: 0 }

export interface LineMeans {
  /** Goes on while the process is paused. */
  readonly network: Clock
  /** Of the process: what it hears, it hears when it runs. */
  readonly own: Clock
  readonly random: Random
  /** The process is no more: what its code would go on to do, it does not. */
  readonly isDead: () => boolean
  readonly nameOf: (transaction: Transaction) => StepName
  /** It comes to a step, and may end at it. */
  readonly reach: (name: StepName, moment: StepMoment) => void
}

/** A process's line to the store, with the faults of one. */
export class StoreLine extends DistantStore {
  quality: LineQuality
  /** Nothing gets through, in either direction. */
  isCut = false
  private readonly means: LineMeans

  constructor(inner: Store, means: LineMeans, quality: LineQuality = goodLine) {
    super(inner)
    this.means = means
    this.quality = quality
  }

  async *pages(prefix: string, options: CallOptions = {}): AsyncGenerator<RangeResult, void, undefined> {
    yield await this.range(prefix, options)
  }

  transact(transaction: Transaction, options: TransactionOptions = {}): Promise<TransactionResult> {
    const { repeat = 'never' } = options
    return this.call(transaction, options, async () => {
      const first = await this.inner.transact(transaction)
      if (!this.happens(this.quality.unanswered)) return first
      // A backend that repeats "once" finds out by itself what became of the first try.
      if (repeat === 'once' && !this.happens(0.3)) return first
      if (repeat !== 'harmless') throw outcomeUnknown()
      await this.way()
      return this.inner.transact(transaction)
    })
  }

  /** The way of a change to the process: later where the line is cut meanwhile. */
  protected async hear(): Promise<void> {
    await this.way()
    while (this.isCut) await sleep(this.means.network, cutPollMs)
    await sleep(this.means.own, 0)
    await this.reach('hear', 'before')
  }

  protected override call<T>(what: DistantCall, options: CallOptions, act: () => Promise<T>): Promise<T> {
    return this.means.isDead() ? never() : super.call(what, options, act)
  }

  protected async perform<T>(what: DistantCall, timeoutMs: number, act: () => Promise<T>): Promise<T> {
    const { network, own } = this.means
    const name = typeof what === 'string' ? what : this.means.nameOf(what)
    await this.reach(name, 'before')
    const sentMs = network.monotonic()
    await this.way()
    const leftMs = timeoutMs - (network.monotonic() - sentMs)
    if (this.happens(this.quality.slow)) await sleep(network, this.means.random.next() * leftMs)
    if (this.isCut || this.happens(this.quality.lost)) {
      await sleep(network, Math.max(0, timeoutMs - (network.monotonic() - sentMs)))
      await sleep(own, 0)
      throw new VertigoError('STORE_UNREACHABLE', 'The call was lost.')
    }
    try {
      return await act()
    } finally {
      await this.reach(name, 'done')
      await this.way()
      await sleep(own, 0)
      await this.reach(name, 'after')
    }
  }

  /** SP-1 */
  private reach(name: StepName, moment: StepMoment): Promise<void> | undefined {
    this.means.reach(name, moment)
    return this.means.isDead() ? never() : undefined
  }

  private way(): Promise<void> {
    return sleep(this.means.network, this.means.random.next() * this.quality.delayMsMax)
  }

  private happens(part: number): boolean {
    return part > 0 && this.means.random.next() < part
  }
}

/** How often a line that is cut is looked at. */
const cutPollMs = 20

function outcomeUnknown(): VertigoError {
  return new VertigoError('STORE_OUTCOME_UNKNOWN', 'The answer was lost.')
}
