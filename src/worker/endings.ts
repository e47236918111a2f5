import type { Clock } from '../base/clock.ts'
import type { HostedInstance } from './hosted.ts'
import type { WorkerEvents } from './worker-means.ts'

interface EndingsMeans {
  readonly clock: Clock
  readonly events: Pick<WorkerEvents, 'awaitsSnapshot'>
}

interface OnEnding {
  /** It has its part in the snapshot that is in flight. */
  readonly finished: (hosted: HostedInstance) => void
  /** Nothing of it is left to do, nor, where it is the last, of any other. */
  readonly over: (hosted: HostedInstance, isLast: boolean) => void
}

/** Instances that have handled all there was, until they have published what they had to, and are over. */
export class Endings {
  private readonly means: EndingsMeans
  private readonly running: ReadonlyMap<number, HostedInstance>
  private readonly on: OnEnding

  constructor(means: EndingsMeans, running: ReadonlyMap<number, HostedInstance>, on: OnEnding) {
    this.means = means
    this.running = running
    this.on = on
  }

  finished(hosted: HostedInstance): void {
    hosted.hasFinished = true
    this.on.finished(hosted)
    this.publicationChanged(hosted)
  }

  publicationChanged(hosted: HostedInstance): void {
    const { clock, events } = this.means
    if (!hosted.hasFinished || hosted.isTold) return
    const { publication = 'done' } = hosted.instance.sink ?? {}
    const awaits = publication === 'awaits-snapshot'
    if (hosted.awaitsSnapshot !== awaits) events.awaitsSnapshot?.(hosted.id, awaits)
    hosted.awaitsSnapshot = awaits
    if (publication !== 'done') return
    hosted.isTold = true
    // The last frames and counters go out before anyone is told.
    const isLast = [...this.running.values()].every(({ isTold }) => isTold)
    clock.soon(() => this.on.over(hosted, isLast))
  }
}
