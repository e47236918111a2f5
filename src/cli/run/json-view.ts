import type { Clock } from '../../base/clock.ts'
import { errorToData, type ErrorData } from '../../base/errors.ts'
import type { RunEvent, RunStatus, RunSummary } from '../../run/types.ts'
import { RateMeter } from './components.ts'
import type { RunView } from './view.ts'

const progressMs = 1_000

/**
 * `--json`: one JSON object for each event, one a line, on standard output. The field `type` says which: `started`,
 * `progress` (every second), `log`, `rejected`, `text`, `notice`, `draining`, and at last `finished` or `failed`.
 */
export class JsonView implements RunView {
  readonly #clock: Clock
  readonly #write: (text: string) => void
  readonly #meter = new RateMeter(progressMs - 100)
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
    if (event.type === 'log' || event.type === 'rejected') this.#print({ type: event.type, ...event.record })
    else this.#print(event)
  }

  status({ instances, workers, metrics }: RunStatus): void {
    if (this.#startedMs === undefined) return
    const now = this.#clock.monotonic()
    this.#meter.add(now, instances)
    if (now < this.#nextMs) return
    this.#nextMs += progressMs
    const elapsedMs = Math.round(now - this.#startedMs)
    this.#print({ type: 'progress', elapsedMs, components: this.#meter.rates, workers, metrics })
  }

  text(line: string): void {
    this.#print({ type: 'text', text: line })
  }

  notice(line: string): void {
    this.#print({ type: 'notice', text: line })
  }

  finished(summary: RunSummary): void {
    this.#print({ type: 'finished', ...summary })
  }

  failed(error: unknown, exitCode: number): void {
    this.#print({ type: 'failed', exitCode, error: withoutStack(errorToData(error)) })
  }

  #print(event: object): void {
    this.#write(`${JSON.stringify(event)}\n`)
  }
}

function withoutStack({ stack: _, cause, faults, ...rest }: ErrorData): ErrorData {
  return {
    ...rest,
    cause: cause === undefined ? undefined : withoutStack(cause),
    faults: faults?.map(withoutStack),
  }
}
