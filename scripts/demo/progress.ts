import type { RunStatus } from 'vertigo-flow'

const linePeriodMs = 1000
const livePeriodMs = 100

/** Says how far a run has come: one line that changes on a terminal, a line each second elsewhere. */
export class Progress {
  readonly #status: () => RunStatus
  readonly #isLive = process.stdout.isTTY
  readonly #timer: NodeJS.Timeout
  readonly #startMs = performance.now()

  constructor(status: () => RunStatus) {
    this.#status = status
    this.#timer = setInterval(() => this.#show(), this.#isLive ? livePeriodMs : linePeriodMs)
  }

  /** Shows how far it came, and ends. */
  end(): void {
    clearInterval(this.#timer)
    this.#show()
    if (this.#isLive) process.stdout.write('\n')
  }

  #show(): void {
    const { instances } = this.#status()
    const sum = (component: string, field: 'sent' | 'received'): string =>
      instances
        .filter((instance) => instance.component === component)
        .reduce((total, instance) => total + instance[field], 0)
        .toLocaleString('en')
    const seconds = ((performance.now() - this.#startMs) / 1000).toFixed(1)
    const text = `  ${seconds} s: ${sum('lines', 'sent')} lines read, ${sum('count', 'received')} words counted`
    process.stdout.write(this.#isLive ? `\r\x1b[K${text}` : `${text}\n`)
  }
}
