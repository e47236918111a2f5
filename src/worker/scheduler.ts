import type { Clock } from '../base/clock.ts'
import type { Schedulable } from './host.ts'

/** Of one slice, and of those together that arriving frames give from one slice that was asked for to the next, each time with a turn more. */
const sliceMs = 4

export interface SchedulerEvents {
  /** Before a turn: what the watchdog shows as running. */
  turn(instance: Schedulable | undefined): void
  /**
   * Work is done for now (`isIdle`), or the slice is over: frames are out, credit may follow. Gives whether another slice
   * is wanted, also where there is nothing to do. `isOwnTurn`: this is the only such slice in a turn of the event loop (TN-3).
   */
  sliceEnd(isIdle: boolean, isOwnTurn: boolean): boolean
  /** Before a slice: whether anything may be done now. Where not, `release` follows when it may. */
  mayAct(): boolean
}

/**
 * Gives the instances of one thread their turns, in the order in which they became ready; sources when nothing else is ready.
 *
 * - TN-1 What is on its way goes on before sources bring more: so that little is on its way, and is still in the processor's caches
 *   when the next component gets it.
 * - TN-2 Nobody waits for ever: with each slice, the sources that wait stand in the queue like all others. A slice that they wait for
 *   takes no longer than 4 ms and one turn, or two where the first ends a moment before and then has state to write or frames to send.
 * - TN-3 What is done between slices has its share once in a turn of the event loop. What arrives from other threads gives slices of
 *   its own, many in a turn: with a share in each, timers, and sources that wait for them, would wait for all of these.
 * - TN-4 Such slices have 4 ms, and one turn, from the first of them to the next slice that is asked for; what arrives then waits for
 *   that. A port between threads gives a thousand frames in one turn of the event loop, and those of a sender that is answered
 *   meanwhile: without a bound, a worker would hear nothing of its other peers for a second, and they not of it.
 */
export class Scheduler {
  private queue: Schedulable[] = []
  /** Those that are ready. */
  private sources: Schedulable[] = []
  private withFrames: Schedulable[] = []
  private isRunning = false
  private isRequested = false
  private stopped = false
  private isHeld = false
  /** When the slices that arriving frames give have had their time; undefined before the first of them since the last one asked for. */
  private runsEndMs: number | undefined
  private readonly clock: Clock
  private readonly events: SchedulerEvents

  constructor(clock: Clock, events: SchedulerEvents) {
    this.clock = clock
    this.events = events
  }

  get isIdle(): boolean {
    return !this.isAnyReady && !this.isRunning
  }

  private get isAnyReady(): boolean {
    return this.queue.length > 0 || this.sources.length > 0
  }

  schedule(instance: Schedulable): void {
    if (instance.queued) return
    instance.queued = true
    if (instance.isSource) this.sources.push(instance)
    else this.queue.push(instance)
    this.request()
  }

  framesPending(instance: Schedulable): void {
    this.withFrames.push(instance)
    this.request()
  }

  /** Runs now, where nothing is running and TN-4 lets it: for what arrives from another thread, whose sender may wait for an answer. */
  run(): void {
    if (this.isRunning || this.stopped) return
    const nowMs = this.clock.monotonic()
    this.runsEndMs ??= nowMs + sliceMs
    if (nowMs <= this.runsEndMs) this.runSlice(false, this.runsEndMs)
    else this.request()
  }

  private runSlice(isOwnTurn: boolean, endMs: number): void {
    if (this.isRunning || this.stopped || !this.events.mayAct()) return
    this.isRunning = true
    let isWanted = false
    try {
      isWanted = this.slice(isOwnTurn, endMs)
    } finally {
      this.isRunning = false
      this.events.turn(undefined)
    }
    if (isWanted || (this.isAnyReady && !this.isHeld) || this.withFrames.length > 0) this.request()
  }

  /** Makes sure that a slice comes, at which end frames and credit go out. */
  request(): void {
    if (this.isRequested || this.isRunning || this.stopped) return
    this.isRequested = true
    this.clock.soon(() => {
      this.isRequested = false
      this.runsEndMs = undefined
      this.runSlice(true, this.clock.monotonic() + sliceMs)
    })
  }

  /** No turns until `release`; frames and credit go out. */
  hold(): void {
    this.isHeld = true
  }

  release(): void {
    this.isHeld = false
    this.request()
  }

  stop(): void {
    this.stopped = true
    this.queue = []
    this.sources = []
    this.withFrames = []
  }

  private slice(isOwnTurn: boolean, endMs: number): boolean {
    let head = 0
    const { events } = this
    this.admitSources()
    while (head < this.queue.length && !this.isHeld) {
      const instance = this.queue[head]!
      head++
      instance.queued = false
      events.turn(instance)
      const readMs = instance.turn()
      if (this.stopped) return false
      if (readMs > endMs) break
      if (head === this.queue.length) {
        // What has gone through in one pass frees credit for the next: frames go out in between.
        this.queue = []
        head = 0
        this.flush()
        this.admitSources()
      }
    }
    if (head > 0) this.queue = this.queue.slice(head)
    this.flush()
    return events.sliceEnd(!this.isAnyReady, isOwnTurn)
  }

  /** TN-2 */
  private admitSources(): void {
    for (const source of this.sources) this.queue.push(source)
    this.sources = []
  }

  private flush(): void {
    if (this.withFrames.length === 0) return
    const instances = this.withFrames
    this.withFrames = []
    for (const instance of instances) instance.flushFrames()
  }
}
