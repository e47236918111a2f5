import type { Clock } from '../../base/clock.ts'
import type { RunEvent, RunStatus, RunSummary } from '../../run/types.ts'
import { RateMeter } from './components.ts'
import { eventLine, summaryLines } from './lines.ts'
import { type Frame, frameLines, type FrameSize } from './live-frame.ts'
import type { RunView } from './view.ts'

const redrawMs = 200

/** Terminals that know synchronized output show the text between these at once; others ignore them. */
const beginUpdate = '\u001b[?2026h'
const endUpdate = '\u001b[?2026l'
const clearLine = '\u001b[K'
const clearBelow = '\u001b[J'

export interface Terminal {
  write(text: string): void
  size(): FrameSize
}

/**
 * A table that is redrawn five times a second, below the lines that are printed. Each redraw overwrites the last in one
 * write, so nothing flickers; only the lines of the table are ever touched.
 */
export class LiveView implements RunView {
  readonly #clock: Clock
  readonly #terminal: Terminal
  readonly #meter = new RateMeter(1_000)
  readonly #cancel: () => void
  #frame: Frame
  #startedMs: number | undefined
  /** Lines of the table that are on the screen, above the cursor. */
  #drawn: readonly string[] = []
  #pending: string[] = []
  #isScheduled = false
  #isOver = false

  constructor(clock: Clock, terminal: Terminal, name: string) {
    this.#clock = clock
    this.#terminal = terminal
    this.#frame = {
      network: name,
      elapsedMs: undefined,
      phase: 'loading',
      workers: 0,
      memoryBytes: 0,
      components: [],
    }
    this.#cancel = clock.every(redrawMs, () => this.#redraw(), { background: true })
  }

  event(event: RunEvent): void {
    if (event.type === 'started') {
      this.#startedMs = this.#clock.monotonic()
      const { network, workers } = event
      this.#frame = { ...this.#frame, network, workers, phase: 'running' }
    } else {
      if (event.type === 'draining') this.#frame = { ...this.#frame, phase: 'draining' }
      const line = eventLine(event)
      if (line !== undefined) this.notice(line)
    }
  }

  status({ instances, workers }: RunStatus): void {
    if (this.#startedMs === undefined) return
    this.#meter.add(this.#clock.monotonic(), instances)
    const memoryBytes = workers.reduce((sum, worker) => sum + worker.memoryBytes, 0)
    this.#frame = { ...this.#frame, components: this.#meter.rates, memoryBytes }
  }

  text(line: string): void {
    this.notice(line)
  }

  /** Lines come together with the next redraw, at the latest when the loop turns. */
  notice(line: string): void {
    this.#pending.push(line)
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#clock.soon(() => {
      this.#isScheduled = false
      this.#redraw()
    })
  }

  finished(summary: RunSummary): void {
    this.#end(summaryLines(summary))
  }

  failed(): void {
    this.#end([])
  }

  #redraw(): void {
    if (this.#isOver) return
    const elapsedMs = this.#startedMs === undefined ? undefined : this.#clock.monotonic() - this.#startedMs
    this.#draw(frameLines({ ...this.#frame, elapsedMs }, this.#terminal.size()))
  }

  #draw(lines: readonly string[]): void {
    const printed = this.#pending
    this.#pending = []
    const { columns } = this.#terminal.size()
    // After the terminal became narrower, what was drawn takes more rows than it has lines.
    const rows = this.#drawn.reduce((sum, line) => sum + rowsOf(line, columns), 0)
    const up = rows === 0 ? '' : `\u001b[${rows}A\r`
    const text = [...printed, ...lines].map((line) => `${line}${clearLine}\n`).join('')
    this.#drawn = lines
    this.#terminal.write(`${beginUpdate}${up}${text}${clearBelow}${endUpdate}`)
  }

  #end(lines: readonly string[]): void {
    this.#cancel()
    this.#pending.push(...lines)
    this.#draw([])
    this.#isOver = true
  }
}

function rowsOf(line: string, columns: number): number {
  const length = line.replaceAll(/\u001b\[[0-9;]*m/g, '').length
  return Math.max(1, Math.ceil(length / Math.max(1, columns)))
}
