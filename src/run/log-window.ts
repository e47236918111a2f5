import type { LogRecord } from '../component/context.ts'

/**
 * Log records on their way from a worker's thread to the main one. A component can log far faster than anybody reads: without
 * a bound, its records would keep the main thread busy for ever, and fill its memory. Each record is posted at once, so that
 * what was logged right before a crash is seen; above the window, records are left out and counted.
 */

/** Records on their way from one thread. */
const inFlightMax = 1000

/** The main thread tells each time it has taken this many. */
export const logsTakenStep = 250

export class LogWindow {
  readonly #post: (record: LogRecord) => void
  readonly #tellLeft: (count: number) => void
  #inFlight = 0
  #left = 0

  constructor(post: (record: LogRecord) => void, tellLeft: (count: number) => void) {
    this.#post = post
    this.#tellLeft = tellLeft
  }

  add(record: LogRecord): void {
    if (this.#inFlight >= inFlightMax) {
      this.#left++
      return
    }
    this.#inFlight++
    this.#post(record)
  }

  /** The main thread has taken `logsTakenStep` more. */
  taken(): void {
    this.#inFlight -= logsTakenStep
    this.tell()
  }

  /** Tells how many were left out since it was told last. */
  tell(): void {
    if (this.#left === 0) return
    this.#tellLeft(this.#left)
    this.#left = 0
  }
}
