import { Pool } from '../base/pool.ts'
import type { Random } from '../base/random.ts'
import { trackEntryNumbers } from '../wire/frame.ts'

/**
 * Which messages of a parcel belong to the trees of tracked messages, and with what part of the tree's token.
 *
 * A tracked message and all that is derived from it are a tree. Its source keeps a token of 64 bits, which is not zero.
 * Whoever handles a message of the tree holds a part of the token, and splits it (by XOR with a random number of 64 bits)
 * among the messages that it sends on; where it sends none, its part goes back to the source. So the XOR of all that is on
 * its way is what the source keeps, and a tree whose parts have all come back is at zero, however large it was, and in
 * whatever order they came. (The acker of Apache Storm, but for one thing: there both ends of each edge are told. Here only
 * leaves tell, so that a message that goes from step to step costs no message back, and no random number.)
 *
 * - TK-1 The XOR of the parts that are on their way, held by handlers, or on their way back is the source's token.
 * - TK-2 No parts but all of them make up the token, but by chance: 1 in 2^64 for each that comes back. What is taken out of
 *   a token is random, so that the token itself may be used again.
 * - TK-3 What is lost (a worker has gone) never comes back: its tree is over when its time is.
 * - TK-4 A parcel without tracked messages has no tracks, and travels as if there were no such thing.
 */

/** By index of the message among the items of its parcel; behind them, that of the parcel's control. */
export type Tracks = (Track | undefined)[]

/** Of a thread. Others are left to the collector. */
const freeTracksMax = 65_536

/** Draws what is taken out of tokens: sfc32 (Chris Doty-Humphrey), which is not linear, as TK-2 needs it. */
export class TokenSource {
  /** What was drawn last. */
  a = 0
  b = 0
  private s0: number
  private s1: number
  private s2: number
  private counter = 1
  private readonly free = new Pool<Track>(freeTracksMax)

  constructor(random: Random) {
    const word = (): number => random.int(0x1_0000) * 0x1_0000 + random.int(0x1_0000)
    this.s0 = word() | 0
    this.s1 = word() | 0
    this.s2 = word() | 0
    for (let i = 0; i < 12; i++) this.step()
  }

  /** A part of a token. It is let go of by `settle`, or where it leaves its thread. */
  track(worker: number, tree: number, stamp: number, a: number, b: number): Track {
    const track = this.free.take() ?? new Track(this)
    track.worker = worker
    track.tree = tree
    track.stamp = stamp
    track.a = a
    track.b = b
    return track
  }

  letGo(track: Track): void {
    this.free.give(track)
  }

  draw(): void {
    this.a = this.step()
    this.b = this.step()
    // Both zero would be a part that changes nothing.
    if ((this.a | this.b) === 0) this.a = 1
  }

  step(): number {
    const t = (((this.s0 + this.s1) | 0) + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.s0 = this.s1 ^ (this.s1 >>> 9)
    this.s1 = (this.s2 + (this.s2 << 3)) | 0
    this.s2 = (this.s2 << 21) | (this.s2 >>> 11)
    this.s2 = (this.s2 + t) | 0
    return t
  }
}

/** Where what is left of a token goes back to. */
export interface TrackSink {
  report(worker: number, tree: number, stamp: number, a: number, b: number): void
}

/** A part of a token: of a message on its way, or of who is at work on it. */
export class Track {
  worker = 0
  tree = 0
  stamp = 0
  a = 0
  b = 0
  private readonly tokens: TokenSource

  constructor(tokens: TokenSource) {
    this.tokens = tokens
  }

  /** A part of it, taken out. */
  split(): Track {
    const { a, b } = this.give()
    return this.tokens.track(this.worker, this.tree, this.stamp, a, b)
  }

  /** The same, for what goes back to the source by itself. */
  give(): { readonly a: number; readonly b: number } {
    const { tokens } = this
    tokens.draw()
    const { a, b } = tokens
    this.a ^= a
    this.b ^= b
    return { a, b }
  }

  /** It goes back, and nobody holds it any more. */
  settle(sink: TrackSink): void {
    sink.report(this.worker, this.tree, this.stamp, this.a, this.b)
    this.tokens.letGo(this)
  }

  /** It has left its thread, as numbers. */
  letGo(): void {
    this.tokens.letGo(this)
  }
}

/** Where messages wait to leave: an output channel. */
export interface TrackedChannel {
  /** Messages that wait. */
  readonly count: number
  /** Theirs; a list while there is a run. */
  readonly tracks: Tracks | null
  /** Who may have lent a track to one of them: `borrower` of that is this channel, and of no other. */
  lender: Lender | undefined
  openRun(run: TrackRun): void
  closeRun(): void
}

/**
 * Who is at work on a message: one call of a handler. The last message that it has sent has its track on loan, while that
 * message waits in its channel: when the handler ends by then, the track goes on with the message as it is. Where the
 * handler sends another one, or the message has to leave before, the message is given a part of its own.
 *
 * What is on loan is noted here, and not in the track: a track is not touched by a step that hands on one message for each
 * that it gets, and there are more of them on their way than caches hold.
 */
export class Lender {
  /** Of the tree that its message belongs to; null for none. */
  track: Track | null = null
  /** Index of the message that has the track on loan, among those that wait in `borrower`; -1 for none. */
  loanAt = -1
  /** The channel that it has sent to last; undefined when that has sent its messages off since, or somebody else has lent to it. */
  borrower: TrackedChannel | undefined = undefined

  /** The message that has it on loan gets a part of its own. */
  endLoan(): void {
    if (this.loanAt < 0) return
    this.borrower!.tracks![this.loanAt] = this.track!.split()
    this.loanAt = -1
  }

  /** Lets go of the channel. */
  leave(): void {
    this.endLoan()
    if (this.borrower !== undefined) this.borrower.lender = undefined
    this.borrower = undefined
  }

  /** The handler has ended: the message keeps what it has on loan; without one, it goes back. */
  settleTrack(sink: TrackSink): void {
    if (this.loanAt >= 0) this.loanAt = -1
    else this.track?.settle(sink)
    this.track = null
  }
}

/** Of who sends nothing: nothing ever waits there. */
export const nowhere: TrackedChannel = {
  count: 0,
  tracks: null,
  lender: undefined,
  openRun: () => undefined,
  closeRun: () => undefined,
}

/**
 * Handlers at work on the messages of one parcel, one after the other, that send to one channel only. What a handler has
 * sent is given its tracks when it has ended: so nothing is noted for each message that is sent, and the track of a handler
 * that has sent one goes on with that as it is.
 *
 * Where the channel sends its messages off meanwhile, those of the handler at work are given parts of their own. A handler
 * that does more than to send (it opens a group, or returns a promise) leaves the run, and lends from then on.
 */
export class TrackRun {
  /** Index of the message at work. Written by the loop of messages, as `first` is. */
  at = 0
  /** Index in the channel of the first message that the handler at work has sent, and that has no track so far. */
  first = 0
  private tracks: Tracks = []
  private channel: TrackedChannel = nowhere
  /** The handler at work is no part of it any more. */
  hasLeft = false

  begin(tracks: Tracks, channel: TrackedChannel): void {
    this.tracks = tracks
    this.channel = channel
    this.first = channel.count
    channel.openRun(this)
  }

  close(): void {
    this.channel.closeRun()
    this.channel = nowhere
    this.hasLeft = false
  }

  /** That of the message at work. */
  get track(): Track | undefined {
    return this.tracks[this.at]
  }

  /** The handler has ended, and has not sent just one message. False when it has left: the loop begins anew then. */
  end(track: Track | undefined, lender: Lender, sink: TrackSink): boolean {
    if (this.hasLeft) {
      lender.settleTrack(sink)
      return false
    }
    if (track === undefined) return true
    const last = this.channel.count - 1
    if (last < this.first) track.settle(sink)
    else {
      this.giveParts(track, last)
      this.channel.tracks![last] = track
    }
    return true
  }

  /** The channel sends off what waits. */
  sendOff(): void {
    if (this.hasLeft) return
    const { track } = this
    if (track !== undefined) this.giveParts(track, this.channel.count)
    this.first = 0
  }

  /** Idempotent. */
  leave(lender: Lender): void {
    if (this.hasLeft) return
    const { track } = this
    if (track !== undefined) this.giveParts(track, this.channel.count)
    lender.track = track ?? null
    this.hasLeft = true
    // So that the loop does not take it for one that has sent one message.
    this.first = Number.MIN_SAFE_INTEGER
  }

  private giveParts(track: Track, end: number): void {
    const tracks = this.channel.tracks!
    for (let at = this.first; at < end; at++) tracks[at] = track.split()
  }
}

/** Of one message alone, for a parcel of its own; null where that is not tracked. */
export function tracksOfOne(tracks: Tracks | null, index: number): Tracks | null {
  const track = tracks?.[index]
  return track === undefined ? null : [track]
}

/** Nothing is done with the messages of these indices: they are complete. */
export function settleTracks(tracks: Tracks | null, from: number, end: number, sink: TrackSink): void {
  if (tracks === null) return
  for (let at = from; at < end && at < tracks.length; at++) tracks[at]?.settle(sink)
}

/** As they cross a link: see `wire/frame.ts`. They are let go of. */
export function entriesOf(tracks: Tracks): Int32Array {
  const entries = new Int32Array(tracks.length * trackEntryNumbers)
  let used = 0
  for (let index = 0; index < tracks.length; index++) {
    const track = tracks[index]
    if (track === undefined) continue
    entries[used] = index
    entries[used + 1] = track.worker
    entries[used + 2] = track.tree
    entries[used + 3] = track.stamp
    entries[used + 4] = track.a
    entries[used + 5] = track.b
    used += trackEntryNumbers
    track.letGo()
  }
  return entries.subarray(0, used)
}

/** `count`: of indices. */
export function tracksOf(entries: Int32Array, count: number, tokens: TokenSource): Tracks {
  const tracks: Tracks = Array.from({ length: count }, () => undefined)
  for (let at = 0; at < entries.length; at += trackEntryNumbers)
    tracks[entries[at]!] = tokens.track(
      entries[at + 1]!,
      entries[at + 2]!,
      entries[at + 3]!,
      entries[at + 4]!,
      entries[at + 5]!,
    )
  return tracks
}
