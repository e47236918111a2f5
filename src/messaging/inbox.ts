import type { InputChannel } from './input-channel.ts'
import type { Parcel } from './parcel.ts'

/** All input channels of one instance, and which of them have something to do, in turn. */
export class Inbox {
  private readonly channels: InputChannel[] = []
  private readonly paused: boolean[]
  private ready: InputChannel[] = []
  private readonly onReady: () => void

  constructor(ports: number, onReady: () => void) {
    this.paused = Array.from({ length: ports }, () => false)
    this.onReady = onReady
  }

  add(channel: InputChannel): void {
    this.channels.push(channel)
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
    this.list(channel)
  }

  /** The next channel with something to do. It stands in no list until it is given back. */
  take(): InputChannel | undefined {
    const channel = this.ready.shift()
    if (channel !== undefined) channel.listed = false
    return channel
  }

  /** After work on a channel: back to the front (its parcel is not done) or, for fairness, to the end. */
  giveBack(channel: InputChannel, unfinished: boolean): void {
    if (channel.isEmpty || channel.listed || this.paused[channel.port]) return
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
    if (channel.listed || this.paused[channel.port]) return
    channel.listed = true
    this.ready.push(channel)
    this.onReady()
  }
}
