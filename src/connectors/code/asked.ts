import type { Cancel, Clock } from '../../base/clock.ts'
import { asError, VertigoError } from '../../base/errors.ts'
import type { TrackedOptions, TrackHandlers } from '../../component/tracking.ts'
import { requestFailed } from '../request-failure.ts'
import { requestTreeMs } from '../request-tree.ts'

export interface RequestOptions {
  /** How long it may take from when the network has taken the message, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number
  /** Gives up. What was not taken by then never is; what was is handled all the same. */
  readonly signal?: AbortSignal
}

const timeoutMsDefault = 10_000

/** A message that its sender wants answered, in the place of the message. */
export class Asked<T = unknown> {
  readonly message: T
  readonly timeoutMs: number
  readonly answer: Promise<unknown>
  private readonly signal: AbortSignal | undefined
  private readonly resolve: (answer: unknown) => void
  private readonly refuse: (error: Error) => void

  constructor(message: T, { timeoutMs = timeoutMsDefault, signal }: RequestOptions) {
    this.message = message
    this.timeoutMs = timeoutMs
    this.signal = signal
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const giveUp = (): void => reject(asError(signal?.reason))
    if (signal?.aborted === true) giveUp()
    signal?.addEventListener('abort', giveUp, { once: true })
    const leave = (): void => signal?.removeEventListener('abort', giveUp)
    this.answer = promise
    this.resolve = (answer) => {
      leave()
      resolve(answer)
    }
    this.refuse = (error) => {
      leave()
      reject(error)
    }
  }

  /** Who asks has given up. */
  get isGivenUp(): boolean {
    return this.signal?.aborted === true
  }

  answered(answer: unknown): void {
    this.resolve(answer)
  }

  refused(error: Error): void {
    this.refuse(error)
  }
}

interface Open {
  readonly asked: Asked
  /** What it was answered: the first counts. */
  answer: { readonly value: unknown } | undefined
  readonly cancel: Cancel
}

export interface AskedMeans {
  readonly clock: Clock
  readonly place: string
  readonly isJournaled: boolean
}

/** What of the code's requests one source has sent, and what it hears of them. */
export class OpenRequests implements TrackHandlers {
  private readonly means: AskedMeans
  private readonly open = new Map<number, Open>()
  private last = 0

  constructor(means: AskedMeans) {
    this.means = means
  }

  send(asked: Asked, emit: (message: unknown, options: TrackedOptions) => void): void {
    const { clock, isJournaled, place } = this.means
    if (asked.isGivenUp) return
    if (isJournaled) {
      // In another life, nobody is there who has asked.
      const message = `${place}: code that runs a network asks it; in a cluster, export the port, and ask by \`network.request\``
      asked.refused(new VertigoError('SOURCE_MISUSED', message))
      return
    }
    const id = ++this.last
    const { timeoutMs } = asked
    const late = (): void => {
      this.open.delete(id)
      asked.refused(timedOut(timeoutMs))
    }
    const cancel = clock.after(timeoutMs, late, { background: true })
    this.open.set(id, { asked, answer: undefined, cancel })
    emit(asked.message, { id, wantsAnswers: true, timeoutMs: requestTreeMs(timeoutMs) })
  }

  readonly answer = (id: unknown, value: unknown): void => {
    const open = this.open.get(id as number)
    if (open !== undefined) open.answer ??= { value }
  }

  readonly ack = (id: unknown): void => {
    const open = this.take(id)
    open?.asked.answered(open.answer?.value)
  }

  readonly fail: NonNullable<TrackHandlers['fail']> = (id, failure) => {
    this.take(id)?.asked.refused(requestFailed(failure))
  }

  readonly timeout = (id: unknown): void => {
    const open = this.take(id)
    open?.asked.refused(timedOut(open.asked.timeoutMs))
  }

  /** The source is at its end: nothing more will be heard. */
  close(cause: Error | undefined): void {
    for (const id of this.open.keys())
      this.take(id)?.asked.refused(
        new VertigoError('BRIDGE_CLOSED', 'the network ended before the request was handled', { cause }),
      )
  }

  private take(id: unknown): Open | undefined {
    const open = this.open.get(id as number)
    this.open.delete(id as number)
    open?.cancel()
    return open
  }
}

function timedOut(timeoutMs: number): VertigoError {
  return new VertigoError('REQUEST_TIMED_OUT', `No answer to the request came within ${timeoutMs} ms.`)
}
