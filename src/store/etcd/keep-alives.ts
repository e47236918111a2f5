import { type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js'
import type { Long } from '@grpc/proto-loader'
import type { Cancel } from '../../base/clock.ts'
import type { Deadline } from './deadline.ts'
import { Effort } from './effort.ts'
import type { Endpoint } from './endpoint.ts'
import { AttemptFailed } from './failure.ts'
import type { Members } from './members.ts'
import { type LeaseResponse, methods, toNumber } from './protocol.ts'

/** An idle stream holds its connection, and the process. */
const idleMs = 5_000
/** A member answers one after the other, and asks its leader for each. */
const answerMsMin = 300

interface Waiting {
  readonly id: Long
  readonly sentAtMs: number
  readonly resolve: (ttlS: number) => void
  readonly reject: (error: AttemptFailed) => void
}

/**
 * Keep-alives of all leases over one stream.
 *
 * - EK-1 etcd answers in the order of the requests, so an answer belongs to the oldest request. No answer counts for a request
 *   that was sent after the one it belongs to: a holder counts from when it sent.
 * - EK-2 A stream that gives no answer for a while, though it owes one, is given up; what it owed is asked elsewhere.
 */
export class KeepAlives {
  private readonly members: Members
  private stream: Stream | undefined

  constructor(members: Members) {
    this.members = members
  }

  /** The granted seconds; 0 where there is no such lease. */
  async send(id: Long, deadline: Deadline): Promise<number> {
    const effort = new Effort(this.members, deadline)
    for (;;) {
      const stream = this.open()
      try {
        return await stream.send(id, deadline)
      } catch (error) {
        if (this.stream === stream && stream.isEnded) this.stream = undefined
        await effort.failed(stream.endpoint, error)
      }
    }
  }

  close(): void {
    this.stream?.end(status.CANCELLED, 'the store was closed')
  }

  private open(): Stream {
    if (this.stream === undefined || this.stream.isEnded) this.stream = new Stream(this.members)
    return this.stream
  }
}

class Stream {
  readonly endpoint: Endpoint
  isEnded = false
  private readonly members: Members
  private readonly call: ClientDuplexStream<{ id: Long }, LeaseResponse>
  private waiting: Waiting[] = []
  private lastAnswerMs = -Infinity
  private cancelCheck: Cancel | undefined

  constructor(members: Members) {
    this.members = members
    this.endpoint = members.current
    this.call = this.endpoint.stream(methods.keepAlive, members.metadataNow)
    this.call.on('data', (response: LeaseResponse) => this.answered(response))
    this.call.on('error', ({ code, details }: ServiceError) => this.end(code, details))
    this.call.on('end', () => this.end(status.UNAVAILABLE, 'the stream of keep-alives ended'))
  }

  send(id: Long, deadline: Deadline): Promise<number> {
    return new Promise<number>((resolve, reject) => {
      // What waits stays in the line when nobody waits for it any more: its answer comes all the same (EK-1).
      const unlink = deadline.onEnd(() =>
        reject(new AttemptFailed(status.DEADLINE_EXCEEDED, 'no answer to a keep-alive')),
      )
      this.waiting.push({
        id,
        sentAtMs: this.members.clock.monotonic(),
        resolve: (ttlS) => {
          unlink()
          resolve(ttlS)
        },
        reject: (error) => {
          unlink()
          reject(error)
        },
      })
      this.call.write({ id })
      this.planCheck()
    })
  }

  end(code: number, details: string): void {
    if (this.isEnded) return
    this.isEnded = true
    this.cancelCheck?.()
    this.call.cancel()
    for (const { reject } of this.waiting) reject(new AttemptFailed(code, details))
    this.waiting = []
  }

  private answered({ id, ttl }: LeaseResponse): void {
    if (this.isEnded) return
    const oldest = this.waiting.shift()
    if (oldest === undefined || id?.equals(oldest.id) !== true) {
      oldest?.reject(new AttemptFailed(status.INTERNAL, 'keep-alives were not answered in order'))
      this.end(status.INTERNAL, 'keep-alives were not answered in order')
      return
    }
    this.lastAnswerMs = this.members.clock.monotonic()
    this.endpoint.answered()
    oldest.resolve(Math.max(0, toNumber(ttl)))
    this.planCheck()
  }

  /** Looks again when the oldest request would be late, or the stream idle for long. */
  private planCheck(): void {
    if (this.isEnded || this.cancelCheck !== undefined) return
    const { clock, patience } = this.members
    const answerMs = Math.max(answerMsMin, patience.attemptMs(0))
    const oldest = this.waiting[0]
    const nowMs = clock.monotonic()
    const dueMs =
      oldest === undefined
        ? Math.max(nowMs, this.lastAnswerMs) + idleMs
        : Math.max(oldest.sentAtMs, this.lastAnswerMs) + answerMs
    const check = (): void => {
      this.cancelCheck = undefined
      this.check(answerMs)
    }
    this.cancelCheck = clock.after(Math.max(1, dueMs - nowMs), check, { background: true })
  }

  private check(answerMs: number): void {
    const oldest = this.waiting[0]
    const nowMs = this.members.clock.monotonic()
    if (oldest === undefined) {
      if (nowMs - this.lastAnswerMs >= idleMs) this.end(status.OK, 'idle')
      else this.planCheck()
    } else if (nowMs - Math.max(oldest.sentAtMs, this.lastAnswerMs) >= answerMs) {
      this.endpoint.unanswered()
      this.end(status.DEADLINE_EXCEEDED, `no answer to a keep-alive from ${this.endpoint.address}`)
    } else this.planCheck()
  }
}
