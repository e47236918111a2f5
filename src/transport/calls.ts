import type { Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import { CallClient, type StreamOptions } from './call-client.ts'
import { type CallLimits, decodeMessage, defaultCallLimits } from './call-messages.ts'
import { type CallHandlers, CallServer } from './call-server.ts'
import type { Link } from './link.ts'

export interface CallsOptions {
  readonly clock: Clock
  readonly handlers: CallHandlers
  readonly limits?: Partial<CallLimits>
  /** What has no caller to tell: a hint that failed, a message that cannot be read, an answer that cannot be sent. */
  readonly onError: (error: unknown) => void
}

/**
 * Requests with a deadline, hints, and streams between two nodes, both ways over one link.
 *
 * - CL-1 A request ends once: by its answer, its error, its deadline, its signal, or the end of the link.
 * - CL-2 Whoever serves is told when the caller has given up (`signal`), at the latest at the deadline.
 * - CL-3 Of a stream, no more items are under way than its caller gave credit for.
 * - CL-4 What a message does wrong is an error of that call, never of the link.
 *
 * These are means to be quick, never to decide: what counts stands in the store.
 */
export class Calls {
  readonly #link: Link
  readonly #client: CallClient
  readonly #server: CallServer
  readonly #options: CallsOptions
  readonly #limits: CallLimits

  constructor(link: Link, options: CallsOptions) {
    this.#link = link
    this.#options = options
    this.#limits = { ...defaultCallLimits, ...options.limits }
    const send = (frame: Uint8Array): void => link.send(frame)
    this.#client = new CallClient(send, options.clock, this.#limits)
    this.#server = new CallServer({ ...options, send, limits: this.#limits })
    link.receive((frame) => this.#receive(frame))
  }

  /** Errors: what the other side threw; CALL_TIMED_OUT, CALL_CANCELLED, CALL_LIMIT, and those of the link. */
  request(
    method: string,
    body: unknown,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<unknown> {
    return this.#client.request(method, body, options)
  }

  /** May be dropped. Errors: those of the link. */
  hint(method: string, body: unknown): void {
    this.#client.hint(method, body)
  }

  /** Begins with the first item that is asked for; ends with the loop over it. Errors as those of `request`. */
  stream(method: string, body: unknown, options: StreamOptions = {}): AsyncIterableIterator<unknown> {
    return this.#client.stream(method, body, options)
  }

  /** Ends all calls, both ways; the link is the owner's. `reason`: what callers get. */
  close(reason: Error = new VertigoError('CALL_CANCELLED', 'the link to the other node was closed')): void {
    this.#client.close(reason)
    this.#server.close(reason)
  }

  /** Closes the link as well. */
  closeLink(reason?: Error): void {
    this.close(reason)
    this.#link.close()
  }

  /** CL-4 */
  #receive(frame: Uint8Array): void {
    try {
      const message = decodeMessage(frame, this.#limits.messageBytesMax)
      switch (message.type) {
        case 'request':
        case 'hint':
        case 'open':
        case 'credit':
        case 'cancel':
          this.#server.receive(message)
          break
        default:
          this.#client.receive(message)
      }
    } catch (error) {
      this.#options.onError(error)
    }
  }
}
