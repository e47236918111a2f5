import type { Cancel } from '../../base/clock.ts'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { Link } from '../link.ts'
import { Backoff } from './backoff.ts'
import { Dialling } from './dialling.ts'
import type { Hello, Identity } from './hello.ts'
import type { Dial, Line, LineHandlers } from './line.ts'
import type { LinkEvent } from './link-events.ts'
import { showIdentity } from './match.ts'
import type { LinkMeans } from './means.ts'
import { type Judgement, Session } from './session.ts'

export interface LinkOptions {
  readonly peer: Identity
  /** At the end that dials; the other end waits. Exactly one of the two does. */
  readonly dial?: Dial
  /** Of the plan that this end goes by. Default: 0, for control connections. */
  readonly generation?: () => number
  readonly onEvent: (event: LinkEvent) => void
  /** A line that was up is no more; the link makes another one. For those who look what became of the other end. */
  readonly onBroken?: (error: VertigoError) => void
}

type Phase =
  | { readonly type: 'waiting'; readonly cancel?: Cancel }
  | { readonly type: 'dialling'; readonly dialling: Dialling; readonly sinceMs: number }
  | { readonly type: 'up'; readonly line: Line; readonly sinceMs: number }
  | { readonly type: 'lost'; readonly error: VertigoError }
  | { readonly type: 'closed' }

/**
 * A link that outlives its lines: it drives a `Session` over one line after the other. All that is shared by the links
 * of a worker (listening, the clock's tick) is the endpoint's.
 */
export class ResumingLink implements Link {
  readonly peer: Identity
  readonly session: Session
  /** Lines that were up so far. */
  lines = 0
  private readonly means: LinkMeans
  private readonly options: LinkOptions
  private readonly onClosed: (link: ResumingLink) => void
  private readonly backoff: Backoff
  private phase: Phase = { type: 'waiting' }
  private receiver: ((frame: Uint8Array) => void) | undefined
  private early: Uint8Array[] = []
  private earlyBytes = 0
  private attempts = 0
  private isFlushDue = false
  /** The line cannot take more at the moment. */
  private isBlocked = false
  private hasWritten = false
  private heardMs: number
  private heardAtMs: number
  /** What was told last. */
  private reachable: boolean | undefined
  private refusedCode: string | undefined
  private lastError: VertigoError | undefined
  private readonly flushNow = (): void => this.flush()

  constructor(means: LinkMeans, options: LinkOptions, onClosed: (link: ResumingLink) => void) {
    this.means = means
    this.options = options
    this.peer = options.peer
    this.onClosed = onClosed
    this.backoff = new Backoff(means.limits, means.random)
    this.session = new Session(endName(means.random), means.limits, (frame) => this.deliver(frame))
    this.heardMs = means.clock.monotonic()
    this.heardAtMs = means.clock.now()
    if (options.dial !== undefined) this.dialAfter(0)
  }

  get isUp(): boolean {
    return this.phase.type === 'up'
  }

  get dials(): boolean {
    return this.options.dial !== undefined
  }

  /** Errors: LINK_LOST, LINK_CLOSED, LINK_BACKLOG_FULL; the frame was not taken then. */
  send(frame: Uint8Array): void {
    if (this.phase.type === 'lost') throw this.phase.error
    if (this.phase.type === 'closed') {
      throw new VertigoError('LINK_CLOSED', `the link to ${showIdentity(this.peer)} is closed`)
    }
    this.session.send(frame)
    this.flushSoon()
  }

  receive(onFrame: (frame: Uint8Array) => void): void {
    this.receiver = onFrame
    this.earlyBytes = 0
    for (const frame of this.early.splice(0)) onFrame(frame)
  }

  /** What was sent still leaves where a line is up and can take it. Nothing is told afterwards. */
  close(): void {
    const { phase } = this
    if (phase.type === 'closed') return
    if (phase.type === 'up') {
      phase.line.write(this.session.takeOutput())
      phase.line.end()
    }
    this.leave({ type: 'closed' })
    this.session.clear()
    this.onClosed(this)
  }

  /** Whether it has met the other end, and so has something to lose. */
  get hasMet(): boolean {
    return this.session.peerEnd !== null
  }

  /** What this end says of itself on a line that is made now. */
  hello(attempt: number): Hello {
    const { versions, cluster, network, self } = this.means.pairing
    const { end, peerEnd, received } = this.session
    const generation = this.options.generation?.() ?? 0
    const to = this.peer
    return { versions, cluster, network, from: self, to, generation, end, peerEnd, attempt, received }
  }

  judge(hello: Hello): Judgement {
    return this.session.judge(hello)
  }

  /** Goes on over a line whose hellos fit. `rest`: bytes that came behind the handshake. */
  adopt(line: Line, hello: Hello, rest: Uint8Array): LineHandlers {
    this.leave({ type: 'up', line, sinceMs: this.means.clock.monotonic() })
    this.lines++
    this.session.lineUp(hello)
    this.isBlocked = false
    this.hasWritten = true
    this.heard()
    this.refusedCode = undefined
    if (this.reachable !== true) {
      this.reachable = true
      this.tell({ type: 'reachable', atMs: this.heardAtMs })
    }
    const isOfThisLine = (): boolean => this.phase.type === 'up' && this.phase.line === line
    if (rest.length > 0 && isOfThisLine()) this.bytes(rest)
    if (isOfThisLine()) this.flushSoon()
    return {
      opened: () => undefined,
      bytes: (bytes) => {
        if (isOfThisLine()) this.bytes(bytes)
      },
      drained: () => {
        if (!isOfThisLine()) return
        this.isBlocked = false
        this.flush()
      },
      closed: (error) => {
        if (isOfThisLine()) this.lineBroken(lineError(error))
      },
    }
  }

  /** The other end, or what it remembers, is not what this end goes on with (TL-3). */
  lose(message: string): void {
    if (this.phase.type === 'lost' || this.phase.type === 'closed') return
    const error = new VertigoError('LINK_LOST', `link to ${showIdentity(this.peer)}: ${message}`)
    this.leave({ type: 'lost', error })
    this.session.clear()
    this.tell({ type: 'lost', atMs: this.means.clock.now(), error })
  }

  /** Called by the endpoint four times in `linkLossMs`. */
  tick(nowMs: number): void {
    const silentMs = nowMs - this.heardMs
    // Told a tick early, so that it is never told later than it says.
    const isSilent = silentMs >= this.means.limits.linkLossMs * 0.75
    const { phase } = this
    if (phase.type === 'up') {
      if (isSilent) this.lineBroken(this.silence())
      else this.showLife(phase.line)
      if (nowMs - phase.sinceMs > this.means.limits.linkLossMs) this.backoff.reset()
    } else if (phase.type === 'dialling' && nowMs - phase.sinceMs >= this.means.limits.linkLossMs * 0.75) {
      this.attemptFailed(this.silence(), false)
    }
    if (isSilent && this.reachable !== false) this.tellUnreachable()
  }

  /** The process itself stood still: that nothing was heard says nothing about the other end. */
  excuse(): void {
    if (this.phase.type === 'up') this.heard()
  }

  private silence(): VertigoError {
    return new VertigoError('LINK_UNREACHABLE', `nothing is heard from ${showIdentity(this.peer)}`)
  }

  private tellUnreachable(): void {
    if (this.phase.type === 'lost' || this.phase.type === 'closed') return
    this.reachable = false
    const error = this.lastError ?? this.silence()
    this.tell({ type: 'unreachable', atMs: this.means.clock.now(), silentSinceMs: this.heardAtMs, error })
  }

  private tell(event: LinkEvent): void {
    this.options.onEvent(event)
  }

  private heard(): void {
    this.heardMs = this.means.clock.monotonic()
    this.heardAtMs = this.means.clock.now()
  }

  private bytes(bytes: Uint8Array): void {
    this.heard()
    try {
      this.session.bytes(bytes)
    } catch (error) {
      // After whatever was thrown, the rest of these bytes is not taken; it comes again on the next line.
      this.lineBroken(lineError(error))
      if (!isVertigoError(error) || error.code !== 'LINK_DATA_INVALID') throw error
      return
    }
    if (this.session.hasOutput) this.flushSoon()
  }

  private deliver(frame: Uint8Array): void {
    if (this.receiver !== undefined) {
      this.receiver(frame)
      return
    }
    this.earlyBytes += frame.length
    if (this.earlyBytes > this.means.limits.earlyBytesMax) {
      this.lose(
        `more than ${this.means.limits.earlyBytesMax} bytes came before anybody received (earlyBytesMax)`,
      )
      return
    }
    this.early.push(frame)
  }

  private flushSoon(): void {
    if (this.isFlushDue) return
    this.isFlushDue = true
    this.means.defer(this.flushNow)
  }

  private flush(): void {
    this.isFlushDue = false
    if (this.phase.type !== 'up' || this.isBlocked || !this.session.hasOutput) return
    this.hasWritten = true
    this.isBlocked = !this.phase.line.write(this.session.takeOutput())
  }

  /** A line over which nothing else was written since the last tick. A blocked one is not given more. */
  private showLife(line: Line): void {
    if (!this.hasWritten && !this.isBlocked) this.isBlocked = !line.write([this.session.takeSign()])
    this.hasWritten = false
  }

  private lineBroken(error: VertigoError): void {
    this.lastError = error
    this.leave({ type: 'waiting' })
    this.session.lineDown()
    this.dialAfter(this.backoff.next(false))
    this.options.onBroken?.(error)
  }

  private dialAfter(delayMs: number): void {
    if (this.options.dial === undefined) return
    this.leave({
      type: 'waiting',
      cancel: this.means.clock.after(delayMs, () => this.dialNow(), { background: true }),
    })
  }

  private dialNow(): void {
    const { dial } = this.options
    if (dial === undefined || this.phase.type !== 'waiting') return
    const dialling = new Dialling(this.means, this, ++this.attempts, {
      adopted: (line, hello, rest) => this.adopt(line, hello, rest),
      failed: (error, refused) => this.attemptFailed(error, refused),
      lost: (message) => this.lose(message),
    })
    this.phase = { type: 'dialling', dialling, sinceMs: this.means.clock.monotonic() }
    dialling.start(dial)
  }

  private attemptFailed(error: VertigoError, refused: boolean): void {
    this.lastError = error
    // A worker that is not expected yet is so in a moment: agents set up a plan at different times.
    this.dialAfter(this.backoff.next(refused && error.code !== 'LINK_UNKNOWN'))
    if (!refused || this.refusedCode === error.code) return
    this.refusedCode = error.code
    this.tell({ type: 'refused', atMs: this.means.clock.now(), error })
  }

  /** Lets go of what the phase holds, and takes the next. */
  private leave(next: Phase): void {
    const { phase } = this
    this.phase = next
    if (phase.type === 'waiting') phase.cancel?.()
    else if (phase.type === 'dialling') phase.dialling.stop(next.type === 'up')
    else if (phase.type === 'up' && next.type !== 'closed') phase.line.destroy()
  }
}

function lineError(error: unknown): VertigoError {
  if (isVertigoError(error)) return error
  if (error === undefined) return new VertigoError('LINK_UNREACHABLE', 'the other end has ended the line')
  const { message } = error as Error
  return new VertigoError('LINK_UNREACHABLE', `the line broke: ${message}`, { cause: error })
}

/** 96 bits: no two ends that could meet have the same name. */
function endName(random: Random): string {
  let name = ''
  for (let i = 0; i < 3; i++) name += random.int(0x1_0000_0000).toString(16).padStart(8, '0')
  return name
}
