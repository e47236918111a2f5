import type { Clock } from '../../base/clock.ts'
import type { StateWork } from '../capture.ts'
import type { UnreadRows } from '../keyed-state.ts'

/** Between two looks at the clock. */
const rowsPerLook = 128
/** So many at a time, however fast the clock says that they are: whoever waits for a turn has one in between. */
const rowsPerStepMax = 4_096

/**
 * Key groups of a snapshot whose rows are still bytes. Making a million rows of them takes seconds, in which the network would stand still;
 * so messages flow as soon as the bytes have been read and verified, a row is made when its key is first asked for, and the others
 * follow in steps. (The idea is that of restoring on demand: Graefe et al., "Instant Recovery with Write-Ahead Logging", 2014.)
 */
export class UnreadGroups implements StateWork {
  private readonly groups = new Map<number, UnreadRows>()

  get isWaiting(): boolean {
    return this.groups.size > 0
  }

  add(group: number, rows: UnreadRows): void {
    this.finish(group)
    this.groups.set(group, rows)
  }

  /** `restore` is called for the row of a key, where there is one that has not been read. */
  read(group: number, encoded: string): void {
    this.groups.get(group)?.read(encoded)
  }

  /** Reads all that is left of a group. */
  finish(group: number): void {
    this.groups.get(group)?.readSome(Infinity)
    this.groups.delete(group)
  }

  clear(): void {
    this.groups.clear()
  }

  step(clock: Clock, budgetMs: number): void {
    const end = clock.monotonic() + budgetMs
    for (let left = rowsPerStepMax; left > 0; left -= rowsPerLook) {
      const [next] = this.groups
      if (next === undefined) return
      const [group, rows] = next
      rows.readSome(rowsPerLook)
      if (rows.isOver) this.groups.delete(group)
      if (clock.monotonic() >= end) return
    }
  }
}
