import type { Clock } from '../../base/clock.ts'

/** Work for snapshots that would keep others waiting: it is done in slices between the turns of a worker's instances. */
export interface SliceWork {
  /** There is something to do. */
  readonly isWaiting: boolean
  /** Works for about `budgetMs`. */
  step(clock: Clock, budgetMs: number): void
}
