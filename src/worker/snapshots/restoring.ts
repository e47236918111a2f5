import type { Cancel, Clock } from '../../base/clock.ts'
import type { StateWork } from '../../state/capture.ts'

/** Messages come first: what they need of the state is read when they ask for it. */
const beginMs = 100
const stepMs = 1
/** Between two steps, as a multiple of what the last one took: instances that restore at once must not take all cores. */
const pauseFactor = 4
const pauseMsMin = 2

/** Reads what an instance's state has left to read; what cannot be read is the instance's failure, and no other's. */
export class Restoring {
  private readonly work: StateWork
  private readonly owner: { fail(error: unknown): void }
  private readonly clock: Clock
  private cancel: Cancel = () => undefined

  constructor(work: StateWork, owner: { fail(error: unknown): void }, clock: Clock) {
    this.work = work
    this.owner = owner
    this.clock = clock
  }

  begin(): void {
    this.stepAfter(beginMs)
  }

  /** Idempotent. */
  stop(): void {
    this.cancel()
  }

  private stepAfter(delayMs: number): void {
    this.cancel = this.clock.after(delayMs, () => this.step(), { background: true })
  }

  private step(): void {
    const { clock, work } = this
    if (!work.isWaiting) return
    const sinceMs = clock.monotonic()
    try {
      work.step(clock, stepMs)
    } catch (error) {
      this.owner.fail(error)
      return
    }
    this.stepAfter(Math.max(pauseMsMin, pauseFactor * (clock.monotonic() - sinceMs)))
  }
}
