import type { Cancel, Clock } from '../../../base/clock.ts'
import { VertigoError } from '../../../base/errors.ts'
import { advanced } from '../../../component/client-position.ts'
import { clientBatchMessagesMax } from '../../../component/client-port.ts'

/** How long the network waits for a reader that takes nothing, in milliseconds. */
export const readerWaitMsMax = 5_000
/** What may wait for one reader: from then on, the network waits. One part more than that may be there. */
const waitingMessagesMax = 4_000
const waitingLengthMax = 1024 * 1024
/** Characters that are taken at once, unless one message has more. */
const takenLengthMax = 256 * 1024

export interface PortReaderMeans {
  readonly clock: Clock
  /** There is room again. */
  readonly onRoom: () => void
}

/** Messages that come together: the position of the first, where they have any, tells those of the others. */
export interface Texts {
  readonly at: string | undefined
  readonly texts: readonly string[]
}

interface Waiting {
  at: string | undefined
  texts: string[]
}

/** One reader of an exported output: what waits for it. */
export class PortReader {
  private readonly means: PortReaderMeans
  private waiting: Waiting[] = []
  private count = 0
  private length = 0
  private error: Error | undefined
  private wake: () => void = () => undefined
  private cancelWait: Cancel | undefined

  constructor(means: PortReaderMeans) {
    this.means = means
  }

  get isFull(): boolean {
    return this.count >= waitingMessagesMax || this.length >= waitingLengthMax
  }

  push(texts: readonly string[], at?: string): void {
    if (this.error !== undefined || texts.length === 0) return
    const last = this.waiting.at(-1)
    const isNext = last !== undefined && (last.at && advanced(last.at, last.texts.length)) === at
    if (isNext) for (const text of texts) last.texts.push(text)
    else this.waiting.push({ at, texts: [...texts] })
    this.count += texts.length
    for (const text of texts) this.length += text.length
    this.wake()
    if (this.isFull)
      this.cancelWait ??= this.means.clock.after(readerWaitMsMax, this.tooSlow, { background: true })
  }

  /** Ends it when what waits has been taken. */
  end(error: Error): void {
    this.error ??= error
    this.stopWaiting()
    this.wake()
  }

  /** Errors: what it was ended with. */
  async take(signal: AbortSignal): Promise<Texts> {
    while (this.waiting.length === 0) {
      if (this.error !== undefined) throw this.error
      signal.throwIfAborted()
      await this.change(signal)
    }
    const taken = this.takeFirst(this.waiting[0]!)
    // Whoever takes anything is not stuck.
    this.stopWaiting()
    if (!this.isFull) this.means.onRoom()
    else if (this.error === undefined)
      this.cancelWait = this.means.clock.after(readerWaitMsMax, this.tooSlow, { background: true })
    return taken
  }

  private takeFirst(first: Waiting): Texts {
    const { at } = first
    let count = 0
    let length = 0
    while (count < Math.min(first.texts.length, clientBatchMessagesMax)) {
      const next = first.texts[count]!.length
      if (count > 0 && length + next > takenLengthMax) break
      length += next
      count++
    }
    const texts = first.texts.splice(0, count)
    if (first.texts.length === 0) this.waiting.shift()
    else first.at = at && advanced(at, count)
    this.count -= count
    this.length -= length
    return { at, texts }
  }

  private stopWaiting(): void {
    this.cancelWait?.()
    this.cancelWait = undefined
  }

  private readonly tooSlow = (): void => {
    this.waiting = []
    this.count = 0
    this.length = 0
    this.end(
      new VertigoError(
        'READER_TOO_SLOW',
        `The reader took nothing for ${readerWaitMsMax / 1000} s, while the network waited for it.`,
      ),
    )
    this.means.onRoom()
  }

  private change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.wake = done
      signal.addEventListener('abort', done, { once: true })
    })
  }
}
