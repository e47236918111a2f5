import type { Clock } from '../../base/clock.ts'
import type { StateWork } from '../capture.ts'

/** So many at a time, however fast the clock says that they are: whoever waits for a turn has one in between. */
const groupsPerStepMax = 4

/**
 * Key groups of a snapshot whose rows are still bytes. Making a million rows of them takes seconds, in which the network would stand still;
 * so messages flow as soon as the bytes have been read and verified, a row is there when its group is first asked for, and the other groups
 * follow in slices. (The idea is that of restoring on demand: Graefe et al., "Instant Recovery with Write-Ahead Logging", 2014.)
 */
export class UnreadGroups implements StateWork {
  private readonly reads = new Map<number, () => void>()
  private readonly enter: (group: number) => void

  /** `enter` reads a group, and takes it out. */
  constructor(enter: (group: number) => void) {
    this.enter = enter
  }

  get isWaiting(): boolean {
    return this.reads.size > 0
  }

  has(group: number): boolean {
    return this.reads.has(group)
  }

  get(group: number): (() => void) | undefined {
    return this.reads.get(group)
  }

  add(group: number, read: () => void): void {
    this.reads.set(group, read)
  }

  delete(group: number): void {
    this.reads.delete(group)
  }

  clear(): void {
    this.reads.clear()
  }

  /** CA-2, where "one row" is one group. */
  step(clock: Clock, budgetMs: number): void {
    const end = clock.monotonic() + budgetMs
    for (let groups = 0; groups < groupsPerStepMax; groups++) {
      const [group] = this.reads.keys()
      if (group === undefined) return
      this.enter(group)
      if (clock.monotonic() >= end) return
    }
  }
}
