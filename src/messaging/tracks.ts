import type { Random } from '../base/random.ts'

/**
 * Which messages of a parcel belong to the trees of tracked messages, and with what part of the tree's token.
 *
 * A tracked message and all that is derived from it are a tree. Its source draws a token, a random number of 64 bits, and
 * keeps it. Whoever handles a message of the tree holds a part of the token: for each message that is sent on, a random
 * number is taken out of it (by XOR) and goes with that message; what is left when the handler has ended goes with the
 * last message, or back to the source where there is none. So the XOR of all that is on its way is what the source keeps,
 * and a tree whose parts have all come back is at zero, however large it was, and in whatever order they came. (The acker
 * of Apache Storm, but for one thing: there both ends of each edge are told. Here only leaves tell, so that a message that
 * goes from step to step costs no message back.)
 *
 * - TK-1 The XOR of the parts that are on their way, held by handlers, or on their way back is the source's token.
 * - TK-2 No part is a XOR of others, but by chance: 1 in 2^64 for each that comes back.
 * - TK-3 What is lost (a worker has gone) never comes back: its tree is over when its time is.
 * - TK-4 A parcel without tracked messages has no tracks, and travels as if there were no such thing.
 */

/**
 * Numbers of 32 bits for each tracked message, and one more for the parcel's control if that is: its index among the items
 * (for the control, the number of items), the worker of its source, the tree there (two numbers), its part (two).
 */
export const trackNumbers = 6

/** Entries by ascending index. */
export type Tracks = Int32Array

const firstEntries = 16
const growth = 4

/** Draws what is taken out of tokens: sfc32 (Chris Doty-Humphrey), which is not linear, as TK-2 needs it. */
export class TokenSource {
  /** What was drawn last. */
  a = 0
  b = 0
  private s0: number
  private s1: number
  private s2: number
  private counter = 1

  constructor(random: Random) {
    const word = (): number => random.int(0x1_0000) * 0x1_0000 + random.int(0x1_0000)
    this.s0 = word() | 0
    this.s1 = word() | 0
    this.s2 = word() | 0
    for (let i = 0; i < 12; i++) this.step()
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
  /** Of the messages that wait; another array once they have left. */
  readonly tracks: Tracks | null
}

/** The part of a token that one handler holds. */
export class Track {
  worker = 0
  tree = 0
  stamp = 0
  a = 0
  b = 0
  /** Where the last message that was sent waits, with its entry: it may still be given more. */
  private channel: TrackedChannel | undefined = undefined
  private entries: Tracks = none
  private at = 0
  private readonly tokens: TokenSource

  constructor(tokens: TokenSource) {
    this.tokens = tokens
  }

  /** Begins with an entry of a parcel. */
  take(entries: Tracks, at: number): void {
    this.begin(entries[at + 1]!, entries[at + 2]!, entries[at + 3]!, entries[at + 4]!, entries[at + 5]!)
  }

  begin(worker: number, tree: number, stamp: number, a: number, b: number): void {
    this.worker = worker
    this.tree = tree
    this.stamp = stamp
    this.a = a
    this.b = b
    this.channel = undefined
  }

  /** Writes an entry for what is being appended to a channel. */
  write(channel: TrackedChannel, index: number, entries: Tracks, at: number): void {
    const { tokens } = this
    tokens.draw()
    const { a, b } = tokens
    entries[at] = index
    entries[at + 1] = this.worker
    entries[at + 2] = this.tree
    entries[at + 3] = this.stamp
    entries[at + 4] = a
    entries[at + 5] = b
    this.a ^= a
    this.b ^= b
    this.channel = channel
    this.entries = entries
    this.at = at
  }

  /** The handler has ended: what is left goes with the last message, where that has not left, else back. */
  settle(sink: TrackSink): void {
    const { channel, entries, at } = this
    if (channel !== undefined && channel.tracks === entries) {
      entries[at + 4]! ^= this.a
      entries[at + 5]! ^= this.b
    } else sink.report(this.worker, this.tree, this.stamp, this.a, this.b)
    this.channel = undefined
  }
}

const none = new Int32Array(0)

/** Room for one entry more than `used` numbers. */
export function roomForTrack(entries: Tracks | null, used: number): Tracks {
  if (entries === null) return new Int32Array(firstEntries * trackNumbers)
  if (used + trackNumbers <= entries.length) return entries
  const larger = new Int32Array(entries.length * growth)
  larger.set(entries)
  return larger
}

/** Where the first entry is whose index is `index` or more; the end of the entries where there is none. */
export function firstTrackFrom(entries: Tracks, index: number): number {
  // As good as always, either all messages of a parcel are tracked or few.
  const dense = index * trackNumbers
  if (dense < entries.length && entries[dense] === index) return dense
  let at = 0
  while (at < entries.length && entries[at]! < index) at += trackNumbers
  return at
}

/** The entry of exactly this index, or -1. */
export function trackAt(entries: Tracks | null, index: number): number {
  if (entries === null) return -1
  const at = firstTrackFrom(entries, index)
  return at < entries.length && entries[at] === index ? at : -1
}

/** The entry of one index alone, for a parcel of its own. */
export function tracksOfOne(entries: Tracks | null, index: number): Tracks | null {
  const at = trackAt(entries, index)
  if (at < 0) return null
  const one = entries!.slice(at, at + trackNumbers)
  one[0] = 0
  return one
}

/** Nothing is done with the messages of these indices: they are complete. */
export function settleTracks(entries: Tracks | null, from: number, end: number, sink: TrackSink): void {
  if (entries === null) return
  for (let at = firstTrackFrom(entries, from); at < entries.length && entries[at]! < end; at += trackNumbers)
    sink.report(entries[at + 1]!, entries[at + 2]!, entries[at + 3]!, entries[at + 4]!, entries[at + 5]!)
}
