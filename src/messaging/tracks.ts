import type { Random } from '../base/random.ts'
import { trackEntryNumbers } from '../wire/frame.ts'

/**
 * Which messages of a parcel belong to the trees of tracked messages, and with what part of the tree's token.
 *
 * A tracked message and all that is derived from it are a tree. Its source draws a token, a random number of 64 bits, and
 * keeps it. Whoever handles a message of the tree holds a part of the token, and splits it (by XOR with a random number)
 * among the messages that it sends on; where it sends none, its part goes back to the source. So the XOR of all that is on
 * its way is what the source keeps, and a tree whose parts have all come back is at zero, however large it was, and in
 * whatever order they came. (The acker of Apache Storm, but for one thing: there both ends of each edge are told. Here only
 * leaves tell, so that a message that goes from step to step costs no message back, and no random number.)
 *
 * - TK-1 The XOR of the parts that are on their way, held by handlers, or on their way back is the source's token.
 * - TK-2 No part is a XOR of others, but by chance: 1 in 2^64 for each that comes back.
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
  /** Those that nobody holds: used again, since what lives for so short a time, and yet is passed on so often, costs the collector most. */
  private readonly free: Track[] = []

  constructor(random: Random) {
    const word = (): number => random.int(0x1_0000) * 0x1_0000 + random.int(0x1_0000)
    this.s0 = word() | 0
    this.s1 = word() | 0
    this.s2 = word() | 0
    for (let i = 0; i < 12; i++) this.step()
  }

  /** A part of a token. It is let go of by `settle`, or where it leaves its thread. */
  track(worker: number, tree: number, stamp: number, a: number, b: number): Track {
    const track = this.free.pop() ?? new Track(this)
    track.worker = worker
    track.tree = tree
    track.stamp = stamp
    track.a = a
    track.b = b
    return track
  }

  letGo(track: Track): void {
    if (this.free.length < freeTracksMax) this.free.push(track)
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

/** Where messages wait to leave: an output channel. */
export interface TrackedChannel {
  /** Of the messages that wait. */
  readonly tracks: Tracks | null
  /** Who has sent the last of them, and is still at work. */
  lender: Track | undefined
}

/**
 * A part of a token: of a message on its way, and of the handler at work on it. The last message that a handler has sent
 * has the handler's own on loan, while it waits in its channel: when the handler ends by then, it goes on with the message
 * as it is. Where the handler sends another one, or the message has to leave before, the loan is split.
 */
export class Track {
  worker = 0
  tree = 0
  stamp = 0
  a = 0
  b = 0
  /** Where the message waits that has it on loan; undefined for none. */
  channel: TrackedChannel | undefined = undefined
  /** Its index there. */
  at = 0
  private readonly tokens: TokenSource

  constructor(tokens: TokenSource) {
    this.tokens = tokens
  }

  /** The message that has it on loan gets a part of its own. */
  split(): void {
    const { channel, tokens } = this
    if (channel === undefined) return
    tokens.draw()
    const { a, b } = tokens
    channel.tracks![this.at] = this.with(this.a ^ a, this.b ^ b)
    this.a = a
    this.b = b
    this.endLoan()
  }

  /** Takes a part out of it, for what goes back to the source by itself; a message that has it on loan keeps the rest. */
  give(): { readonly a: number; readonly b: number } {
    const { tokens } = this
    tokens.draw()
    const { a, b } = tokens
    this.a ^= a
    this.b ^= b
    return { a, b }
  }

  /** The handler has ended: the message keeps what it has on loan; without one, it goes back, and nobody holds it any more. */
  settle(sink: TrackSink): void {
    if (this.channel !== undefined) {
      this.endLoan()
      return
    }
    sink.report(this.worker, this.tree, this.stamp, this.a, this.b)
    this.tokens.letGo(this)
  }

  /** It has left its thread, as numbers. */
  letGo(): void {
    this.tokens.letGo(this)
  }

  private with(a: number, b: number): Track {
    return this.tokens.track(this.worker, this.tree, this.stamp, a, b)
  }

  private endLoan(): void {
    this.channel!.lender = undefined
    this.channel = undefined
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
