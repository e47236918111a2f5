import type { Cancel, Clock } from '../base/clock.ts'
import { errorFromData, VertigoError } from '../base/errors.ts'
import { type CallLimits, type CallMessage, encodeMessage, knownError } from './call-messages.ts'
import { CallStream } from './call-stream.ts'

export interface StreamOptions {
  readonly signal?: AbortSignal
  /** Items that may come before one is taken. Default `streamItemsMax`, which is also the most. */
  readonly items?: number
}

interface Pending {
  readonly resolve: (body: unknown) => void
  readonly reject: (error: Error) => void
}

type Incoming = Extract<CallMessage, { readonly type: 'answer' | 'item' | 'end' | 'error' }>

/** The side that calls. */
export class CallClient {
  readonly #send: (frame: Uint8Array) => void
  readonly #clock: Clock
  readonly #limits: CallLimits
  readonly #pending = new Map<number, Pending>()
  readonly #streams = new Map<number, CallStream>()
  #lastId = 0
  #closedBy: Error | undefined

  constructor(send: (frame: Uint8Array) => void, clock: Clock, limits: CallLimits) {
    this.#send = send
    this.#clock = clock
    this.#limits = limits
  }

  /** CL-1 */
  async request(
    method: string,
    body: unknown,
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<unknown> {
    signal?.throwIfAborted()
    const id = this.#nextId()
    this.#say({ type: 'request', id, method, body, timeoutMs: Math.ceil(timeoutMs) })
    let cancelTimer: Cancel | undefined
    let onAbort: (() => void) | undefined
    try {
      return await new Promise<unknown>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject })
        const giveUp = (error: Error): void => {
          if (this.#pending.delete(id)) this.#sayCancel(id)
          reject(error)
        }
        cancelTimer = this.#clock.after(timeoutMs, () =>
          giveUp(new VertigoError('CALL_TIMED_OUT', `no answer to "${method}" within ${timeoutMs} ms`)),
        )
        onAbort = () => giveUp(signal?.reason as Error)
        signal?.addEventListener('abort', onAbort, { once: true })
      })
    } finally {
      this.#pending.delete(id)
      cancelTimer?.()
      if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort)
    }
  }

  hint(method: string, body: unknown): void {
    if (this.#closedBy !== undefined) throw this.#closedBy
    this.#say({ type: 'hint', method, body })
  }

  stream(method: string, body: unknown, { signal, items }: StreamOptions): CallStream {
    const itemsMax = Math.max(1, Math.min(items ?? this.#limits.streamItemsMax, this.#limits.streamItemsMax))
    let id = 0
    const stream = new CallStream(itemsMax, signal, {
      open: () => {
        id = this.#nextId()
        this.#streams.set(id, stream)
        this.#say({ type: 'open', id, method, body, credit: itemsMax })
      },
      credit: (credit) => this.#say({ type: 'credit', id, credit }),
      cancel: () => this.#sayCancel(id),
      over: () => this.#streams.delete(id),
    })
    return stream
  }

  receive(message: Incoming): void {
    const { id } = message
    const stream = this.#streams.get(id)
    switch (message.type) {
      case 'answer':
        this.#take(id)?.resolve(message.body)
        break
      case 'item':
        stream?.item(message.body)
        break
      case 'end':
        stream?.end()
        break
      case 'error': {
        const error = errorFromData(knownError(message.error))
        this.#take(id)?.reject(error)
        stream?.end(error)
        break
      }
    }
  }

  close(reason: Error): void {
    if (this.#closedBy !== undefined) return
    this.#closedBy = reason
    for (const { reject } of this.#pending.values()) reject(reason)
    this.#pending.clear()
    for (const stream of this.#streams.values()) stream.end(reason)
    this.#streams.clear()
  }

  /** Of a call that was given up the answer may still come: nobody waits for it. */
  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    return pending
  }

  #nextId(): number {
    if (this.#closedBy !== undefined) throw this.#closedBy
    const { callsMax } = this.#limits
    if (this.#pending.size + this.#streams.size >= callsMax) {
      throw new VertigoError('CALL_LIMIT', `${callsMax} calls to another node wait for their end (callsMax)`)
    }
    return ++this.#lastId
  }

  #say(message: CallMessage): void {
    this.#send(encodeMessage(message, this.#limits.messageBytesMax))
  }

  #sayCancel(id: number): void {
    try {
      this.#say({ type: 'cancel', id })
    } catch {
      // The link is gone: the other side's calls end with it.
    }
  }
}
