import type { Random } from '../../base/random.ts'
import type { LineLimits } from './limits.ts'

/** When a line is made anew: the first time at once, then in pauses that double, each shortened by up to a half by chance. */
export class Backoff {
  readonly #limits: LineLimits
  readonly #random: Random
  #failures = 0

  constructor(limits: LineLimits, random: Random) {
    this.#limits = limits
    this.#random = random
  }

  /** In milliseconds. */
  next(refused: boolean): number {
    const { redialMsMin, redialMsMax, refusedMsMin } = this.#limits
    const doubled = this.#failures === 0 ? 0 : redialMsMin * 2 ** Math.min(this.#failures - 1, 20)
    this.#failures++
    const delayMs = Math.max(refused ? refusedMsMin : 0, Math.min(redialMsMax, doubled))
    return delayMs * (1 - this.#random.next() / 2)
  }

  /** A line has held for a while. */
  reset(): void {
    this.#failures = 0
  }
}
