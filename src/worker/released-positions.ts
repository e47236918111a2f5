import { asError } from '../base/errors.ts'
import { isThenable } from '../base/values.ts'
import type { Logger } from '../component/context.ts'
import type { SourcePositions } from '../component/define.ts'
import type { SnapshotEnd } from '../snapshot/part.ts'

type Release = (positions: SourcePositions) => unknown
type Committed = Extract<SnapshotEnd, { readonly type: 'committed' }>

/** Cuts whose positions are remembered; a network keeps far fewer snapshots without a name. */
const cutsMax = 1_000

/**
 * What snapshots that are kept still need of a source. It knows the positions of the cuts that it has taken, and of the snapshot that it goes
 * on from: while an older one is kept, nothing is released.
 */
export class ReleasedPositions {
  private readonly place: string
  private readonly log: Logger
  private readonly cuts = new Map<number, SourcePositions>()
  private wanted: { readonly positions: SourcePositions; readonly release: Release } | undefined
  private isReleasing = false
  private last = 0

  constructor(place: string, log: Logger) {
    this.place = place
    this.log = log
  }

  cut(snapshot: number, positions: SourcePositions | undefined): void {
    if (positions === undefined) return
    this.cuts.set(snapshot, positions)
    const [oldest] = this.cuts.keys()
    if (this.cuts.size > cutsMax) this.cuts.delete(oldest!)
  }

  committed({ oldestKept }: Committed, release: Release | undefined): void {
    if (oldestKept === undefined || oldestKept <= this.last || release === undefined) return
    const positions = this.cuts.get(oldestKept)
    if (positions === undefined) return
    this.last = oldestKept
    for (const snapshot of this.cuts.keys()) if (snapshot < oldestKept) this.cuts.delete(snapshot)
    this.wanted = { positions, release }
    if (!this.isReleasing) this.releaseWanted()
  }

  /** One after the other, and only the newest of those that wait. */
  private releaseWanted(): void {
    const { wanted } = this
    if (wanted === undefined) return
    this.wanted = undefined
    let result: unknown
    try {
      result = wanted.release(wanted.positions)
    } catch (error) {
      this.warn(error)
      return
    }
    if (!isThenable(result)) return
    this.isReleasing = true
    const settled = (): void => {
      this.isReleasing = false
      this.releaseWanted()
    }
    result.then(settled, (error: unknown) => {
      this.warn(error)
      settled()
    })
  }

  private warn(error: unknown): void {
    this.log.warn(
      `${this.place} could not let go of what no snapshot needs any more: ${asError(error).message}`,
    )
  }
}
