import type { Random } from '../../base/random.ts'

/** With other endpoints to ask: longer than an answer takes, shorter than anybody waits for an election. */
const attemptMsMin = 120
/** With a single endpoint there is nobody else to ask, and asking again helps only where a connection is dead. */
const aloneMsMin = 1_000
const attemptMsMax = 4_000
const pauseMsMin = 10
const pauseMsMax = 40

/**
 * How long an attempt may take before another endpoint is asked, and the pause before all are asked again. A slow or
 * distant store is given more time: four times what its answers take, and twice as long in each round of all endpoints.
 */
export class Patience {
  private readonly endpoints: number
  private smoothedMs = 0

  constructor(endpoints: number) {
    this.endpoints = endpoints
  }

  /** An answer took so long. */
  observe(ms: number): void {
    this.smoothedMs = this.smoothedMs === 0 ? ms : this.smoothedMs + (ms - this.smoothedMs) / 8
  }

  attemptMs(failures: number): number {
    const least = this.endpoints > 1 ? attemptMsMin : aloneMsMin
    const base = Math.min(Math.max(least, this.smoothedMs * 4), Math.max(least, 1_000))
    return Math.min(attemptMsMax, base * 2 ** this.round(failures))
  }

  /** None while there is an endpoint that was not asked in this round. */
  pauseMs(failures: number, random: Random): number {
    if (failures % this.endpoints !== 0) return 0
    const most = Math.min(pauseMsMax, pauseMsMin * 2 ** this.round(failures))
    return most / 2 + (most / 2) * random.next()
  }

  private round(failures: number): number {
    return Math.min(10, Math.floor(failures / this.endpoints))
  }
}
