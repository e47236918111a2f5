import type { Cancel, Clock } from '../base/clock.ts'

export interface TextBufferOptions {
  /** Writes a piece; never called while a call before has not settled. */
  readonly write: (text: string) => Promise<void>
  readonly clock: Clock
  /** Longest time that text waits for more, in milliseconds; `soon` writes once the current work is done. */
  readonly flushDelayMs: number | 'soon'
}

/** 256 Ki characters: writes of this size run at the speed of the device; two of them are in memory at most. */
const flushChars = 256 * 1024

/**
 * Gathers small texts into large writes. While one piece is being written the next one fills; `add` returns a promise
 * only when both are full, which is the back-pressure. An error of a write is thrown by the next `add` or `finish`.
 */
export class TextBuffer {
  readonly #options: TextBufferOptions
  #text = ''
  #writing: Promise<void> | undefined
  #cancelTimer: Cancel | undefined
  #scheduled = false
  /** The text's time came while another write was under way: it is written right after that. */
  #due = false
  #failed: Error | undefined

  constructor(options: TextBufferOptions) {
    this.#options = options
  }

  /** Appends a text; the promise, where there is one, is to be awaited before the next `add`. */
  add(text: string): Promise<void> | undefined {
    if (this.#failed !== undefined) throw this.#failed
    this.#text += text
    if (this.#text.length >= flushChars) return this.#flush()
    if (!this.#scheduled) this.#schedule()
    return undefined
  }

  /** Settles when everything is written. */
  async finish(): Promise<void> {
    this.#discardTimer()
    while (this.#writing !== undefined || this.#text !== '') {
      if (this.#failed !== undefined) throw this.#failed
      if (this.#writing === undefined) this.#start()
      await this.#writing
    }
    if (this.#failed !== undefined) throw this.#failed
  }

  /** Settles when no write is under way; what is gathered stays unwritten. */
  async abandon(): Promise<void> {
    this.#discardTimer()
    this.#text = ''
    await this.#writing
  }

  #discardTimer(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #flush(): Promise<void> | undefined {
    if (this.#writing === undefined) {
      this.#start()
      return undefined
    }
    return this.#flushAfterWrite()
  }

  async #flushAfterWrite(): Promise<void> {
    await this.#writing
    if (this.#failed !== undefined) throw this.#failed
    if (this.#writing === undefined && this.#text !== '') this.#start()
  }

  #start(): void {
    const text = this.#text
    this.#text = ''
    this.#writing = this.#options.write(text).then(
      () => {
        this.#writing = undefined
        if (!this.#due) return
        this.#due = false
        if (this.#text !== '') this.#start()
      },
      (error: unknown) => {
        this.#writing = undefined
        this.#failed = error as Error
      },
    )
  }

  #schedule(): void {
    this.#scheduled = true
    const { clock, flushDelayMs } = this.#options
    const act = (): void => {
      this.#scheduled = false
      if (this.#text === '' || this.#failed !== undefined) return
      if (this.#writing === undefined) this.#start()
      else this.#due = true
    }
    if (flushDelayMs === 'soon') clock.soon(act)
    else this.#cancelTimer = clock.after(flushDelayMs, act, { background: true })
  }
}
