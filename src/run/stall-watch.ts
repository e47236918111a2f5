import { VertigoError } from '../base/errors.ts'
import { suspects } from '../worker/suspects.ts'
import type { CounterReader } from './counters.ts'

/** While it starts, a thread compiles modules: on a busy machine that takes longer than any turn should. */
const startFactor = 6

/** A turn that stands at two looks is asked to end: others of its thread wait, and so do its peers on other nodes. */
const lookMsMax = 250
/** Of the time allowed, for which it has to have looked; a pause between two looks counts for a quarter, at most. */
const [watchedPart, pausePart] = [3 / 4, 1 / 4]

/**
 * Notices threads that show no sign of life: turns and heartbeats of a worker stand still while a component loops
 * without end. It looks several times within the time allowed, so that a pause of this thread itself is not taken for
 * one of theirs. A turn over many messages that have become slow of a sudden is asked to end long before.
 */
export class StallWatch {
  private readonly reader: CounterReader
  private readonly stallMs: number
  /** How often to look at each worker, in milliseconds. */
  readonly periodMs: number
  private readonly seen = new Map<
    number,
    { readonly turns: number; readonly sinceMs: number; lookedMs: number; watchedMs: number }
  >()

  constructor(reader: CounterReader, stallMs: number) {
    this.reader = reader
    this.stallMs = stallMs
    this.periodMs = Math.max(10, Math.min(lookMsMax, stallMs / 4))
  }

  /** Looks at a worker; the error where it is stuck. `hosted` names its instances. */
  look(
    worker: number,
    nowMs: number,
    hosted: () => readonly string[],
    isStarting: boolean,
  ): VertigoError | undefined {
    const turns = this.reader.turns(worker)
    const last = this.seen.get(worker)
    if (last === undefined || last.turns !== turns) {
      this.seen.set(worker, { turns, sinceMs: nowMs, lookedMs: nowMs, watchedMs: 0 })
      return undefined
    }
    last.watchedMs += Math.min(nowMs - last.lookedMs, this.stallMs * pausePart)
    last.lookedMs = nowMs
    this.reader.askToYield(worker)
    const allowedMs = isStarting ? this.stallMs * startFactor : this.stallMs
    if (nowMs - last.sinceMs < allowedMs || last.watchedMs < this.stallMs * watchedPart) return undefined
    const { component, name, hosts } = suspects(this.reader.workerStatus(worker).running, hosted())
    const blockedMs = Math.round(nowMs - last.sinceMs)
    return new VertigoError(
      'COMPONENT_STALLED',
      `${name} has blocked its thread for ${blockedMs} ms. ${hosts}`,
      {
        place: { component },
      },
    )
  }
}
