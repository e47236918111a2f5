import { type AbortedSnapshot, failingNow, type NetworkView } from '../protocol/index.ts'

/**
 * Since when the snapshots of a network come to nothing: by what the manager has done itself, since the view shows that later, and the next
 * snapshot may have come to nothing by then. Before its first it is what the one before has left in the store.
 */
export class SnapshotFailures {
  /** Null: there are none. Undefined: this manager has seen the end of none yet. */
  private last: AbortedSnapshot | null | undefined

  now({ snapshots }: Pick<NetworkView, 'snapshots'>): AbortedSnapshot | undefined {
    return this.last === undefined ? failingNow(snapshots) : (this.last ?? undefined)
  }

  aborted(record: AbortedSnapshot): void {
    this.last = record
  }

  /** One was committed, or the network has ended: what is deployed next has had none. */
  over(): void {
    this.last = null
  }
}
