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
} from '../../store/store.ts'
import { callTimeoutMsDefault } from '../../store/limits.ts'

/** What a call asks of the store. */
export type DistantCall = 'read' | 'lease' | 'renew' | 'revoke' | Transaction

/** A store at the far end of a line: each call takes its way there and back, and so does what a watch tells. */
export abstract class DistantStore implements Store {
  protected readonly inner: Store

  constructor(inner: Store) {
    this.inner = inner
  }

  get(key: string, options: CallOptions = {}): Promise<GetResult> {
    return this.call('read', options, () => this.inner.get(key))
  }

  range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    const { signal: _, timeoutMs: __, ...rest } = options
    return this.call('read', options, () => this.inner.range(prefix, rest))
  }

  abstract pages(prefix: string, options?: CallOptions): AsyncIterable<RangeResult>

  abstract transact(transaction: Transaction, options?: TransactionOptions): Promise<TransactionResult>

  grant(ttlMs: number, options: CallOptions = {}): Promise<LeaseGrant> {
    return this.call('lease', options, () => this.inner.grant(ttlMs))
  }

  keepAlive(lease: LeaseId, options: CallOptions = {}): Promise<number> {
    return this.call('renew', options, () => this.inner.keepAlive(lease))
  }

  revoke(lease: LeaseId, options: CallOptions = {}): Promise<void> {
    return this.call('revoke', options, () => this.inner.revoke(lease))
  }

  leases(options: CallOptions = {}): Promise<readonly LeaseStatus[]> {
    return this.call('read', options, () => this.inner.leases())
  }

  watch(prefix: string, options: WatchOptions = {}): Watch {
    const inner = this.inner.watch(prefix, options)
    const hear = (): Promise<void> => this.hear()
    async function* heard(): AsyncGenerator<WatchBatch, void, undefined> {
      for await (const batch of inner) {
        await hear()
        if (options.signal?.aborted === true) return
        yield batch
      }
    }
    return { close: () => inner.close(), [Symbol.asyncIterator]: heard }
  }

  close(): Promise<void> {
    return this.inner.close()
  }

  /** The way of a change to the process that watches. */
  protected abstract hear(): Promise<void>

  /** The way of a call, what it does there, and the way back; it fails after `timeoutMs` where it is lost. */
  protected abstract perform<T>(what: DistantCall, timeoutMs: number, act: () => Promise<T>): Promise<T>

  protected async call<T>(
    what: DistantCall,
    { signal, timeoutMs }: CallOptions,
    act: () => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted()
    const answer = this.perform(what, timeoutMs ?? callTimeoutMsDefault, act)
    if (signal === undefined) return answer
    let onAbort: () => void = () => undefined
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason as Error)
      signal.addEventListener('abort', onAbort, { once: true })
    })
    return Promise.race([answer, aborted]).finally(() => signal.removeEventListener('abort', onAbort))
  }
}
