import type { Clock } from '../base/clock.ts'
import type { LeaseLimits } from '../store/recipes/index.ts'

/**
 * Until when a node's workers may act, in memory that their threads share with the node's agent.
 *
 * - FE-1 A thread looks at it against the machine's clock, before it handles and before it sends anything: one that wakes from a
 *   pause (SIGSTOP, a frozen machine) before the agent does nothing.
 * - FE-2 It also looks how far the wall clock has run ahead of the monotonic one, which stands still while a machine sleeps
 *   (Linux): then the lease is in doubt, until the agent has asked the store (LH-5).
 *
 * It shortens the time of double work; safety rests on generations. Neighbour: `store/recipes/lease-holder.ts`.
 */
/** Two numbers, each of which is written as a whole by all machines that Node runs on. */
export function allocateFence(): SharedArrayBuffer {
  return new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT)
}

/** The agent's side. */
export function setFence(shared: SharedArrayBuffer, { deadlineMs, wallAheadMsMax }: LeaseLimits): void {
  const limits = new Float64Array(shared)
  limits[0] = deadlineMs
  limits[1] = wallAheadMsMax
}

/** How often a thread that holds looks whether it may go on. */
const lookMs = 20

export interface FencedWorker {
  hold(): void
  release(): void
}

/** A thread's side. */
export class Fence {
  private readonly limits: Float64Array
  private readonly clock: Clock
  /** What the machine's monotonic clock is ahead of the thread's, which is cheaper to read. */
  private readonly aheadMs: number
  private isHeldByAgent = false
  private isHolding = false
  private readonly worker: () => FencedWorker

  constructor(
    shared: SharedArrayBuffer,
    clocks: { readonly own: Clock; readonly machine: Clock },
    worker: () => FencedWorker,
  ) {
    this.limits = new Float64Array(shared)
    this.clock = clocks.own
    this.aheadMs = clocks.machine.monotonic() - clocks.own.monotonic()
    this.worker = worker
  }

  /** Asked before each slice, and before each frame that leaves. Where not, the worker holds. */
  readonly mayAct = (): boolean => {
    if (this.isWithin()) return true
    this.close()
    return false
  }

  /** What the agent wants of the worker by itself. */
  agentHolds(isHeld: boolean): void {
    this.isHeldByAgent = isHeld
  }

  private isWithin(): boolean {
    const monotonic = this.clock.monotonic() + this.aheadMs
    return monotonic < this.limits[0]! && this.clock.now() - monotonic <= this.limits[1]!
  }

  private close(): void {
    this.worker().hold()
    if (this.isHolding) return
    this.isHolding = true
    const cancel = this.clock.every(
      lookMs,
      () => {
        if (!this.isWithin()) return
        cancel()
        this.isHolding = false
        if (!this.isHeldByAgent) this.worker().release()
      },
      { background: true },
    )
  }
}
