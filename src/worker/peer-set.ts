import { Peer } from '../messaging/remote.ts'
import type { Link } from '../transport/link.ts'
import type { Tracks } from '../messaging/tracks.ts'
import type { CycleFrame } from '../wire/frame.ts'
import type { TrackFrame } from '../wire/track-frames.ts'

export interface PeerSetEvents {
  /** Frames arrived that may give work. */
  arrived(): void
  /** A slice is wanted, at which end credit goes out. */
  creditDue(): void
  switched(): void
  cycle(worker: number, frame: CycleFrame): void
  /** Hears of tracked messages, and of what comes back of them. */
  readonly tracking: {
    learn(worker: number, entries: Int32Array, count: number): Tracks
    received(frame: TrackFrame): void
    keepOnly(isAlive: (worker: number) => boolean): void
  }
  /** Whether anything may leave now; see `WorkerMeans`. */
  mayAct(): boolean
  /** What came over a peer's link makes no sense; the link is closed. */
  failed(worker: number, error: unknown): void
}

/** The workers that this one shares channels with, each with its link when it has one. */
export class PeerSet {
  private readonly peers = new Map<number, Peer>()
  private readonly events: PeerSetEvents
  /** What peers were told last. */
  private switchedTo = 0
  private creditDue: Peer[] = []
  private creditWaits = false
  private isHeld = false

  constructor(events: PeerSetEvents) {
    this.events = events
  }

  get(worker: number): Peer {
    let peer = this.peers.get(worker)
    if (peer === undefined) {
      peer = new Peer(worker, {
        arrived: () => this.events.arrived(),
        switched: () => this.events.switched(),
        cycle: (peer, frame) => this.events.cycle(peer.worker, frame),
        tracked: (peer, entries, count) => this.events.tracking.learn(peer.worker, entries, count),
        track: (frame) => this.events.tracking.received(frame),
        mayAct: () => this.events.mayAct(),
        creditDue: (due) => {
          this.creditDue.push(due)
          this.events.creditDue()
        },
      })
      if (this.isHeld) peer.hold()
      this.peers.set(worker, peer)
    }
    return peer
  }

  known(worker: number): Peer | undefined {
    return this.peers.get(worker)
  }

  attach(links: ReadonlyMap<number, Link>): void {
    for (const [worker, link] of links) {
      const peer = this.get(worker)
      peer.attach(link, (error) => {
        peer.close()
        this.events.failed(worker, error)
      })
      // One that was not known by then was not told.
      if (this.switchedTo > 0) peer.sendSwitched(this.switchedTo)
    }
  }

  /** The plan is without a worker: whatever it believes, nothing is taken from it any more. */
  keepOnly(isAlive: (worker: number) => boolean): void {
    this.events.tracking.keepOnly(isAlive)
    for (const [worker, peer] of this.peers) {
      if (isAlive(worker)) continue
      peer.close()
      this.peers.delete(worker)
    }
  }

  hold(): void {
    this.isHeld = true
    for (const peer of this.peers.values()) peer.hold()
  }

  /** What one sends may show that nothing may leave: then all are held again by that (`mayAct`). */
  release(): void {
    this.isHeld = false
    for (const peer of this.peers.values()) if (!this.isHeld) peer.release()
  }

  /** Those that have no link. */
  get unlinked(): readonly number[] {
    return [...this.peers].filter(([, peer]) => !peer.isLinked).map(([worker]) => worker)
  }

  sendSwitched(generation: number): void {
    this.switchedTo = generation
    for (const peer of this.peers.values()) peer.sendSwitched(generation)
  }

  /** Asks all to say when what was sent so far has arrived; by worker. */
  sendMarks(): ReadonlyMap<number, number> {
    return new Map([...this.peers].map(([worker, peer]) => [worker, peer.sendMark()]))
  }

  /** All of them have, but for those that are in the plan no more. */
  haveSeen(marks: ReadonlyMap<number, number>): boolean {
    for (const [worker, mark] of marks) if (this.peers.get(worker)?.hasSeen(mark) === false) return false
    return true
  }

  /**
   * Where nothing else is to be done, credit waits for one turn of the event loop, and goes with a parcel if one is sent
   * by then: an answer that is under way would else be a second message. Gives whether it waits.
   */
  sendCredit(isIdle: boolean): boolean {
    if (this.creditDue.length === 0) return false
    if (isIdle && !this.creditWaits && this.creditDue.some((peer) => peer.owesCredit)) {
      this.creditWaits = true
      return true
    }
    this.creditWaits = false
    const due = this.creditDue
    this.creditDue = []
    for (const peer of due) peer.flushCredit()
    return false
  }

  get framesSent(): number {
    let frames = 0
    for (const peer of this.peers.values()) frames += peer.framesSent
    return frames
  }

  get framesReceived(): number {
    let frames = 0
    for (const peer of this.peers.values()) frames += peer.framesReceived
    return frames
  }

  close(): void {
    for (const peer of this.peers.values()) peer.close()
  }
}
