import type { Clock } from '../../base/clock.ts'
import type { Inbox } from '../../messaging/inbox.ts'
import type { InputChannel } from '../../messaging/input-channel.ts'
import type { SnapshotBegin } from '../../snapshot/part.ts'

/**
 * Which snapshot an instance is about to take, and whether its inputs have come to it.
 *
 * - AL-1 An input has come to a snapshot when its barrier comes first, or when it has ended: what was before the end is handled.
 * - AL-2 A channel whose barrier comes first stands in no list of the inbox until the cut is taken (`InputChannel.isAtBarrier`).
 * - AL-3 (SN-5) One snapshot at a time. A newer barrier ends the older alignment, as the word of its end does; barriers of what is
 *   over are thrown away.
 * - AL-4 The cut waits for the worker's word that the snapshot has begun: barriers may be faster, and do not say how it is taken.
 * - AL-5 What comes over a back edge is not waited for (SN-9).
 */
export class Alignment {
  private readonly inbox: Inbox
  private readonly clock: Clock
  /** Something has happened that may make it complete. */
  private readonly onNews: () => void
  /** Snapshots up to this one are over here: cut, ended, or overtaken by a newer one. */
  private over = 0
  /** That inputs are held for; 0 for none. */
  private pending = 0
  private begin: SnapshotBegin | undefined
  private sinceMs = 0

  constructor(inbox: Inbox, clock: Clock, onNews: () => void) {
    this.inbox = inbox
    this.clock = clock
    this.onNews = onNews
  }

  get isPending(): boolean {
    return this.pending !== 0
  }

  /** That the cut is to be taken of, once the worker has said that it began. */
  get begun(): SnapshotBegin | undefined {
    return this.begin?.snapshot === this.pending ? this.begin : undefined
  }

  /** Milliseconds since the instance first heard of it. */
  get elapsedMs(): number {
    return this.clock.monotonic() - this.sinceMs
  }

  announced(begin: SnapshotBegin): void {
    const { snapshot } = begin
    if (snapshot <= this.over || snapshot < this.pending || snapshot === this.begin?.snapshot) return
    this.begin = begin
    this.moveTo(snapshot)
    this.onNews()
  }

  /** A barrier has arrived, behind what may be queued. */
  arrived(snapshot: number): void {
    if (snapshot > this.over && snapshot > this.pending) this.moveTo(snapshot)
    this.onNews()
  }

  /** The barrier of a snapshot comes first in the channel. */
  cameTo(channel: InputChannel, snapshot: number): void {
    if (snapshot === this.pending) channel.isAtBarrier = true
    else this.inbox.passBarrier(channel)
  }

  /** It was aborted, or committed without this instance having a part in it. */
  ended(snapshot: number): void {
    this.over = Math.max(this.over, snapshot)
    if (this.pending !== 0 && this.pending <= this.over) this.moveTo(0)
  }

  /** What is not there yet, by the names of the channels; the cut may be taken where there is nothing. */
  get missing(): readonly InputChannel[] {
    return this.inbox.all.filter((channel) => !this.hasCome(channel))
  }

  get isComplete(): boolean {
    if (this.begun === undefined) return false
    for (const channel of this.inbox.all) if (!this.hasCome(channel)) return false
    return true
  }

  /** The cut is taken: inputs go on. */
  taken(): void {
    this.over = this.pending
    this.moveTo(0)
  }

  private hasCome(channel: InputChannel): boolean {
    return channel.ended || channel.isDormant || channel.frontBarrier === this.pending
  }

  private moveTo(snapshot: number): void {
    if (snapshot !== this.pending && snapshot !== 0) this.sinceMs = this.clock.monotonic()
    this.pending = snapshot
    if (snapshot > 0) this.over = Math.max(this.over, snapshot - 1)
    for (const channel of this.inbox.all) {
      const front = channel.isAtBarrier ? channel.frontBarrier : 0
      if (front !== 0 && front !== snapshot) this.inbox.passBarrier(channel)
    }
  }
}
