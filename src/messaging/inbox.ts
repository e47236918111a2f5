import type { InputChannel } from './input-channel.ts'
import type { Parcel } from './parcel.ts'
import { settleTracks, type TrackSink } from './tracks.ts'

/**
 * All input channels of one instance, and which of them have something to do, in turn.
 *
 * - IB-1 A channel that replaces others of its sender has its turn when those are at their end.
 */
export class Inbox {
  private channels: InputChannel[] = []
  private readonly paused: boolean[]
  private ready: InputChannel[] = []
  private readonly onReady: () => void
  private readonly onBarrier: (snapshot: number) => void
  /** Nobody will handle what arrives: it is thrown away, so that its sender is not held up. */
  private discards = false
  /** Where what is thrown away counts as handled, since its instance had come to its end. */
  private sink: TrackSink | undefined

  /** `onBarrier`: that of a snapshot has arrived, behind what may be queued. */
  constructor(ports: number, onReady: () => void, onBarrier: (snapshot: number) => void = () => undefined) {
    this.paused = Array.from({ length: ports }, () => false)
    this.onReady = onReady
    this.onBarrier = onBarrier
  }

  add(channel: InputChannel): void {
    this.channels.push(channel)
  }

  remove(channel: InputChannel): void {
    this.channels = this.channels.filter((known) => known !== channel)
    this.ready = this.ready.filter((known) => known !== channel)
    channel.listed = false
    for (const next of this.channels) if (next.after?.includes(channel)) this.passAfter(next, channel)
  }

  /** IB-1 */
  private passAfter(next: InputChannel, ended: InputChannel): void {
    const left = next.after!.filter((channel) => channel !== ended)
    next.after = left.length === 0 ? undefined : left
    if (!this.discards && !next.isEmpty) this.list(next)
  }

  /** The plan that a channel belongs to is in force. */
  activate(channel: InputChannel): void {
    if (!channel.isDormant) return
    channel.isDormant = false
    if (!channel.isEmpty) this.list(channel)
  }

  /** The instance is no more. With `sink`, since it has finished: nobody wants what comes from now on. */
  discardAll(sink?: TrackSink): void {
    this.discards = true
    this.sink = sink
    this.ready = []
    for (const channel of this.channels) {
      channel.listed = false
      this.discard(channel)
    }
  }

  get all(): readonly InputChannel[] {
    return this.channels
  }

  get hasWork(): boolean {
    return this.ready.length > 0
  }

  get queued(): number {
    let count = 0
    for (const channel of this.channels) count += channel.queued
    return count
  }

  /** True when nothing can come any more. */
  get isEnded(): boolean {
    for (const channel of this.channels) if (!channel.ended) return false
    return true
  }

  arrive(channel: InputChannel, parcel: Parcel): void {
    channel.push(parcel)
    if (this.discards) this.throwAway(channel, parcel)
    else {
      this.list(channel)
      if (parcel.control?.type === 'barrier') this.onBarrier(parcel.control.snapshot)
    }
  }

  /** The barrier that comes first in the channel is done. */
  passBarrier(channel: InputChannel): void {
    channel.shift()
    channel.isAtBarrier = false
    if (!channel.isEmpty) this.list(channel)
  }

  private discard(channel: InputChannel): void {
    const { sink } = this
    channel.discard(sink && (({ tracks, items }, from) => settleTracks(tracks, from, items.length + 1, sink)))
  }

  private throwAway(channel: InputChannel, parcel: Parcel): void {
    this.discard(channel)
    if (parcel.control?.type === 'end') channel.finish(parcel.control.removed ?? false)
  }

  /** The next channel with something to do. It stands in no list until it is given back. */
  take(): InputChannel | undefined {
    const channel = this.ready.shift()
    if (channel !== undefined) channel.listed = false
    return channel
  }

  /** After work on a channel: back to the front (its parcel is not done) or, for fairness, to the end. */
  giveBack(channel: InputChannel, unfinished: boolean): void {
    if (channel.isEmpty || channel.listed || channel.isAtBarrier || this.paused[channel.port]) return
    channel.listed = true
    if (unfinished) this.ready.unshift(channel)
    else this.ready.push(channel)
  }

  isPaused(port: number): boolean {
    return this.paused[port] === true
  }

  pause(port: number): void {
    this.paused[port] = true
    this.ready = this.ready.filter((channel) => {
      if (channel.port !== port) return true
      channel.listed = false
      return false
    })
  }

  resume(port: number): void {
    if (!this.paused[port]) return
    this.paused[port] = false
    for (const channel of this.channels) if (channel.port === port && !channel.isEmpty) this.list(channel)
  }

  private list(channel: InputChannel): void {
    if (channel.listed || channel.isDormant || channel.isAtBarrier || this.paused[channel.port]) return
    if (channel.isBehind) return
    channel.listed = true
    this.ready.push(channel)
    this.onReady()
  }
}
