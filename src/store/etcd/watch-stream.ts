import { type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js'
import type { Cancel } from '../../base/clock.ts'
import type { Endpoint } from './endpoint.ts'
import { AttemptFailed } from './failure.ts'
import type { Members } from './members.ts'
import { methods, toNumber, type WatchRequest, type WatchResponse } from './protocol.ts'

const tickMs = 250
/** After so much silence a question is asked ... */
const quietMsMax = 400
/** ... which has to be answered within so much. */
const answerMsMax = 800
/**
 * ... unless something comes in on the connection: a large event over a slow line takes long, and what was asked is answered
 * behind it. But not for longer than this: what comes may belong to other calls.
 */
const messageMsMax = 60_000

export interface WatchRange {
  readonly key: Uint8Array
  readonly rangeEnd: Uint8Array
}

export interface WatchStreamListener {
  response(id: number, response: WatchResponse): void
  /** Once; nothing more comes. */
  ended(failure: AttemptFailed): void
}

/**
 * One stream with any number of watches. The ids are ours, and used once in a stream: what still comes for a watch that was
 * cancelled concerns nobody.
 *
 * A member that hangs keeps its connection and says nothing, and a progress request may rightly stay without an answer
 * while watches catch up. So the question that a silent member has to answer is the beginning of another watch.
 */
export class WatchStream {
  readonly endpoint: Endpoint
  private readonly members: Members
  private readonly listener: WatchStreamListener
  private readonly call: ClientDuplexStream<WatchRequest, WatchResponse>
  private readonly cancelTicks: Cancel
  private lastId = 0
  private lastAnsweredId = 0
  private isEnded = false
  private heardAtMs: number
  private tickedAtMs: number
  /** When something was asked that has to be answered, until anything is heard. */
  private askedAtMs: number | undefined
  private bytesSeen = 0

  constructor(members: Members, listener: WatchStreamListener) {
    const { clock } = members
    this.members = members
    this.listener = listener
    this.endpoint = members.current
    this.call = this.endpoint.stream(methods.watch, members.metadataNow)
    this.heardAtMs = clock.monotonic()
    this.tickedAtMs = this.heardAtMs
    this.cancelTicks = clock.every(tickMs, () => this.tick(), { background: true })
    this.call.on('data', (response: WatchResponse) => this.heard(response))
    this.call.on('error', ({ code, details }: ServiceError) => this.end(new AttemptFailed(code, details)))
    this.call.on('end', () => this.end(new AttemptFailed(status.UNAVAILABLE, 'the stream of watches ended')))
  }

  /** Gives the id by which its responses come. */
  create({ key, rangeEnd }: WatchRange, startRevision: number): number {
    const watchId = ++this.lastId
    this.call.write({
      createRequest: { key, rangeEnd, startRevision, prevKv: true, watchId, fragment: true },
    })
    this.askedAtMs ??= this.members.clock.monotonic()
    return watchId
  }

  cancel(watchId: number): void {
    if (!this.isEnded) this.call.write({ cancelRequest: { watchId } })
  }

  end(failure: AttemptFailed): void {
    if (this.isEnded) return
    this.isEnded = true
    this.cancelTicks()
    this.call.cancel()
    this.listener.ended(failure)
  }

  private heard(response: WatchResponse): void {
    if (this.isEnded) return
    this.heardAtMs = this.members.clock.monotonic()
    this.askedAtMs = undefined
    this.endpoint.answered()
    // Beginnings are answered in their order. One that is refused comes without its id.
    const id = response.created === true ? ++this.lastAnsweredId : toNumber(response.watchId)
    this.listener.response(id, response)
  }

  private tick(): void {
    const { clock } = this.members
    const nowMs = clock.monotonic()
    // This process was not there to hear: the time in which it stood still does not count against the member.
    const isLate = nowMs - this.tickedAtMs > 2 * tickMs
    this.tickedAtMs = nowMs
    const { bytesRead } = this.endpoint
    const isComing = bytesRead !== this.bytesSeen && nowMs - this.heardAtMs < messageMsMax
    this.bytesSeen = bytesRead
    if (this.askedAtMs === undefined) {
      if (nowMs - this.heardAtMs >= quietMsMax) this.ask()
    } else if (isLate || isComing) this.askedAtMs = nowMs
    else if (nowMs - this.askedAtMs >= answerMsMax) {
      const asked = this.askedAtMs
      // What has come in and was not read yet comes first.
      clock.soon(() => {
        if (this.askedAtMs === asked) this.giveUp()
      })
    }
  }

  private ask(): void {
    const id = this.create({ key: this.members.probeKey, rangeEnd: noRange }, 0)
    this.cancel(id)
  }

  private giveUp(): void {
    if (this.isEnded) return
    const { endpoint } = this
    this.end(new AttemptFailed(status.UNAVAILABLE, `${endpoint.address} said nothing for ${answerMsMax} ms`))
    // Its connection may be dead for long; whoever comes back makes another.
    endpoint.drop()
  }
}

const noRange = new Uint8Array()
