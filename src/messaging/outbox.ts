import { VertigoError } from '../base/errors.ts'
import type { ChannelOwner, OutputChannel } from './output-channel.ts'

/** Who sends: an instance, as its outbox sees it. */
export interface OutboxOwner {
  /** All outputs have credit again. */
  outboxUnblocked(): void
  /** Something waits for the end of a turn to be handed over. */
  outboxHasParcels(): void
  /** Something waits for the end of the slice to be sent. */
  outboxHasFrames(): void
}

/** All channels of one instance: whether it may be called, and what has to be sent at the end of its turn. */
export class Outbox implements ChannelOwner {
  /** Number of channels without credit. The instance is called only while it is 0. */
  blocked = 0
  /** Something happened that the loop of messages has to look at: one test for each message, whatever it may be. */
  interrupted = false
  /** Messages that left full parcels during the current call; the loop sets it back. */
  emitted = 0
  private readonly owner: OutboxOwner
  private readonly emitPerMessageMax: number
  private dirtyEager: OutputChannel[] = []
  private dirtyFrames: OutputChannel[] = []

  constructor(owner: OutboxOwner, emitPerMessageMax: number) {
    this.owner = owner
    this.emitPerMessageMax = emitPerMessageMax
  }

  channelDirty(channel: OutputChannel): void {
    if (channel.eager) {
      if (this.dirtyEager.length === 0) this.owner.outboxHasParcels()
      this.dirtyEager.push(channel)
    } else {
      if (this.dirtyFrames.length === 0) this.owner.outboxHasFrames()
      this.dirtyFrames.push(channel)
    }
  }

  channelBlocked(): void {
    this.blocked++
    this.interrupted = true
  }

  channelUnblocked(): void {
    this.blocked--
    if (this.blocked === 0) this.interrupted = false
    if (this.blocked === 0) this.owner.outboxUnblocked()
  }

  /** Makes the loop of messages return after this call, as for lack of credit, until `goOn`. */
  interrupt(): void {
    this.blocked++
    this.interrupted = true
  }

  goOn(): void {
    this.blocked--
    if (this.blocked === 0) this.interrupted = false
  }

  /** A call has ended: counts anew. True while the instance may be called. */
  nextCall(): boolean {
    this.emitted = 0
    this.interrupted = this.blocked !== 0
    return this.blocked === 0
  }

  countEmitted(count: number): void {
    this.emitted += count
    this.interrupted = true
    if (this.emitted > this.emitPerMessageMax) {
      this.emitted = 0
      throw emitLimit(this.emitPerMessageMax)
    }
  }

  /** At the end of a turn: hands over what stays in the thread. */
  flushEager(): void {
    if (this.dirtyEager.length === 0) return
    const dirty = this.dirtyEager
    this.dirtyEager = []
    for (const channel of dirty) channel.flush(null)
  }

  /** At the end of a slice: sends what leaves the thread. */
  flushFrames(): void {
    if (this.dirtyFrames.length === 0) return
    const dirty = this.dirtyFrames
    this.dirtyFrames = []
    for (const channel of dirty) channel.flush(null)
  }
}

export function emitLimit(emitPerMessageMax: number): VertigoError {
  return new VertigoError(
    'EMIT_LIMIT',
    `more than ${emitPerMessageMax} messages (or groups) were emitted for one message`,
  )
}
