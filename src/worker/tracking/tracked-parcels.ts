import type { Outbox } from '../../messaging/outbox.ts'
import { onlyChannel, type OutputPort } from '../../messaging/output-port.ts'
import { nowhere, settleTracks, TrackRun, type Tracks } from '../../messaging/tracks.ts'
import type { Call } from '../call.ts'
import type { Invoke } from '../handlers.ts'
import type { LoopProgress, RunLoop, TrackedLoop } from '../message-loop.ts'
import type { WorkerTracking } from './worker-tracking.ts'

/** The loops of an input port. */
interface Loops {
  readonly runLoop: RunLoop
  readonly sinkLoop: RunLoop
  readonly trackedLoop: TrackedLoop
}

export interface TrackedParcelsOwner {
  readonly outputs: readonly OutputPort[]
  readonly outbox: Outbox
  readonly tracking: WorkerTracking
}

/** How an instance's synchronous handlers get the messages of parcels in which some are tracked. */
export class TrackedParcels {
  private readonly owner: TrackedParcelsOwner
  private readonly progress: LoopProgress
  private readonly run = new TrackRun()

  /** `progress`: where the loops say how far they have come. */
  constructor(owner: TrackedParcelsOwner, progress: LoopProgress) {
    this.owner = owner
    this.progress = progress
  }

  /** As a `MessageLoop`; `close` comes after it, in any case. */
  handle(
    { items, tracks }: { readonly items: readonly unknown[]; readonly tracks: Tracks },
    from: number,
    end: number,
    invoke: Invoke,
    call: Call,
    loops: Loops,
  ): void {
    const { progress, run } = this
    const { outputs, outbox, tracking } = this.owner
    const channel = onlyChannel(outputs)
    if (channel === undefined) {
      loops.trackedLoop(items, from, end, invoke, call, outbox, progress, tracks, tracking)
      return
    }
    run.begin(tracks, channel)
    call.run = run
    if (channel !== nowhere) {
      loops.runLoop(items, from, end, invoke, call, outbox, progress, tracks, tracking, run, channel)
      return
    }
    let isOver = false
    try {
      loops.sinkLoop(items, from, end, invoke, call, outbox, progress, tracks, tracking, run, channel)
      isOver = progress.result === undefined
      if (isOver && run.hasLeft) call.settleTrack(tracking)
    } finally {
      // All at once: what they touch is in no cache, and is fetched for several at a time.
      const isLastIn = isOver && !run.hasLeft
      settleTracks(tracks, from, isLastIn ? progress.at : progress.at - 1, tracking)
    }
  }

  /** `isAtWork`: the last handler has not come to its end, or has failed. */
  close(call: Call, isAtWork: boolean): void {
    if (call.run === null) return
    if (isAtWork) call.leaveRun()
    call.run.close()
    call.run = null
  }
}
