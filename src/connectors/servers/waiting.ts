import type { PollResult } from '../../component/index.ts'

/** What a source returns while there is nothing: a promise that settles when there may be something. */
export class Waiting {
  #wake: (() => void) | undefined
  #woken = false

  /** Settles at the next `wake`; at once where that came since the last wait. */
  wait(): PollResult | Promise<PollResult> {
    if (this.#woken) {
      this.#woken = false
      return 'more'
    }
    return new Promise((resolve) => {
      this.#wake = () => resolve('more')
    })
  }

  wake(): void {
    const wake = this.#wake
    this.#wake = undefined
    if (wake === undefined) this.#woken = true
    else wake()
  }
}
