import type { Cancel, Clock } from '../../base/clock.ts'
import type { Inbox } from '../../messaging/inbox.ts'
import type { InputChannel } from '../../messaging/input-channel.ts'
import type { SnapshotBegin } from '../../snapshot/part.ts'

export interface AlignmentEvents {
  /** Something has happened that may allow the cut. */
  news(): void
  /** `alignMsMax` is over: from now on, barriers overtake. */
  late(): void
}

/**
 * Which snapshot an instance is about to take, and whether its inputs have come to it.
 *
 * - AL-1 An input has come to a snapshot when its barrier comes first, or when it has ended: what was before the end is handled.
 * - AL-2 A channel whose barrier comes first stands in no list of the inbox until the cut is taken (`InputChannel.isAtBarrier`).
 *   Without alignment (at-least-once) it goes on at once; the cut waits for all all the same, since what is before a barrier is in no
 *   later position of a source.
 * - AL-3 (SN-5) One snapshot at a time. A newer barrier ends the older alignment, as the word of its end does; barriers of what is
 *   over are thrown away.
 * - AL-4 The cut waits for the worker's word that the snapshot has begun: barriers may be faster, and do not say how it is taken.
 * - AL-5 What comes over a back edge is not waited for (SN-9); behind its barrier, it waits as others do.
 * - AL-6 (SN-8) `alignMsMax` after the instance has heard of it, barriers overtake: each input has to have its barrier, or its end,
 *   somewhere in its queue.
 * - AL-7 A quiet snapshot (`alignMsMax` null) has no messages on their way, so its barriers never overtake. Whatever holds an input back to
 *   wait for a snapshot lets it go on for this one.
 * - AL-8 So it does for any other that is late and whose barriers have not all arrived: an instance before it may have a generator at work,
 *   which waits for credit, and takes no cut before it has ended.
 */
export class Alignment {
  private readonly inbox: Inbox
  private readonly clock: Clock
  private readonly events: AlignmentEvents
  /** Snapshots up to this one are over here: cut, ended, or overtaken by a newer one. */
  private over = 0
  /** That inputs are held for; 0 for none. */
  private pending = 0
  private begin: SnapshotBegin | undefined
  private sinceMs = 0
  private isLate = false
  private cancelLate: Cancel = () => undefined

  constructor(inbox: Inbox, clock: Clock, events: AlignmentEvents) {
    this.inbox = inbox
    this.clock = clock
    this.events = events
  }

  get isPending(): boolean {
    return this.pending !== 0
  }

  /** That the cut is to be taken of, once the worker has said that it began. */
  get begun(): SnapshotBegin | undefined {
    return this.begin?.snapshot === this.pending ? this.begin : undefined
  }

  /** AL-7, AL-8 */
  get needsInputs(): boolean {
    const { begun } = this
    if (begun === undefined) return false
    return begun.alignMsMax === null || (this.isLate && !this.mayOvertake)
  }

  /** Milliseconds since the instance first heard of it. */
  get elapsedMs(): number {
    return this.clock.monotonic() - this.sinceMs
  }

  announced(begin: SnapshotBegin): void {
    const { snapshot, isAligned, alignMsMax } = begin
    if (snapshot <= this.over || snapshot < this.pending || snapshot === this.begin?.snapshot) return
    this.begin = begin
    this.moveTo(snapshot)
    if (!isAligned) for (const channel of this.inbox.all) if (channel.isAtBarrier) this.goPast(channel)
    if (alignMsMax !== null) this.limit(alignMsMax)
    this.events.news()
  }

  /** A barrier has arrived, behind what may be queued. */
  arrived(snapshot: number): void {
    if (snapshot > this.over && snapshot > this.pending) this.moveTo(snapshot)
    this.events.news()
  }

  /** The barrier of a snapshot comes first in the channel. */
  cameTo(channel: InputChannel, snapshot: number): void {
    if (snapshot !== this.pending) this.inbox.passBarrier(channel)
    else if (this.begun?.isAligned === false) this.goPast(channel)
    else channel.isAtBarrier = true
  }

  /** It was aborted, or committed without this instance having a part in it. */
  ended(snapshot: number): void {
    this.over = Math.max(this.over, snapshot)
    if (this.pending !== 0 && this.pending <= this.over) this.moveTo(0)
  }

  /** Inputs that are waited for. */
  get missing(): readonly InputChannel[] {
    return this.inbox.all.filter((channel) => !this.hasCome(channel))
  }

  /** All inputs have come to it. */
  get isComplete(): boolean {
    if (this.begun === undefined) return false
    for (const channel of this.inbox.all) if (!this.hasCome(channel)) return false
    return true
  }

  /** AL-6 */
  get mayOvertake(): boolean {
    if (!this.isLate || this.begun === undefined) return false
    for (const channel of this.inbox.all)
      if (!this.hasCome(channel) && !channel.hasBefore(this.pending)) return false
    return true
  }

  /** The cut is taken: inputs go on. */
  taken(): void {
    this.over = this.pending
    this.moveTo(0)
  }

  stop(): void {
    this.cancelLate()
  }

  private hasCome(channel: InputChannel): boolean {
    if (channel.ended || channel.isDormant || channel.isBack) return true
    return channel.lastBarrier === this.pending || channel.frontBarrier === this.pending
  }

  private goPast(channel: InputChannel): void {
    channel.lastBarrier = this.pending
    this.inbox.passBarrier(channel)
    this.events.news()
  }

  private limit(msMax: number): void {
    this.cancelLate = this.clock.after(
      Math.max(0, msMax - this.elapsedMs),
      () => {
        this.isLate = true
        this.events.late()
      },
      { background: true },
    )
  }

  private moveTo(snapshot: number): void {
    if (snapshot !== this.pending) {
      this.sinceMs = this.clock.monotonic()
      this.isLate = false
      this.cancelLate()
    }
    this.pending = snapshot
    if (snapshot > 0) this.over = Math.max(this.over, snapshot - 1)
    for (const channel of this.inbox.all) {
      const front = channel.isAtBarrier ? channel.frontBarrier : 0
      if (front !== 0 && front !== snapshot) this.inbox.passBarrier(channel)
    }
  }
}
