import type { MessagePort } from 'node:worker_threads'
import type { Clock } from '../../base/clock.ts'
import { errorFromData, VertigoError } from '../../base/errors.ts'
import type { Follow, FollowListener, StoreBackend } from '../backend.ts'
import { callTimeoutMsDefault } from '../limits.ts'
import type {
  CallOptions,
  GetResult,
  LeaseGrant,
  LeaseId,
  LeaseStatus,
  RangeOptions,
  RangeResult,
  Revision,
  Transaction,
  TransactionOptions,
  TransactionResult,
} from '../store.ts'
import { exactValues } from './exact.ts'
import type { FromStore, StoreCall, ToStore } from './port-protocol.ts'

interface Pending {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** The store of another thread of this process. Nothing gets lost in between; but that thread may be busy, or end. */
export class PortBackend implements StoreBackend {
  private readonly port: MessagePort
  private readonly clock: Clock
  private readonly pending = new Map<number, Pending>()
  private readonly followers = new Map<number, FollowListener>()
  private readonly ready: Promise<void>
  private onReady: () => void = () => undefined
  private lastId = 0
  private isClosed = false

  constructor(port: MessagePort, clock: Clock) {
    this.port = port
    this.clock = clock
    this.ready = new Promise((resolve) => {
      this.onReady = resolve
    })
    port.on('message', (message: FromStore) => {
      if (message.type === 'ready') this.onReady()
      else this.onMessage(message)
    })
    port.on('close', () => this.end())
    port.unref()
    this.send({ type: 'hello' })
  }

  get(key: string, options: CallOptions): Promise<GetResult> {
    return this.call('get', [key], options)
  }

  range(prefix: string, { limit, after, damaged, ...options }: RangeOptions): Promise<RangeResult> {
    const bounds = {
      ...(limit !== undefined && { limit }),
      ...(after !== undefined && { after }),
      ...(damaged !== undefined && { damaged }),
    }
    return this.call('range', [prefix, bounds], options)
  }

  transact(transaction: Transaction, { repeat, ...options }: TransactionOptions): Promise<TransactionResult> {
    return this.call('transact', [transaction, { ...(repeat && { repeat }) }], options)
  }

  grant(ttlMs: number, options: CallOptions): Promise<LeaseGrant> {
    return this.call('grant', [ttlMs], options)
  }

  keepAlive(lease: LeaseId, options: CallOptions): Promise<number> {
    return this.call('keepAlive', [lease], options)
  }

  revoke(lease: LeaseId, options: CallOptions): Promise<void> {
    return this.call('revoke', [lease], options)
  }

  leases(options: CallOptions): Promise<readonly LeaseStatus[]> {
    return this.call('leases', [], options)
  }

  follow(prefix: string, from: Revision, listener: FollowListener): Follow {
    const id = ++this.lastId
    this.followers.set(id, listener)
    if (this.isClosed) this.clock.soon(() => this.failFollower(id))
    this.whenReady(() => {
      if (this.followers.has(id)) this.send({ type: 'follow', id, prefix, from })
    })
    return {
      cancel: () => {
        if (this.followers.delete(id)) this.whenReady(() => this.send({ type: 'cancel', id }))
      },
    }
  }

  async close(): Promise<void> {
    this.end()
    this.port.close()
  }

  /** The time of a call counts from here, also where the other thread has not made the store yet. */
  private call<T>(call: StoreCall, args: readonly unknown[], options: CallOptions): Promise<T> {
    const { signal, timeoutMs = callTimeoutMsDefault } = options
    const id = ++this.lastId
    return new Promise<T>((resolve, reject) => {
      let isSent = false
      const onAbort = (): void => settle(() => reject(signal?.reason as Error))
      const onTime = (): void => settle(() => reject(lateError(call, isSent, timeoutMs)))
      const cancel = this.clock.after(timeoutMs, onTime, { background: true })
      const settle = (end: () => void): void => {
        this.pending.delete(id)
        cancel()
        signal?.removeEventListener('abort', onAbort)
        end()
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.pending.set(id, {
        resolve: (value) => settle(() => resolve(value as T)),
        reject: (error) => settle(() => reject(error)),
      })
      if (this.isClosed) this.pending.get(id)!.reject(closedError())
      this.whenReady(() => {
        if (!this.pending.has(id)) return
        isSent = true
        this.send({ type: 'call', id, call, args })
      })
    })
  }

  private onMessage(message: Exclude<FromStore, { readonly type: 'ready' }>): void {
    const { id } = message
    switch (message.type) {
      case 'result':
        this.pending.get(id)?.resolve(message.value)
        return
      case 'error':
        this.pending.get(id)?.reject(errorFromData(message.error))
        return
      case 'events':
        this.followers.get(id)?.events(message.revision, message.events)
        return
      case 'compacted':
        this.followers.get(id)?.compacted()
        return
      case 'failed':
        this.followers.get(id)?.failed(errorFromData(message.error))
    }
  }

  private end(): void {
    if (this.isClosed) return
    this.isClosed = true
    for (const { reject } of this.pending.values()) reject(closedError())
    for (const id of this.followers.keys()) this.failFollower(id)
  }

  private failFollower(id: number): void {
    const listener = this.followers.get(id)
    this.followers.delete(id)
    listener?.failed(closedError())
  }

  private whenReady(act: () => void): void {
    this.ready.then(act, act)
  }

  private send(message: ToStore): void {
    this.port.postMessage(exactValues(message))
  }
}

function closedError(): VertigoError {
  return new VertigoError('STORE_CLOSED', 'The store was closed.')
}

function lateError(call: StoreCall, isSent: boolean, timeoutMs: number): VertigoError {
  const text = `The thread with the store has not answered within ${timeoutMs} ms.`
  const isOpen = isSent && call === 'transact'
  return new VertigoError(isOpen ? 'STORE_OUTCOME_UNKNOWN' : 'STORE_UNREACHABLE', text)
}
