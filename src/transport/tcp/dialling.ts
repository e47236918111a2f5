import { isVertigoError, VertigoError } from '../../base/errors.ts'
import { checkAnswer, HandshakeReader, type Hello, helloBytes, type Identity } from './hello.ts'
import type { Dial, Line, LineHandlers } from './line.ts'
import { chooseVersion, mismatch, sameIdentity, showIdentity } from './match.ts'
import type { LinkMeans } from './means.ts'
import type { Judgement } from './session.ts'

/** The end of a link for which a line is made. */
export interface DiallingEnd {
  readonly peer: Identity
  readonly hasMet: boolean
  hello(attempt: number): Hello
  judge(hello: Hello): Judgement
}

export interface DiallingOutcome {
  /** Gives who handles the line from now on. */
  adopted(line: Line, hello: Hello, rest: Uint8Array): LineHandlers
  failed(error: VertigoError, refused: boolean): void
  lost(message: string): void
}

/** One attempt at a line: connects, says hello, and checks the answer. */
export class Dialling {
  readonly #means: LinkMeans
  readonly #link: DiallingEnd
  readonly #attempt: number
  readonly #outcome: DiallingOutcome
  readonly #reader: HandshakeReader
  #line: Line | undefined
  #handlers: LineHandlers | undefined
  #isOver = false

  constructor(means: LinkMeans, link: DiallingEnd, attempt: number, outcome: DiallingOutcome) {
    this.#means = means
    this.#link = link
    this.#attempt = attempt
    this.#outcome = outcome
    this.#reader = new HandshakeReader(means.limits.helloBytesMax)
  }

  start(dial: Dial): void {
    this.#line = dial({
      opened: () => {
        if (!this.#isOver) this.#line?.write([helloBytes(this.#link.hello(this.#attempt))])
      },
      bytes: (bytes) => {
        if (this.#handlers !== undefined) this.#handlers.bytes(bytes)
        else if (!this.#isOver) this.#bytes(bytes)
      },
      drained: () => this.#handlers?.drained(),
      closed: (error) => {
        if (this.#handlers !== undefined) this.#handlers.closed(error)
        else if (!this.#isOver) this.#closed(error)
      },
    })
  }

  /** `keepLine`: it was adopted. */
  stop(keepLine: boolean): void {
    this.#isOver = true
    if (!keepLine) this.#line?.destroy()
  }

  #closed(error: Error | undefined): void {
    const { peer } = this.#link
    if (isVertigoError(error)) {
      this.#outcome.failed(error, error.code.startsWith('TLS_'))
      return
    }
    const reason = error === undefined ? 'it ended the line before an answer' : error.message
    const text = `${showIdentity(peer)} cannot be reached: ${reason}`
    this.#outcome.failed(new VertigoError('LINK_UNREACHABLE', text, { cause: error }), false)
  }

  #bytes(bytes: Uint8Array): void {
    let read: ReturnType<HandshakeReader['push']>
    try {
      read = this.#reader.push(bytes)
      if (read !== undefined) this.#answered(read.message, read.rest)
    } catch (error) {
      if (!isVertigoError(error) || error.code !== 'LINK_HANDSHAKE_INVALID') throw error
      this.#outcome.failed(error, true)
    }
  }

  #answered(message: unknown, rest: Uint8Array): void {
    const answer = checkAnswer(message)
    if (answer.type === 'refused') {
      const { code, message: text } = answer.refusal
      if (code === 'LINK_LOST' && this.#link.hasMet) this.#outcome.lost(text)
      else this.#outcome.failed(new VertigoError(code, text), true)
      return
    }
    const { hello } = answer
    const refusal = this.#refusal(hello, answer.version)
    if (refusal !== undefined) {
      this.#outcome.failed(refusal, true)
      return
    }
    const judgement = this.#link.judge(hello)
    if (judgement.type === 'lost') this.#outcome.lost(judgement.message)
    else if (judgement.type === 'late') this.#outcome.failed(late(), true)
    else this.#handlers = this.#outcome.adopted(this.#line!, hello, rest)
  }

  /** Why the one who answers is not the one who was dialled. */
  #refusal(hello: Hello, version: number): VertigoError | undefined {
    const { peer } = this.#link
    const { pairing } = this.#means
    const found = mismatch(pairing, hello)
    if (found !== undefined) return new VertigoError(found.code, found.message)
    if (version !== chooseVersion(pairing.versions, hello.versions)) {
      return new VertigoError(
        'LINK_VERSION_UNFIT',
        `${showIdentity(peer)} has chosen version ${version} of the protocol`,
      )
    }
    if (!sameIdentity(hello.from, peer)) {
      const text = `${showIdentity(hello.from)} answers in place of ${showIdentity(peer)}`
      return new VertigoError('LINK_PEER_UNEXPECTED', text)
    }
    return undefined
  }
}

function late(): VertigoError {
  return new VertigoError('LINK_HANDSHAKE_INVALID', 'an answer to an earlier attempt came')
}
