import type { Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import { type CallLimits, type CallMessage, encodeError, encodeMessage } from './call-messages.ts'

export interface CallContext {
  /** Aborted when the caller has given up, its deadline has passed, or the link has ended. */
  readonly signal: AbortSignal
}

export interface CallHandlers {
  /** By method. What they throw goes to the caller. */
  readonly requests?: Readonly<Record<string, (body: unknown, context: CallContext) => unknown>>
  readonly hints?: Readonly<Record<string, (body: unknown) => unknown>>
  /** Nothing is pulled from them that the caller has no room for. */
  readonly streams?: Readonly<Record<string, (body: unknown, context: CallContext) => AsyncIterable<unknown>>>
}

export interface ServerMeans {
  readonly clock: Clock
  readonly handlers: CallHandlers
  readonly limits: CallLimits
  readonly send: (frame: Uint8Array) => void
  readonly onError: (error: unknown) => void
}

interface Serving {
  readonly ending: AbortController
  credit: number
  /** Set while a stream waits for credit, or for its end. */
  wake: (() => void) | undefined
}

type Incoming = Extract<CallMessage, { readonly type: 'request' | 'hint' | 'open' | 'credit' | 'cancel' }>

/** The side that is called. */
export class CallServer {
  readonly #means: ServerMeans
  readonly #serving = new Map<number, Serving>()
  #hints = 0
  #isClosed = false

  constructor(means: ServerMeans) {
    this.#means = means
  }

  receive(message: Incoming): void {
    if (this.#isClosed) return
    switch (message.type) {
      case 'request':
        this.#serve(message, 0, (serving) => this.#answer(message, serving))
        break
      case 'open':
        this.#serve(message, message.credit, (serving) => this.#stream(message, serving))
        break
      case 'hint':
        this.#hint(message.method, message.body)
        break
      case 'credit':
        this.#addCredit(message.id, message.credit)
        break
      case 'cancel':
        this.#end(message.id, new VertigoError('CALL_CANCELLED', 'the caller has given up'))
        break
    }
  }

  close(reason: Error): void {
    this.#isClosed = true
    for (const id of this.#serving.keys()) this.#end(id, reason)
  }

  #serve({ id }: { readonly id: number }, credit: number, work: (serving: Serving) => Promise<void>): void {
    const { limits, onError } = this.#means
    if (this.#serving.has(id)) {
      onError(new VertigoError('CALL_INVALID', `another node uses the number ${id} for two calls`))
      return
    }
    if (this.#serving.size >= limits.callsMax) {
      const text = `this node serves ${limits.callsMax} calls of the other one already (callsMax)`
      this.#sayError(id, new VertigoError('CALL_LIMIT', text))
      return
    }
    const serving: Serving = { ending: new AbortController(), credit, wake: undefined }
    this.#serving.set(id, serving)
    work(serving)
      .catch((error: unknown) => {
        // Nobody waits for the error of a call that was given up.
        if (!serving.ending.signal.aborted) this.#sayError(id, error)
      })
      .finally(() => this.#serving.delete(id))
      .catch(onError)
  }

  async #answer(
    { id, method, body, timeoutMs }: Extract<CallMessage, { readonly type: 'request' }>,
    { ending }: Serving,
  ): Promise<void> {
    const handler = own(this.#means.handlers.requests, method)
    // CL-2: the caller's word that it has given up may be lost with the link.
    const cancel = this.#means.clock.after(
      timeoutMs,
      () => ending.abort(new VertigoError('CALL_TIMED_OUT', `"${method}" took longer than ${timeoutMs} ms`)),
      { background: true },
    )
    try {
      const answer: unknown = await handler(body, { signal: ending.signal })
      if (!ending.signal.aborted) this.#say({ type: 'answer', id, body: answer })
    } finally {
      cancel()
    }
  }

  /** CL-3 */
  async #stream(
    { id, method, body }: Extract<CallMessage, { readonly type: 'open' }>,
    serving: Serving,
  ): Promise<void> {
    const { signal } = serving.ending
    const iterator = own(this.#means.handlers.streams, method)(body, { signal })[
      Symbol.asyncIterator
    ]() as AsyncIterator<unknown, unknown>
    try {
      for (;;) {
        if (serving.credit === 0) await this.#wakened(serving)
        if (signal.aborted) return
        const result = await iterator.next()
        if (signal.aborted) return
        if (result.done === true) break
        serving.credit--
        this.#say({ type: 'item', id, body: result.value })
      }
      this.#say({ type: 'end', id })
    } finally {
      await iterator.return?.()
    }
  }

  #wakened(serving: Serving): Promise<void> {
    return new Promise((resolve) => {
      serving.wake = resolve
    })
  }

  #addCredit(id: number, credit: number): void {
    const serving = this.#serving.get(id)
    if (serving === undefined) return
    serving.credit = Math.min(serving.credit + credit, this.#means.limits.streamItemsMax)
    wake(serving)
  }

  #end(id: number, reason: Error): void {
    const serving = this.#serving.get(id)
    if (serving === undefined) return
    serving.ending.abort(reason)
    wake(serving)
  }

  #hint(method: string, body: unknown): void {
    const { limits, onError, handlers } = this.#means
    if (this.#hints >= limits.callsMax) {
      onError(new VertigoError('CALL_LIMIT', `the hint "${method}" was dropped: too many are at work`))
      return
    }
    this.#hints++
    const work = async (): Promise<unknown> => own(handlers.hints, method)(body)
    work()
      .catch(onError)
      .finally(() => this.#hints--)
      .catch(onError)
  }

  #say(message: CallMessage): void {
    this.#means.send(encodeMessage(message, this.#means.limits.messageBytesMax))
  }

  #sayError(id: number, error: unknown): void {
    try {
      this.#means.send(encodeError(id, error, this.#means.limits.messageBytesMax))
    } catch (failure) {
      this.#means.onError(failure)
    }
  }
}

function wake(serving: Serving): void {
  const { wake } = serving
  serving.wake = undefined
  wake?.()
}

function own<H>(handlers: Readonly<Record<string, H>> | undefined, method: string): H {
  if (handlers !== undefined && Object.hasOwn(handlers, method)) return handlers[method]!
  throw new VertigoError('CALL_INVALID', `this node knows no method "${method.slice(0, 100)}"`)
}
