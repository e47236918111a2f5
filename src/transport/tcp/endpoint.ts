import type { Cancel, Clock } from '../../base/clock.ts'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import {
  answerBytes,
  type Hello,
  type Identity,
  type Refusal,
  type Versions,
  versionsSpoken,
} from './hello.ts'
import { defaultLineLimits, type LineLimits } from './limits.ts'
import type { Line, LineHandlers } from './line.ts'
import { chooseVersion, mismatch, sameIdentity, showIdentity } from './match.ts'
import type { LinkMeans } from './means.ts'
import { type LinkOptions, ResumingLink } from './resuming-link.ts'
import { Stranger, type StrangerHost } from './stranger.ts'

export interface EndpointOptions {
  readonly cluster: string
  /** Null for control connections between nodes. */
  readonly network: string | null
  readonly self: Identity
  readonly clock: Clock
  readonly random: Random
  readonly limits?: Partial<LineLimits>
  /** Default: those that this version speaks. */
  readonly versions?: Versions
  /**
   * Whether a line from this other end is welcome: the plan says who is current. It may make the link that the line
   * belongs to. Called for hellos that are meant for this end in all other ways.
   */
  readonly accept: (hello: Hello) => 'ok' | Refusal
  /** Somebody connected and was turned away: for the log. Never more than a few a second. */
  readonly onTurnedAway?: (remote: string, error: VertigoError, more: number) => void
  /** See `LinkMeans`. Default: `clock.soon`. */
  readonly defer?: (action: () => void) => void
}

/** What is told of strangers that are turned away: whoever floods the port does not flood the log. */
const turnedAwayToldPerTick = 5

/** All links of a worker (or of a node, for control connections), and the lines that others make to it. */
export class Endpoint {
  readonly limits: LineLimits
  private readonly options: EndpointOptions
  private readonly means: LinkMeans
  private readonly links = new Set<ResumingLink>()
  /** In the order in which they came. */
  private readonly strangers = new Set<Stranger>()
  private readonly host: StrangerHost
  private readonly stopTicking: Cancel
  private lastTickMs: number
  private told = 0
  private untold = 0
  private isClosed = false

  constructor(options: EndpointOptions) {
    const { cluster, network, self, clock, random, versions = versionsSpoken } = options
    this.options = options
    this.limits = { ...defaultLineLimits, ...options.limits }
    const defer = options.defer ?? ((action: () => void) => clock.soon(action))
    this.means = { clock, random, limits: this.limits, pairing: { versions, cluster, network, self }, defer }
    this.lastTickMs = clock.monotonic()
    this.stopTicking = clock.every(this.limits.linkLossMs / 4, () => this.tick(), {
      background: true,
      coarse: true,
    })
    this.host = {
      admit: (line, hello, rest) => this.admit(line, hello, rest),
      refused: (stranger, error) => this.tellTurnedAway(stranger.remote, error),
      left: (stranger, error) => {
        this.strangers.delete(stranger)
        if (error !== undefined) this.tellTurnedAway(stranger.remote, error)
      },
    }
  }

  /** One end of a link to another worker; to be closed by whoever asked for it, or with the endpoint. */
  link(options: LinkOptions): ResumingLink {
    if (this.isClosed) throw new VertigoError('LINK_CLOSED', 'the endpoint is closed')
    const link = new ResumingLink(this.means, options, (closed) => this.links.delete(closed))
    this.links.add(link)
    return link
  }

  /** A line that somebody else has made; for a listener. */
  accepted(line: Line): LineHandlers {
    const stranger = new Stranger(line, this.host, this.limits.helloBytesMax, this.means.clock.monotonic())
    if (this.isClosed) {
      line.destroy()
      return stranger
    }
    if (this.strangers.size >= this.limits.handshakesMax) {
      const [oldest] = this.strangers
      oldest?.turnAway(invalid(`more than ${this.limits.handshakesMax} handshakes at a time (handshakesMax)`))
    }
    this.strangers.add(stranger)
    return stranger
  }

  /** For a listener: a socket that never was a line, as of a TLS handshake that failed. It counts with the others. */
  failed(remote: string, error: Error): void {
    this.tellTurnedAway(remote, isVertigoError(error) ? error : invalid(error.message, error))
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.stopTicking()
    for (const link of this.links) link.close()
    for (const stranger of this.strangers) stranger.turnAway(invalid('the endpoint is closed'))
  }

  private tick(): void {
    const nowMs = this.means.clock.monotonic()
    const stoodStill = nowMs - this.lastTickMs > this.limits.linkLossMs / 2
    this.lastTickMs = nowMs
    for (const link of this.links) {
      if (stoodStill) link.excuse()
      link.tick(nowMs)
    }
    for (const stranger of this.strangers) {
      if (nowMs - stranger.sinceMs < this.limits.helloMs) break
      stranger.turnAway(invalid(`no handshake within ${this.limits.helloMs} ms (helloMs)`))
    }
    this.told = 0
  }

  private admit(line: Line, hello: Hello, rest: Uint8Array): LineHandlers | Refusal | undefined {
    const refusal = mismatch(this.means.pairing, hello) ?? line.identityFault(hello.from.node)
    if (refusal !== undefined) return refusal
    const decision = this.options.accept(hello)
    if (decision !== 'ok') return decision
    const link = this.waitingLink(hello.from)
    if (link === undefined) return unknown(this.options.self, hello.from)
    const judgement = link.judge(hello)
    if (judgement.type === 'late') return undefined
    if (judgement.type === 'fits') return this.welcome(line, link, hello, rest)
    if (judgement.memory === 'own') return { code: 'LINK_LOST', message: judgement.message }
    link.lose(judgement.message)
    // Whoever was told may have put a new link in its place.
    const next = this.waitingLink(hello.from)
    return next !== undefined && next !== link && next.judge(hello).type === 'fits'
      ? this.welcome(line, next, hello, rest)
      : { code: 'LINK_LOST', message: judgement.message }
  }

  private welcome(line: Line, link: ResumingLink, hello: Hello, rest: Uint8Array): LineHandlers {
    const version = chooseVersion(this.means.pairing.versions, hello.versions)!
    line.write([answerBytes({ type: 'welcome', hello: link.hello(hello.attempt), version })])
    return link.adopt(line, hello, rest)
  }

  private waitingLink(peer: Identity): ResumingLink | undefined {
    for (const link of this.links) if (!link.dials && sameIdentity(link.peer, peer)) return link
    return undefined
  }

  private tellTurnedAway(remote: string, error: VertigoError): void {
    if (this.told >= turnedAwayToldPerTick) {
      this.untold++
      return
    }
    this.told++
    const more = this.untold
    this.untold = 0
    this.options.onTurnedAway?.(remote, error, more)
  }
}

function unknown(self: Identity, from: Identity): Refusal {
  return { code: 'LINK_UNKNOWN', message: `${showIdentity(self)} does not expect ${showIdentity(from)}` }
}

function invalid(message: string, cause?: Error): VertigoError {
  return new VertigoError('LINK_HANDSHAKE_INVALID', message, { cause })
}
