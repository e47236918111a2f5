import { VertigoError } from '../base/errors.ts'

export interface StreamWire {
  open(): void
  credit(items: number): void
  cancel(): void
  over(): void
}

interface Waiter {
  readonly resolve: (result: IteratorResult<unknown>) => void
  readonly reject: (error: Error) => void
}

const done: IteratorReturnResult<undefined> = { done: true, value: undefined }

/** The caller's end of a stream: holds what has come and was not asked for, and gives credit for what was taken. */
export class CallStream implements AsyncIterableIterator<unknown> {
  readonly #itemsMax: number
  readonly #wire: StreamWire
  readonly #signal: AbortSignal | undefined
  readonly #onAbort = (): void => this.#giveUp(this.#signal?.reason as Error)
  readonly #items: unknown[] = []
  readonly #waiters: Waiter[] = []
  #isOpen = false
  #isOver = false
  #error: Error | undefined
  #taken = 0

  constructor(itemsMax: number, signal: AbortSignal | undefined, wire: StreamWire) {
    this.#itemsMax = itemsMax
    this.#wire = wire
    this.#signal = signal
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<unknown>> {
    if (!this.#isOpen) this.#open()
    if (this.#items.length > 0) {
      const value = this.#items.shift()
      this.#took()
      return { done: false, value }
    }
    if (this.#isOver) {
      const error = this.#error
      this.#error = undefined
      if (error !== undefined) throw error
      return done
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
    })
  }

  async return(): Promise<IteratorResult<unknown>> {
    this.#isOpen = true
    this.#items.length = 0
    if (!this.#isOver) {
      this.#finish()
      this.#wire.cancel()
    }
    return done
  }

  item(value: unknown): void {
    if (this.#isOver) return
    const waiter = this.#waiters.shift()
    if (waiter !== undefined) {
      this.#took()
      waiter.resolve({ done: false, value })
    } else if (this.#items.length >= this.#itemsMax) {
      const text = `a stream of another node sent more than the ${this.#itemsMax} items that it had credit for`
      this.#giveUp(new VertigoError('CALL_INVALID', text))
    } else {
      this.#items.push(value)
    }
  }

  /** What has come before is still given. */
  end(error?: Error): void {
    if (this.#isOver) return
    this.#finish(error)
  }

  #open(): void {
    this.#isOpen = true
    try {
      this.#signal?.throwIfAborted()
      this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
      this.#wire.open()
    } catch (error) {
      this.#finish(error as Error)
    }
  }

  #giveUp(error: Error): void {
    if (this.#isOver) return
    this.#items.length = 0
    this.#finish(error)
    this.#wire.cancel()
  }

  #finish(error?: Error): void {
    this.#isOver = true
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#wire.over()
    const [first, ...others] = this.#waiters.splice(0)
    if (error !== undefined && first !== undefined) first.reject(error)
    else first?.resolve(done)
    for (const waiter of others) waiter.resolve(done)
    if (first === undefined) this.#error = error
  }

  /** Credit goes back in halves of the most: a message for each item would double them. */
  #took(): void {
    this.#taken++
    if (this.#isOver || this.#taken < Math.ceil(this.#itemsMax / 2)) return
    const credit = this.#taken
    this.#taken = 0
    try {
      this.#wire.credit(credit)
    } catch (error) {
      this.#finish(error as Error)
    }
  }
}
