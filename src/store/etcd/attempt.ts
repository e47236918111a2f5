import { status } from '@grpc/grpc-js'
import type { Clock } from '../../base/clock.ts'
import type { CallMetadata } from './call-metadata.ts'
import type { Deadline } from './deadline.ts'
import type { Due, DueTimes } from './due-times.ts'
import type { Endpoint } from './endpoint.ts'
import { AttemptFailed } from './failure.ts'
import type { Patience } from './patience.ts'
import type { Method } from './protocol.ts'
import type { UnaryCall } from './unary-call.ts'

/** However busy the endpoint is. */
const attemptMsMost = 5_000
/** The member is told a little more, so that it is we who end an attempt and say why. */
const attemptMsSpare = 500

const endedBySignal = 'the call was ended by its signal'

/** What the attempts of a store share: `Members`. */
interface Means {
  readonly clock: Clock
  readonly dueTimes: DueTimes
  readonly patience: Patience
}

/**
 * One attempt at one endpoint. It ends when the endpoint has answered nobody with a result for `silenceMs`: one that is busy
 * is no better than another, and leaving it would only make it worse.
 */
export class Attempt<Q, R> implements Due {
  dueAtMs: number
  private readonly means: Means
  private readonly endpoint: Endpoint
  private readonly silenceMs: number
  private readonly deadline: Deadline
  private readonly startedMs: number
  private readonly resolve: (response: R) => void
  private readonly reject: (error: unknown) => void
  private call: UnaryCall<Q, R> | undefined
  private overdue: string | undefined

  constructor(
    means: Means,
    endpoint: Endpoint,
    silenceMs: number,
    deadline: Deadline,
    resolve: (response: R) => void,
    reject: (error: unknown) => void,
  ) {
    this.means = means
    this.endpoint = endpoint
    this.silenceMs = silenceMs
    this.deadline = deadline
    this.resolve = resolve
    this.reject = reject
    this.startedMs = means.clock.monotonic()
    this.dueAtMs = this.startedMs + Math.max(1, silenceMs)
  }

  send(method: Method<Q, R>, request: Q, metadata: CallMetadata): void {
    const { means, deadline, startedMs } = this
    // One that is aborted already tells nobody any more.
    if (deadline.signal?.aborted === true) {
      this.reject(new AttemptFailed(status.CANCELLED, endedBySignal))
      return
    }
    const mostMs = Math.min(attemptMsMost, deadline.atMs - startedMs) + attemptMsSpare
    // For the member, which gives up by itself where it does not hear that the call was cancelled.
    this.call = this.endpoint.unary(method, request, metadata.within(mostMs), startedMs, this.ended)
    means.dueTimes.add(this)
    deadline.signal?.addEventListener('abort', this.aborted, { once: true })
  }

  due(): void {
    const { endpoint, startedMs, silenceMs, deadline } = this
    const nowMs = this.means.clock.monotonic()
    const silentMs = nowMs - Math.max(startedMs, endpoint.succeededAtMs)
    const untilMs = Math.min(silenceMs - silentMs, startedMs + attemptMsMost - nowMs, deadline.atMs - nowMs)
    if (untilMs >= 1) {
      this.dueAtMs = nowMs + untilMs
      this.means.dueTimes.add(this)
      return
    }
    this.stop(`no answer from ${endpoint.address} within ${Math.round(nowMs - startedMs)} ms`)
    endpoint.unanswered()
  }

  private readonly aborted = (): void => this.stop(endedBySignal)

  private stop(why: string): void {
    this.overdue ??= why
    if (this.call !== undefined) this.endpoint.cancel(this.call)
  }

  private readonly ended = (code: number, details: string, response: R | undefined, nowMs: number): void => {
    const { means, overdue } = this
    means.dueTimes.remove(this)
    this.deadline.signal?.removeEventListener('abort', this.aborted)
    if ((code as status) === status.OK) {
      means.patience.observe(nowMs - this.startedMs)
      this.resolve(response!)
    } else if (overdue === undefined) this.reject(new AttemptFailed(code, details))
    else this.reject(new AttemptFailed(status.DEADLINE_EXCEEDED, overdue))
  }
}
