import { VertigoError } from '../base/errors.ts'
import { estimateBytes } from '../wire/size.ts'
import { type ChannelLimits, defaultChannelLimits } from './limits.ts'
import { type Control, countOf, type Parcel } from './parcel.ts'
import { notePartial } from './partial.ts'
import type { Lender, TrackedChannel, TrackRun, Tracks } from './tracks.ts'

/** The outbox that a channel belongs to. */
export interface ChannelOwner {
  /** Something is pending that was not before. */
  channelDirty(channel: OutputChannel): void
  channelBlocked(): void
  channelUnblocked(): void
  /** A full parcel has left. Throws EMIT_LIMIT where one call has emitted too much. */
  countEmitted(count: number): void
}

/** Where a channel's parcels go: an inbox of this thread, or a link. */
export interface ChannelTarget {
  /** Whether parcels are delivered as soon as a turn ends (cheap), or gathered until the slice ends (frames). */
  readonly eager: boolean
  /** Returns the bytes that the parcel counts for until it is released. */
  deliver(parcel: Parcel): number
}

/** A copy of it is an array without holes that has room for a full parcel; with holes, reading would be slower. */
const fullParcel: readonly unknown[] = Array.from(
  { length: defaultChannelLimits.parcelMessagesMax },
  () => undefined,
)

const fullTracks: Tracks = [...fullParcel, undefined] as Tracks

function hasTracks(tracks: Tracks): boolean {
  for (const track of tracks) if (track !== undefined) return true
  return false
}

/** Positions in a parcel at which a message's size is sampled; large messages show at the first. */
const samplePositions = [1, 8, 64]

/**
 * The sending end of a channel: one source instance to one target instance, over one connection.
 *
 * - CH-1 Messages arrive in the order of `append`.
 * - CH-2 `append` never fails for lack of room. It marks the channel blocked, and the owner is not called again before
 *   the receiver has released enough.
 * - CH-3 What is in flight plus pending exceeds a limit by no more than one call of a handler emits.
 * - CH-4 It ends with one control `end`, whatever the reason; after that it sends nothing, and holds nobody up.
 * - CH-5 A barrier stands between what was appended before it and what is appended after it, also while there is no credit.
 *
 * `append` is on the hot path: everything that is not needed for each message happens at `limit`, which is the next of
 * a sample position, the capacity of the parcel and the end of the credit.
 */
export class OutputChannel implements TrackedChannel {
  id: number
  private readonly owner: ChannelOwner
  private target: ChannelTarget
  private readonly limits: ChannelLimits
  private readonly sizeOf: ((message: unknown) => number) | undefined

  /** Name of the port, where the channel closes a cycle: it fails when it is full, since waiting would never end. */
  private readonly backEdge: string | undefined

  /**
   * What the next parcel will hold: the first `count` items. Written by `append` and by the generated senders
   * (`sender.ts`) only. It is made as long as a full parcel where full ones are likely: growing item by item copies each
   * one twice, which is a third of a hop.
   */
  pending: unknown[] = []
  count = 0
  /** Value of `count` at which `atLimit` has to be called. */
  limit = 1
  /** Of tracked messages among those that are pending, by index; as long as a full parcel where that is likely. */
  tracks: Tracks | null = null
  private hadTracks = false
  lender: Lender | undefined = undefined
  private run: TrackRun | undefined = undefined
  /** Parcels that have left: each arrives once at the other end, as long as that lives. */
  parcels = 0
  private flushed = 0
  private group = 0
  private sampledBytes = 0
  private sampledMessages = 0
  private averageBytes = 64
  private inFlightMessages = 0
  private inFlightBytes = 0
  private ended = false
  /** Its target is gone for good: what is appended is thrown away. */
  private isDropped = false
  blocked = false

  constructor(
    id: number,
    owner: ChannelOwner,
    target: ChannelTarget,
    limits: ChannelLimits,
    sizeOf: ((message: unknown) => number) | undefined,
    backEdge?: string,
  ) {
    this.backEdge = backEdge
    this.id = id
    this.owner = owner
    this.target = target
    this.limits = limits
    this.sizeOf = sizeOf
  }

  get eager(): boolean {
    return this.target.eager
  }

  /** Messages that were sent and not yet handled; what `fair` compares. */
  get queued(): number {
    return this.inFlightMessages + this.count
  }

  /** Messages that were appended since the beginning. */
  get appended(): number {
    return this.flushed + this.count
  }

  /** Messages that fit before the channel is full, by the sizes seen so far; at least 1. */
  get room(): number {
    const byMessages = this.limits.queueMessagesMax - this.queued
    const byBytes = (this.limits.queueBytesMax - this.inFlightBytes) / this.averageBytes - this.count
    return Math.max(1, Math.floor(Math.min(byMessages, byBytes)))
  }

  append(message: unknown): void {
    const at = this.count
    this.pending[at] = message
    this.count = at + 1
    if (at + 1 >= this.limit) this.atLimit()
  }

  /** As `append`, of a message that belongs to the tree that `lender` is at work on. */
  appendTracked(message: unknown, lender: Lender): void {
    this.borrow(lender)
    this.append(message)
  }

  /** What is appended next has the track on loan. */
  private borrow(lender: Lender): void {
    lender.endLoan()
    if (lender.borrower !== this) this.takeLender(lender)
    this.tracks![this.count] = lender.track!
    lender.loanAt = this.count
  }

  private takeLender(lender: Lender): void {
    lender.leave()
    this.lender?.leave()
    this.lender = lender
    lender.borrower = this
    this.tracks ??= this.makeTracks()
  }

  /** From now on the run puts tracks into `tracks`; it is told before what waits is sent off. */
  openRun(run: TrackRun): void {
    this.lender?.leave()
    this.run = run
    this.tracks ??= this.makeTracks()
  }

  closeRun(): void {
    this.run = undefined
  }

  private makeTracks(): Tracks {
    return this.hadTracks ? fullTracks.slice() : []
  }

  /** Appends while groups are open on the port; `group` is 0 for a message outside of them. */
  appendIn(group: number, message: unknown, lender: Lender | null = null): void {
    try {
      this.enter(group)
    } catch (error) {
      notePartial(error)
      throw error
    }
    if (lender === null) this.append(message)
    else this.appendTracked(message, lender)
  }

  /** Sends a control that belongs to `group`; with its end, the channel is outside of groups again. */
  control(group: number, control: Control, lender: Lender | null = null): void {
    try {
      this.enter(group)
      if (control.type !== 'end') this.owner.countEmitted(this.count + 1)
      if (lender !== null) this.borrow(lender)
      this.flush(control)
    } catch (error) {
      notePartial(error)
      throw error
    }
    if (control.type === 'group-end') this.group = 0
  }

  /** Behind all that was appended. It needs no credit, and cuts groups and batches. */
  barrier(snapshot: number): void {
    this.flush(null)
    if (this.ended || this.isDropped) return
    const { group } = this
    this.group = 0
    this.flush({ type: 'barrier', snapshot })
    this.group = group
  }

  /** Sends what is pending, and the control behind it. */
  flush(control: Control | null): void {
    const { count } = this
    if (count === 0 && control === null) return
    if (this.isDropped) {
      this.forgetPending()
      return
    }
    const bytes = this.pendingBytes()
    const tracks = this.takeTracks()
    const items = this.takePending()
    this.flushed += count
    this.count = 0
    this.limit = 1
    this.sampledBytes = 0
    this.sampledMessages = 0
    this.parcels++
    this.inFlightMessages += countOf(items, control)
    this.inFlightBytes += this.target.deliver({
      items,
      group: this.group,
      control,
      bytes,
      tracks,
      released: false,
    })
    if (!this.blocked && !this.ended && this.isFull()) this.block()
  }

  private forgetPending(): void {
    this.flushed += this.count
    this.pending = []
    this.takeTracks()
    this.count = 0
    this.limit = 1
  }

  private unblock(): void {
    if (!this.blocked) return
    this.blocked = false
    // While it was blocked, the limit was the parcel's capacity alone (CH-3).
    if (this.count > 0) this.limit = this.nextLimit(this.count, this.capacity())
    this.owner.channelUnblocked()
  }

  private takePending(): unknown[] {
    const { pending: items, count } = this
    const isFull = count >= fullParcel.length
    this.pending = isFull ? fullParcel.slice() : []
    if (items.length > count) items.length = count
    return items
  }

  private takeTracks(): Tracks | null {
    const { tracks, run } = this
    if (tracks === null) return null
    // What leaves is not the sender's any more.
    run?.sendOff()
    this.lender?.leave()
    this.hadTracks = this.count >= fullParcel.length
    this.tracks = run === undefined ? null : this.makeTracks()
    // One for the control.
    if (tracks.length !== this.count + 1) tracks.length = this.count + 1
    return hasTracks(tracks) ? tracks : null
  }

  /** The last control of the channel. */
  end(): void {
    this.endWith({ type: 'end' })
  }

  private endWith(end: Control): void {
    if (this.ended) return
    this.ended = true
    this.control(0, end)
  }

  /** Ends it, and lets go of its owner: what it waited for is no longer its owner's concern. */
  remove(): void {
    this.endWith({ type: 'end', removed: true })
    this.unblock()
  }

  /** Ends it while its owner goes on. What that still sends at its own end has nobody to go to. Idempotent. */
  endEarly(): void {
    this.end()
    this.isDropped = true
  }

  /** As `remove`, where the owner has failed: what it had not yet sent is not sent, nor what it may still try to. */
  abandon(): void {
    this.forgetPending()
    this.remove()
    this.isDropped = true
  }

  /** The target's worker is gone. It keeps its place in its port as long as that needs one, and discards. */
  drop(): void {
    this.isDropped = true
    this.ended = true
    this.forgetPending()
    this.unblock()
  }

  /** The target, which was not placed so far, has been: what has waited for it is sent. */
  attach(id: number, target: ChannelTarget, waiting: readonly Parcel[]): void {
    this.id = id
    this.target = target
    for (const parcel of waiting) this.inFlightBytes += target.deliver(parcel) - parcel.bytes
    // It may stand in the list for what stays in the thread, or in none.
    if (this.count > 0) this.owner.channelDirty(this)
  }

  /** The receiver has handled that much. */
  release(messages: number, bytes: number): void {
    this.inFlightMessages -= messages
    this.inFlightBytes -= bytes
    if (this.blocked && this.hasRoomAgain()) this.unblock()
  }

  /** A parcel holds messages of one group only, and its control belongs to that group as well. */
  private enter(group: number): void {
    if (this.group === group) return
    this.owner.countEmitted(this.count)
    this.flush(null)
    this.group = group
  }

  /** What fails here has been appended: it counts as sent. */
  atLimit(): void {
    try {
      this.onLimit(this.count)
    } catch (error) {
      notePartial(error)
      throw error
    }
  }

  private onLimit(count: number): void {
    if (count === 1) this.owner.channelDirty(this)
    this.sample(count)
    const capacity = this.capacity()
    if (count >= capacity) {
      this.owner.countEmitted(count)
      this.flush(null)
      return
    }
    if (!this.blocked && !this.isDropped && this.isFull()) this.block()
    this.limit = this.nextLimit(count, capacity)
  }

  private sample(count: number): void {
    if (this.sizeOf !== undefined) {
      this.sampledBytes += this.sizeOf(this.pending[count - 1])
      this.sampledMessages++
    } else if (samplePositions.includes(count)) {
      this.sampledBytes += estimateBytes(this.pending[count - 1])
      this.sampledMessages++
    }
    this.averageBytes = Math.max(1, this.sampledBytes / this.sampledMessages)
  }

  private capacity(): number {
    const byBytes = Math.floor(this.limits.parcelBytesMax / this.averageBytes)
    return Math.max(1, Math.min(this.limits.parcelMessagesMax, byBytes))
  }

  private nextLimit(count: number, capacity: number): number {
    if (this.sizeOf !== undefined) return count + 1
    let next = capacity
    for (const position of samplePositions) if (position > count && position < next) next = position
    if (this.blocked) return next
    const credit = count + Math.max(1, this.room)
    return credit < next ? credit : next
  }

  private pendingBytes(): number {
    return this.sampledMessages === 0 ? 0 : Math.ceil(this.averageBytes * this.count)
  }

  private isFull(): boolean {
    return (
      this.queued >= this.limits.queueMessagesMax ||
      this.inFlightBytes + this.pendingBytes() >= this.limits.queueBytesMax
    )
  }

  /** Half of the credit must be back: otherwise sender and receiver would take turns message by message. */
  private hasRoomAgain(): boolean {
    return (
      this.queued <= this.limits.queueMessagesMax >> 1 &&
      this.inFlightBytes + this.pendingBytes() <= this.limits.queueBytesMax / 2
    )
  }

  private block(): void {
    if (this.backEdge !== undefined) {
      throw new VertigoError(
        'BACK_EDGE_LIMIT',
        `more than ${this.limits.queueMessagesMax} messages wait on the back edge from "${this.backEdge}"`,
      )
    }
    this.blocked = true
    this.owner.channelBlocked()
  }
}
