import type { Cancel, Clock } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'

export interface PartitionWatchMeans {
  readonly everyMs: number
  readonly clock: Clock
  readonly look: () => Promise<void>
  /** It looks no more. */
  readonly failed: (error: Error) => void
}

/** Looks again and again, one look after the other, until it is closed or a look fails. */
export class PartitionWatch {
  readonly #means: PartitionWatchMeans
  #cancel: Cancel = () => undefined
  #looking: Promise<void> = Promise.resolve()
  #closed = false

  constructor(means: PartitionWatchMeans) {
    this.#means = means
    this.#later()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancel()
    await this.#looking
  }

  #later(): void {
    if (this.#closed) return
    const { clock, everyMs } = this.#means
    const look = (): void => {
      this.#looking = this.#look()
    }
    this.#cancel = clock.after(everyMs, look, { background: true })
  }

  async #look(): Promise<void> {
    try {
      await this.#means.look()
      this.#later()
    } catch (error) {
      this.#means.failed(asError(error))
    }
  }
}
