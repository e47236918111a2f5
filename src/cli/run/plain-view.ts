import type { Clock } from '../../base/clock.ts'
import type { RunEvent, RunStatus, RunSummary } from '../../run/types.ts'
import { duration } from '../report/text.ts'
import { RateMeter } from './components.ts'
import { eventLine, progressLine, summaryLines } from './lines.ts'
import type { RunView } from './view.ts'

const progressMs = 5_000

/** Lines, for files and pipes: what happens, and how far it is every 5 s. */
export class PlainView implements RunView {
  readonly #clock: Clock
  readonly #write: (text: string) => void
  readonly #meter = new RateMeter(progressMs - 500)
  #startedMs: number | undefined
  #nextMs = 0

  constructor(clock: Clock, write: (text: string) => void) {
    this.#clock = clock
    this.#write = write
  }

  event(event: RunEvent): void {
    if (event.type === 'started') {
      this.#startedMs = this.#clock.monotonic()
      this.#nextMs = this.#startedMs + progressMs
    }
    const line = eventLine(event)
    if (line !== undefined) this.notice(line)
  }

  status({ instances }: RunStatus): void {
    if (this.#startedMs === undefined) return
    const now = this.#clock.monotonic()
    this.#meter.add(now, instances)
    if (now < this.#nextMs) return
    this.#nextMs += progressMs
    this.notice(progressLine(now - this.#startedMs, this.#meter.rates))
  }

  text(line: string): void {
    this.notice(line)
  }

  notice(line: string): void {
    this.#write(`${line}\n`)
  }

  finished(summary: RunSummary): void {
    this.#write(`${summaryLines(summary).join('\n')}\n`)
  }

  failed(): void {
    if (this.#startedMs !== undefined)
      this.notice(`failed after ${duration(this.#clock.monotonic() - this.#startedMs)}`)
  }
}
