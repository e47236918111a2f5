import type { HostedInstance } from './hosted.ts'
import type { PeerSet } from './peer-set.ts'

/**
 * Instances that have come to their end, until what they have sent has arrived (WO-5): with a plan that is without
 * them, the links of their worker may be closed.
 */
export class Finishing {
  private readonly peers: PeerSet
  private readonly finished: (hosted: HostedInstance) => void
  /** With the marks that were sent behind all they have sent; undefined before that. */
  private readonly waiting = new Map<HostedInstance, ReadonlyMap<number, number> | undefined>()

  constructor(peers: PeerSet, finished: (hosted: HostedInstance) => void) {
    this.peers = peers
    this.finished = finished
  }

  /** All its frames are out, but for what waits for a target without a place. */
  add(hosted: HostedInstance): void {
    this.waiting.set(hosted, undefined)
    this.check()
  }

  /** Something may have arrived, or a peer may be gone from the plan: nobody waits for that one. */
  check(): void {
    for (const [hosted, known] of this.waiting) {
      if (hosted.hasParked) continue
      const marks = known ?? this.peers.sendMarks()
      this.waiting.set(hosted, marks)
      if (!this.peers.haveSeen(marks)) continue
      this.waiting.delete(hosted)
      this.finished(hosted)
    }
  }
}
