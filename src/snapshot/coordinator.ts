import { assert } from '../base/assert.ts'
import type {
  CoordinatorEffect,
  CoordinatorEvent,
  OpenGeneration,
  SnapshotTimes,
} from './coordinator-events.ts'

/**
 * When snapshots of a network begin, and how each of them ends. It has no clock, no store and no connection: it takes what happened
 * and gives what is to be done. A manager and a run on one machine use the same. `Part`: what an instance acknowledges with.
 *
 * - CR-1 One snapshot is in flight. The next one begins an interval after the beginning of the one before. Where that one takes longer, the next
 *   one begins a quarter of the interval after its end: soon, since what waits for a commit has waited long already, and yet not all the time is
 *   spent with snapshots. One that has a name begins as soon as none is in flight.
 * - CR-2 (SN-1) Ids come from the store (`allocate`). What is acknowledged counts only for the generation and the id that are in flight.
 * - CR-3 A snapshot is committed when each instance of the generation has given its part, and not before. One that has finished gives
 *   its part as well: whether it finished before the barrier or after it nobody else knows.
 * - CR-4 What fails, takes too long, or belongs to a generation that is over is aborted, with a reason. An abort takes nothing back
 *   (SN-4); the next one tries again.
 * - CR-5 A commit that is on its way is neither aborted nor taken for done: the store says which of the two it is (SN-2).
 */
export class SnapshotCoordinator<Part> {
  readonly #times: SnapshotTimes
  #open: OpenGeneration | undefined
  #phase: Phase<Part> = { name: 'none' }
  /** When the next one begins. */
  #dueMs = 0
  #wanted: readonly string[] = []
  #isUrgent = false
  /** What is wanted waits until the next one is due: the last one came to nothing, and the next might as well. */
  #isPatient = false

  constructor(times: SnapshotTimes) {
    this.#times = checkedTimes(times)
  }

  /** When it wants to be told of the time at the latest. */
  get wakeAtMs(): number | undefined {
    const phase = this.#phase
    if (phase.name === 'gathering') return phase.deadlineMs
    return phase.name === 'none' && this.#open !== undefined ? this.#dueMs : undefined
  }

  /** What is in flight, for people. */
  get inFlight(): InFlight | undefined {
    const phase = this.#phase
    if (phase.name !== 'gathering' && phase.name !== 'committing') return undefined
    return {
      id: phase.id,
      begunAtMs: phase.begunAtMs,
      missing: phase.name === 'gathering' ? [...phase.missing] : [],
    }
  }

  /** `nowMs`: of a clock that never goes back. */
  handle(event: CoordinatorEvent<Part>, nowMs: number): readonly CoordinatorEffect<Part>[] {
    const effects = this.#react(event, nowMs)
    // The one in flight may be over by its time-out, and leave room for the next.
    return [...effects, ...this.#late(nowMs), ...this.#due(nowMs)]
  }

  #react(event: CoordinatorEvent<Part>, nowMs: number): CoordinatorEffect<Part>[] {
    switch (event.type) {
      case 'opened':
        return this.#opened(event, nowMs)
      case 'closed':
        return this.#closed(event.reason, nowMs)
      case 'wanted':
        this.#wanted = event.names
        this.#isUrgent = event.isUrgent
        return []
      case 'allocated':
        return this.#allocated(event.id, nowMs)
      case 'not-allocated':
        if (this.#phase.name === 'allocating') this.#missed(nowMs)
        return []
      case 'part':
        return this.#part(event)
      case 'failed':
        return this.#isInFlight(event) ? this.#abort(event.reason, nowMs) : []
      case 'committed':
      case 'not-committed':
        return this.#answered(event, nowMs)
      case 'time':
        return []
    }
  }

  #late(nowMs: number): CoordinatorEffect<Part>[] {
    const phase = this.#phase
    if (phase.name !== 'gathering' || nowMs < phase.deadlineMs) return []
    const late = [...phase.missing]
    return this.#abort({ type: 'timed-out', timeoutMs: this.#times.timeoutMs, late }, nowMs)
  }

  #due(nowMs: number): CoordinatorEffect<Part>[] {
    if (this.#phase.name !== 'none' || this.#open === undefined) return []
    const isAsked = (this.#isUrgent || this.#wanted.length > 0) && !this.#isPatient
    if (nowMs < this.#dueMs && !isAsked) return []
    this.#isPatient = false
    this.#phase = { name: 'allocating', open: this.#open }
    return [{ type: 'allocate' }]
  }

  #opened({ generation, instances }: OpenGeneration, nowMs: number): CoordinatorEffect<Part>[] {
    if (this.#open?.generation === generation) return []
    const effects = this.#closed({ type: 'generation' }, nowMs)
    this.#open = { generation, instances }
    this.#dueMs = nowMs + this.#times.intervalMs
    return effects
  }

  #closed(reason: Extract<CoordinatorEvent<Part>, { type: 'closed' }>['reason'], nowMs: number) {
    this.#open = undefined
    // An allocation and a commit are awaited (CR-5).
    return this.#phase.name === 'gathering' ? this.#abort(reason, nowMs) : []
  }

  #allocated(id: number, nowMs: number): CoordinatorEffect<Part>[] {
    if (this.#phase.name !== 'allocating') return []
    const { open } = this.#phase
    // An id that is not used is none that is used twice.
    if (open !== this.#open) {
      this.#end(nowMs)
      return []
    }
    const missing = new Set(open.instances)
    this.#phase = {
      name: 'gathering',
      id,
      generation: open.generation,
      begunAtMs: nowMs,
      deadlineMs: nowMs + this.#times.timeoutMs,
      missing,
      parts: new Map(),
      names: this.#wanted,
    }
    this.#dueMs = nowMs + this.#times.intervalMs
    const begin: CoordinatorEffect<Part> = { type: 'begin', generation: open.generation, id }
    return missing.size === 0 ? this.#commit() : [begin]
  }

  #part(event: Extract<CoordinatorEvent<Part>, { type: 'part' }>): CoordinatorEffect<Part>[] {
    const phase = this.#phase
    if (phase.name !== 'gathering' || !this.#isInFlight(event)) return []
    if (!phase.missing.delete(event.instance)) return []
    phase.parts.set(event.instance, event.part)
    return phase.missing.size === 0 ? this.#commit() : []
  }

  #commit(): CoordinatorEffect<Part>[] {
    assert(this.#phase.name === 'gathering', 'what is committed was gathered')
    const { id, generation, begunAtMs, parts, names } = this.#phase
    this.#wanted = this.#wanted.filter((name) => !names.includes(name))
    this.#phase = { name: 'committing', id, generation, begunAtMs }
    return [{ type: 'commit', generation, id, parts, names, begunAtMs }]
  }

  #answered(
    event: Extract<CoordinatorEvent<Part>, { type: 'committed' | 'not-committed' }>,
    nowMs: number,
  ): CoordinatorEffect<Part>[] {
    const phase = this.#phase
    if (phase.name !== 'committing' || phase.id !== event.id) return []
    const { id, generation } = phase
    this.#end(nowMs)
    if (event.type === 'committed') return []
    this.#isPatient = true
    return [{ type: 'abort', generation, id, reason: event.reason }]
  }

  #abort(
    reason: Extract<CoordinatorEffect<Part>, { type: 'abort' }>['reason'],
    nowMs: number,
  ): CoordinatorEffect<Part>[] {
    assert(this.#phase.name === 'gathering', 'what is aborted was gathered')
    const { id, generation } = this.#phase
    this.#end(nowMs)
    this.#isPatient = true
    return [{ type: 'abort', generation, id, reason }]
  }

  #missed(nowMs: number): void {
    // The time that it was for is over.
    this.#dueMs = Math.max(this.#dueMs, nowMs + this.#times.intervalMs)
    this.#isPatient = true
    this.#end(nowMs)
  }

  #end(nowMs: number): void {
    this.#phase = { name: 'none' }
    if (this.#dueMs < nowMs) this.#dueMs = nowMs + this.#times.intervalMs * pausePart
  }

  #isInFlight({ generation, id }: { readonly generation: number; readonly id: number }): boolean {
    const phase = this.#phase
    return phase.name === 'gathering' && phase.id === id && phase.generation === generation
  }
}

export interface InFlight {
  readonly id: number
  readonly begunAtMs: number
  /** Ids of the instances that have not given their part yet. */
  readonly missing: readonly number[]
}

type Phase<Part> =
  | { readonly name: 'none' }
  | { readonly name: 'allocating'; readonly open: OpenGeneration }
  | {
      readonly name: 'gathering'
      readonly id: number
      readonly generation: number
      readonly begunAtMs: number
      readonly deadlineMs: number
      readonly missing: Set<number>
      readonly parts: Map<number, Part>
      readonly names: readonly string[]
    }
  | {
      readonly name: 'committing'
      readonly id: number
      readonly generation: number
      readonly begunAtMs: number
    }

function checkedTimes(times: SnapshotTimes): SnapshotTimes {
  assert(times.intervalMs >= intervalMsMin, `an interval is at least ${intervalMsMin} ms`)
  assert(times.timeoutMs > 0, 'a time-out is ahead')
  return times
}

/** CR-1, of the interval. */
const pausePart = 0.25
/** Shorter ones would spend the time on barriers. */
export const intervalMsMin = 50
export const defaultSnapshotTimes: SnapshotTimes = { intervalMs: 1_000, timeoutMs: 600_000 }

/** Of what a network says. */
export function snapshotTimesOf(options: Partial<SnapshotTimes>): SnapshotTimes {
  const { intervalMs, timeoutMs } = { ...defaultSnapshotTimes, ...options }
  return { intervalMs: Math.max(intervalMsMin, intervalMs), timeoutMs }
}
