import type { Cancel, Clock } from '../../base/clock.ts'
import { systemClock } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { cancellable, repeated, Standstill } from './standstill.ts'

/**
 * The time of a simulation: a queue of events, each of a lane (a process, the store, the wires). It moves on to the next event
 * only when it is told to.
 *
 * - ST-1 Events of one lane that are due at the same moment run in the order in which they were set; those of different
 *   lanes in an order that is drawn from the seed.
 * - ST-2 Between two events all promises settle that can, so a seed reproduces a run to the last step.
 */
export class SimulatedTime {
  /** Milliseconds since 1970. */
  nowMs = startMs
  /** How many events have run. */
  steps = 0
  private readonly heap: Event[] = []
  private readonly salt: number
  private order = 0

  constructor(random: Random) {
    this.salt = random.int(2 ** 31)
  }

  /** Since the beginning of the simulation. */
  get elapsedMs(): number {
    return this.nowMs - startMs
  }

  at(dueMs: number, lane: number, action: () => void): Cancel {
    const event: Event = {
      dueMs: Math.max(dueMs, this.nowMs),
      tie: mix(this.salt, lane, dueMs),
      order: this.order++,
      action,
    }
    push(this.heap, event)
    return () => {
      event.action = undefined
    }
  }

  /**
   * Runs what is due until `untilMs`, or until `isOver`, which is asked between two events: then promises have settled. Fulfilled
   * with whether it was over.
   */
  run(untilMs: number, isOver: () => boolean = goesOn): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const next = (): void => {
        try {
          if (isOver()) resolve(true)
          else if (this.step(untilMs)) whenSettled(this.steps, next)
          else resolve(isOver())
        } catch (error) {
          reject(asError(error))
        }
      }
      next()
    })
  }

  /** Runs the next event that is due until `untilMs`; false where there is none. */
  private step(untilMs: number): boolean {
    for (;;) {
      const [next] = this.heap
      if (next === undefined || next.dueMs > untilMs) {
        this.nowMs = Math.max(this.nowMs, untilMs)
        return false
      }
      pop(this.heap)
      const { action } = next
      if (action === undefined) continue
      this.nowMs = Math.max(this.nowMs, next.dueMs)
      this.steps++
      action()
      return true
    }
  }
}

const goesOn = (): boolean => false

/** 2025-01-01T00:00:00Z. */
const startMs = Date.UTC(2025, 0, 1)
/** What an entry into the event loop costs, in milliseconds: so time goes on whatever a process does. */
const turnMs = 0.02
/** Each reading of a clock moves it on: time slices come to their end. */
const readingMs = 0.001

/** The clocks of a machine, which go wrong. */
export interface Machine {
  /** How far its time of day is off, in milliseconds. */
  wallOffsetMs: number
  /** How fast its monotonic clock and its timers go; 1 is right. */
  readonly rate: number
}

const goodMachine: Machine = { wallOffsetMs: 0, rate: 1 }

/** The clock of one process, which can be stopped for a while (SIGSTOP), or for good (SIGKILL). */
export class ProcessClock implements Clock {
  readonly lane: number
  private readonly time: SimulatedTime
  private readonly machine: Machine
  private readonly startedMs: number
  private lastMonotonicMs = 0
  private lastSoonMs = 0
  private readonly standstill: Standstill

  constructor(time: SimulatedTime, lane: number, machine: Machine = goodMachine) {
    this.time = time
    this.lane = lane
    this.machine = machine
    this.startedMs = time.nowMs
    this.standstill = new Standstill((action) => time.at(time.nowMs + turnMs, lane, action))
  }

  get isPaused(): boolean {
    return this.standstill.stands
  }

  get isDead(): boolean {
    return this.standstill.isOver
  }

  /** Time passes, and nothing runs. */
  pause(): void {
    this.standstill.begin()
  }

  /** What has become due meanwhile runs first, in its order, one turn after the other. */
  resume(): void {
    this.standstill.end()
  }

  kill(): void {
    this.standstill.endForGood()
  }

  now(): number {
    // Whole, as the time of day is.
    return Math.floor(this.time.nowMs + this.machine.wallOffsetMs)
  }

  monotonic(): number {
    const passedMs = (this.time.nowMs - this.startedMs) * this.machine.rate
    this.lastMonotonicMs = Math.max(this.lastMonotonicMs + readingMs, passedMs)
    return this.lastMonotonicMs
  }

  after(delayMs: number, action: () => void): Cancel {
    const dueMs = this.time.nowMs + Math.max(0, delayMs) / this.machine.rate
    return cancellable(action, (run) => this.time.at(dueMs, this.lane, () => this.standstill.run(run)))
  }

  every(periodMs: number, action: () => void): Cancel {
    return repeated((ms, run) => this.after(ms, run), periodMs, action)
  }

  soon(action: () => void): void {
    if (this.isDead) return
    this.lastSoonMs = Math.max(this.lastSoonMs, this.time.nowMs + turnMs)
    this.time.at(this.lastSoonMs, this.lane, () => this.standstill.run(action))
  }
}

/** How often the event loop of the host gets its turn: others in its process go on, and a run can be interrupted. */
const stepsPerTurn = 256

/**
 * Calls `next` when every promise has settled that can without input, output or time: a tick comes when there is no microtask
 * left, which takes a tenth of what a turn of the event loop takes. Not in the tick itself: another one that is set there would
 * come before the microtasks.
 */
function whenSettled(steps: number, next: () => void): void {
  if (steps % stepsPerTurn === 0) systemClock.soon(next)
  else process.nextTick(afterPromises, next)
}

/** Fulfilled when all promises have settled that can without input, output or time. */
export function promisesSettled(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(afterPromises, resolve)
  })
}

const isFulfilled = Promise.resolve()

function afterPromises(next: () => void): void {
  // `next` throws nothing.
  void isFulfilled.then(next, next)
}

interface Event {
  readonly dueMs: number
  readonly tie: number
  readonly order: number
  /** Undefined: it was cancelled. */
  action: (() => void) | undefined
}

/** A number that looks random, and is the same for the same lane and moment. */
function mix(salt: number, lane: number, dueMs: number): number {
  let t = (salt ^ Math.imul(lane + 1, 0x9e3779b1) ^ Math.imul(Math.floor(dueMs * 1000) | 0, 0x85ebca6b)) >>> 0
  t = Math.imul(t ^ (t >>> 15), t | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return (t ^ (t >>> 14)) >>> 0
}

function isBefore(a: Event, b: Event): boolean {
  if (a.dueMs !== b.dueMs) return a.dueMs < b.dueMs
  if (a.tie !== b.tie) return a.tie < b.tie
  return a.order < b.order
}

function push(heap: Event[], event: Event): void {
  let at = heap.length
  heap.push(event)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(event, heap[parent]!)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = event
}

function pop(heap: Event[]): void {
  const last = heap.pop()!
  if (heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
    if (!isBefore(heap[child]!, last)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = last
}
