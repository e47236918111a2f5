import { VertigoError } from '../../base/errors.ts'

export interface CollectorOptions {
  /** Messages that wait for who iterates; above that, the network waits. Default 1024. */
  readonly queueMessagesMax?: number
  /** Messages that may gather while nobody iterates; one more is an error. Default 10 million. */
  readonly collectedMessagesMax?: number
}

/**
 * Messages on their way from a network to code, within one thread. The network's side is `put`, `end` and `fail`. The
 * code's side is one of two: `collected` and `toArray()` gather everything; `for await` takes the messages as they
 * come, out of what has gathered so far too, and while somebody iterates the network goes no faster than they do.
 */
export class CollectorQueue<T = unknown> implements AsyncIterable<T> {
  readonly #queueMessagesMax: number
  readonly #collectedMessagesMax: number
  #collected: T[] = []
  /** What an iterator has taken over and gives out one by one. */
  #batch: T[] = []
  #batchAt = 0
  #iterators = 0
  #readers: (() => void)[] = []
  #room: (() => void)[] = []
  #state: 'open' | 'ended' | 'failed' = 'open'
  #error: Error | undefined

  constructor(options: CollectorOptions = {}) {
    this.#queueMessagesMax = options.queueMessagesMax ?? 1024
    this.#collectedMessagesMax = options.collectedMessagesMax ?? 10_000_000
  }

  /** What has gathered and was not taken by iterating. The array grows while the network runs. */
  get collected(): readonly T[] {
    return this.#collected
  }

  /** Everything, once the network has ended; rejects with the error of the network when that failed. */
  async toArray(): Promise<T[]> {
    while (this.#state === 'open') await this.#change()
    if (this.#state === 'failed') throw this.#error!
    return this.#collected
  }

  /** Takes the messages as they come; ends with the network, and throws its error when that failed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    this.#iterators++
    try {
      for (;;) {
        while (this.#batchAt < this.#batch.length) yield this.#batch[this.#batchAt++]!
        if (this.#collected.length > 0) this.#takeOver()
        else if (this.#state === 'failed') throw this.#error!
        else if (this.#state === 'ended') return
        else await this.#change()
      }
    } finally {
      if (--this.#iterators === 0) this.#giveBack()
    }
  }

  /** The network's side: the promise, where there is one, settles when there is room again. */
  put(message: T): Promise<void> | undefined {
    // A network that has failed still handles some before it is closed: nobody waits for them.
    if (this.#state !== 'open') return undefined
    this.#collected.push(message)
    if (this.#readers.length > 0) this.#wakeReaders()
    if (this.#iterators > 0) {
      if (this.#collected.length < this.#queueMessagesMax) return undefined
      return new Promise((resolve) => {
        this.#room.push(resolve)
      })
    }
    if (this.#collected.length <= this.#collectedMessagesMax) return undefined
    throw new VertigoError('COLLECTOR_FULL', `more than ${this.#collectedMessagesMax} messages have gathered`)
  }

  /** The network's side: everything has come. */
  end(): void {
    this.#settle('ended', undefined)
  }

  /** The network's side: it failed, and not everything has come. */
  fail(error: Error): void {
    this.#settle('failed', error)
  }

  #settle(state: 'ended' | 'failed', error: Error | undefined): void {
    if (this.#state !== 'open') return
    this.#state = state
    this.#error = error
    this.#wakeReaders()
    this.#makeRoom()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#readers.push(resolve)
    })
  }

  #takeOver(): void {
    this.#batch = this.#collected
    this.#batchAt = 0
    this.#collected = []
    this.#makeRoom()
  }

  /** Nobody iterates any more: what was not taken gathers again, and the network need not wait. */
  #giveBack(): void {
    this.#collected = [...this.#batch.slice(this.#batchAt), ...this.#collected]
    this.#batch = []
    this.#batchAt = 0
    this.#makeRoom()
  }

  #wakeReaders(): void {
    const readers = this.#readers
    this.#readers = []
    for (const reader of readers) reader()
  }

  #makeRoom(): void {
    const room = this.#room
    this.#room = []
    for (const resolve of room) resolve()
  }
}
