import type { Clock } from '../../base/clock.ts'
import type { StateWork } from '../../state/capture.ts'
import type { SliceWork } from './slice-work.ts'

/** Reads what an instance's state has left to read; what cannot be read is the instance's failure, and no other's. */
export class Restoring implements SliceWork {
  private readonly work: StateWork
  private readonly owner: { fail(error: unknown): void }
  private hasFailed = false

  constructor(work: StateWork, owner: { fail(error: unknown): void }) {
    this.work = work
    this.owner = owner
  }

  get isWaiting(): boolean {
    return !this.hasFailed && this.work.isWaiting
  }

  step(clock: Clock, budgetMs: number): void {
    try {
      this.work.step(clock, budgetMs)
    } catch (error) {
      this.hasFailed = true
      this.owner.fail(error)
    }
  }
}
