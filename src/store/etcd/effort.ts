import { type Clock, sleep } from '../../base/clock.ts'
import { asError, VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { type Deadline, closedError } from './deadline.ts'
import type { Endpoint } from './endpoint.ts'
import { AttemptFailed, judge, type Verdict } from './failure.ts'
import type { Patience } from './patience.ts'

/** Tokens that are refused as soon as they were given: something is wrong that another one does not mend. */
const tokensMax = 3
/** Passwords are checked slowly on purpose. */
const loginMsMin = 2_000

/** Those who are asked: `Members`. */
interface Asked {
  readonly count: number
  /** For messages. */
  readonly addresses: string
  readonly isClosed: boolean
  readonly clock: Clock
  readonly random: Random
  readonly patience: Patience
  /** The next call goes to another endpoint. */
  leave(endpoint: Endpoint): void
  authenticate(): Promise<void>
}

/** The attempts of one call: decides after each failure whether there is another one, where and when. */
export class Effort {
  private readonly members: Asked
  private readonly deadline: Deadline
  private readonly isLogin: boolean
  private failures = 0
  private refusals = 0
  private tokens = 0

  constructor(members: Asked, deadline: Deadline, { isLogin = false } = {}) {
    this.members = members
    this.deadline = deadline
    this.isLogin = isLogin
  }

  /** For the next attempt. */
  get attemptMs(): number {
    const wanted = Math.max(this.isLogin ? loginMsMin : 0, this.members.patience.attemptMs(this.failures))
    return Math.min(wanted, this.deadline.leftMs)
  }

  /** Returns when another attempt should be made; otherwise throws. Gives what the failed attempt may have done. */
  async failed(endpoint: Endpoint, thrown: unknown): Promise<'no' | 'unknown'> {
    if (!(thrown instanceof AttemptFailed)) throw asError(thrown)
    const verdict = judge(thrown)
    if (this.members.isClosed) throw closedError()
    this.deadline.signal?.throwIfAborted()
    switch (verdict.type) {
      case 'token':
        await this.renewToken(thrown)
        return 'no'
      case 'again':
        await this.next(endpoint, thrown, verdict)
        return verdict.written
      case 'final':
        throw verdict.error
      default:
        // Only who asks for a revision, or for a lease of its own id, gets these answers, and looks for them.
        throw thrown
    }
  }

  /** Why the call is given up. */
  unreachable(cause: unknown): VertigoError {
    const { members, deadline } = this
    const said = cause instanceof Error ? ` The last attempt: ${cause.message}.` : ''
    return new VertigoError(
      'STORE_UNREACHABLE',
      `No member of the store at ${members.addresses} answered within ${deadline.timeoutMs} ms.${said}`,
      { cause },
    )
  }

  private async renewToken(failure: AttemptFailed): Promise<void> {
    this.tokens++
    if (this.tokens > tokensMax || this.isLogin) {
      throw new VertigoError(
        'STORE_REFUSED',
        `The store refuses the tokens that it gives: ${failure.details}.`,
        {
          cause: failure,
        },
      )
    }
    if (this.deadline.isOver) throw this.unreachable(failure)
    if (!(await this.deadline.waitFor(this.members.authenticate()))) throw this.unreachable(failure)
  }

  private async next(
    endpoint: Endpoint,
    failure: AttemptFailed,
    { refusal }: Extract<Verdict, { type: 'again' }>,
  ): Promise<void> {
    const { members, deadline } = this
    this.failures++
    this.refusals = refusal === undefined ? 0 : this.refusals + 1
    if (refusal !== undefined && this.refusals >= members.count) throw refusal
    members.leave(endpoint)
    const pauseMs = members.patience.pauseMs(this.failures, members.random)
    if (deadline.leftMs <= pauseMs) throw this.unreachable(failure)
    if (pauseMs > 0) await sleep(members.clock, pauseMs, deadline.signal)
    if (members.isClosed) throw closedError()
  }
}
