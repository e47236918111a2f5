import type { Clock } from '../../base/clock.ts'
import type { RunEvent } from '../../run/types.ts'

/** Events that may wait for a parent that does not keep up. */
const waitingMax = 50_000

/**
 * Sends events in batches: one at a time is on its way, what comes meanwhile goes with the next. Where more comes than is
 * taken, log records and rejected messages are left out and counted; memory stays bounded.
 */
export class EventSender {
  readonly #clock: Clock
  readonly #send: (events: readonly RunEvent[], left: number, done: () => void) => void
  #waiting: RunEvent[] = []
  #left = 0
  #isBusy = false

  constructor(clock: Clock, send: (events: readonly RunEvent[], left: number, done: () => void) => void) {
    this.#clock = clock
    this.#send = send
  }

  add(event: RunEvent): void {
    const mayBeLeft = event.type === 'log' || event.type === 'rejected'
    if (mayBeLeft && this.#waiting.length >= waitingMax) {
      this.#left++
      return
    }
    this.#waiting.push(event)
    if (this.#isBusy) return
    this.#isBusy = true
    this.#clock.soon(() => this.flush())
  }

  /** Sends what waits. */
  flush(): void {
    if (this.#waiting.length === 0 && this.#left === 0) {
      this.#isBusy = false
      return
    }
    const events = this.#waiting
    const left = this.#left
    this.#waiting = []
    this.#left = 0
    this.#isBusy = true
    this.#send(events, left, () => this.flush())
  }
}
