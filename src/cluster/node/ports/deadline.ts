import type { Clock } from '../../../base/clock.ts'
import { VertigoError } from '../../../base/errors.ts'
import { type SendOptions, sendTimeoutMsDefault, sendTimeoutMsMax } from '../../client/index.ts'

/** Of one call, from its beginning. */
export class Deadline {
  readonly timeoutMs: number
  readonly signal: AbortSignal
  private readonly clock: Clock
  private readonly endMs: number

  /** Errors: USAGE. */
  constructor(clock: Clock, { timeoutMs = sendTimeoutMsDefault, signal }: SendOptions) {
    if (!(timeoutMs >= 1 && timeoutMs <= sendTimeoutMsMax))
      throw new VertigoError('USAGE', `timeoutMs must be a number from 1 to ${sendTimeoutMsMax}.`)
    this.timeoutMs = timeoutMs
    this.signal = signal ?? new AbortController().signal
    this.clock = clock
    this.endMs = clock.monotonic() + timeoutMs
  }

  get leftMs(): number {
    return this.endMs - this.clock.monotonic()
  }
}
