import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import { answerBytes, checkHello, HandshakeReader, type Hello, type Refusal } from './hello.ts'
import type { Line, LineHandlers } from './line.ts'

export interface StrangerHost {
  /** Decides on a hello: who handles the line from now on, why it is refused, or undefined for a line that comes too late. */
  admit(line: Line, hello: Hello, rest: Uint8Array): LineHandlers | Refusal | undefined
  /** It was refused, and is on its way out. */
  refused(stranger: Stranger, error: VertigoError): void
  /** It is over with the stranger; `error` says why it was turned away. */
  left(stranger: Stranger, error?: VertigoError): void
}

/** A line that somebody else has made, until its handshake is over. */
export class Stranger implements LineHandlers {
  readonly sinceMs: number
  readonly remote: string
  readonly #line: Line
  readonly #host: StrangerHost
  readonly #reader: HandshakeReader
  #handlers: LineHandlers | undefined
  /** Nothing more is read from it. One that was refused keeps its place until it is gone: refusals are no way around limits. */
  #isOver = false
  #isRefused = false

  constructor(line: Line, host: StrangerHost, helloBytesMax: number, sinceMs: number) {
    this.#line = line
    this.remote = line.remote
    this.#host = host
    this.#reader = new HandshakeReader(helloBytesMax)
    this.sinceMs = sinceMs
  }

  opened(): void {}

  bytes(bytes: Uint8Array): void {
    if (this.#handlers !== undefined) this.#handlers.bytes(bytes)
    else if (!this.#isOver) this.#handshake(bytes)
  }

  drained(): void {
    this.#handlers?.drained()
  }

  closed(error?: Error): void {
    if (this.#handlers !== undefined) {
      this.#handlers.closed(error)
      return
    }
    if (this.#isRefused) this.#host.left(this)
    if (this.#isOver) return
    this.#isOver = true
    const text = error === undefined ? 'the line was ended before a handshake' : asError(error).message
    this.#host.left(this, isVertigoError(error) ? error : new VertigoError('LINK_HANDSHAKE_INVALID', text))
  }

  turnAway(error: VertigoError): void {
    if (this.#isRefused) {
      this.#line.destroy()
      this.#host.left(this)
    }
    if (this.#isOver) return
    this.#isOver = true
    this.#line.destroy()
    this.#host.left(this, error)
  }

  #handshake(bytes: Uint8Array): void {
    let hello: Hello
    let rest: Uint8Array
    try {
      const read = this.#reader.push(bytes)
      if (read === undefined) return
      hello = checkHello(read.message)
      rest = read.rest
    } catch (error) {
      if (!isVertigoError(error)) throw error
      this.turnAway(error)
      return
    }
    this.#isOver = true
    this.#decide(this.#host.admit(this.#line, hello, rest))
  }

  #decide(decision: LineHandlers | Refusal | undefined): void {
    if (decision !== undefined && 'bytes' in decision) {
      this.#handlers = decision
      this.#host.left(this)
      return
    }
    if (decision === undefined) {
      this.#line.destroy()
      this.#host.left(this)
      return
    }
    // `end`, so that the refusal gets through; the other end closes.
    this.#line.write([answerBytes({ type: 'refused', refusal: decision })])
    this.#line.end()
    this.#isRefused = true
    this.#host.refused(this, new VertigoError(decision.code, decision.message))
  }
}
