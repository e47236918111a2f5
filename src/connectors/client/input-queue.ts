import type { Cancel, Clock } from '../../base/clock.ts'
import { type ErrorData, errorToData, VertigoError } from '../../base/errors.ts'
import type { ClientPortCommand, ClientPortLine } from '../../component/client-port.ts'
import type { PollResult, TrackedOptions } from '../../component/index.ts'
import { requestTreeMs } from '../request-tree.ts'
import { checkFit } from './message-fit.ts'
import type { RequestBook } from './requests.ts'

/** Checks one message. Errors: MESSAGE_INVALID. */
export type CheckMessage = (message: unknown) => void | PromiseLike<void>

export interface InputQueueMeans {
  readonly clock: Clock
  readonly line: ClientPortLine
  readonly check: CheckMessage | undefined
  readonly requests: RequestBook
}

/** By what messages leave: those of requests are tracked. */
export interface Emit {
  (message: unknown): void
  tracked(message: unknown, options: TrackedOptions): void
}

/** Batches that wait, and characters of them. Callers on all nodes share them. */
const batchesMax = 1024
const lengthMax = 8 * 1024 * 1024

interface Batch {
  readonly id: number
  readonly messages: readonly unknown[]
  readonly length: number
  /** Of a request, nothing: each of its askers has a deadline of its own. */
  readonly cancelDeadline: Cancel
  /** Of a request: what it is known by. */
  readonly request: Request | undefined
}

type Request = Extract<ClientPortCommand, { readonly type: 'request' }>

/** Who asks, and was not told so far. */
interface Asking {
  readonly key: string
  /** Of the time that it waits for its message to be taken. */
  readonly cancelDeadline: Cancel
}

/**
 * Batches and requests on their way from clients into a network: CP-1, CP-2 and CP-4 of `component/client-port.ts`. What waits here was
 * taken by nobody yet, and is refused where the instance ends.
 */
export class InputQueue {
  readonly #means: InputQueueMeans
  /** Those whose check has begun as well, so that they count. */
  readonly #known = new Map<number, { readonly length: number; readonly key: string | undefined }>()
  /** All who ask, by the number of their command; those who have been told leave nothing to do. */
  readonly #asking = new Map<number, Asking>()
  readonly #batches: Batch[] = []
  #length = 0
  #isEnding = false
  #wake: () => void = () => undefined

  constructor(means: InputQueueMeans) {
    this.#means = means
  }

  obey(command: ClientPortCommand): void {
    if (command.type === 'send') this.#add(command, JSON.parse(command.text) as readonly unknown[], undefined)
    else if (command.type === 'request') this.#ask(command)
    else if (command.type === 'cancel') this.#cancel(command.id)
  }

  /** Sends whole batches: the first that waits, and those after it that fit into `max`. */
  poll(
    max: number,
    emit: Emit,
    kept: (tell: (error?: Error) => void) => void,
  ): PollResult | Promise<PollResult> {
    let sent = 0
    for (;;) {
      const [batch] = this.#batches
      if (batch === undefined || (sent > 0 && sent + batch.messages.length > max)) break
      this.#drop(batch.id)
      this.#send(batch, emit, kept)
      sent += batch.messages.length
    }
    if (sent > 0) return 'more'
    if (this.#isEnding) return 'done'
    return new Promise((resolve) => {
      this.#wake = () => resolve('more')
    })
  }

  /** Nothing more is taken. */
  end(): void {
    this.#isEnding = true
    for (const id of this.#known.keys()) this.#refuse(id, ended())
    this.#wake()
  }

  #ask(request: Request): void {
    const { id, key, text, timeoutMs, again, uncommitted } = request
    const { clock, line, requests } = this.#means
    const asker = {
      uncommitted,
      taken: () => {
        this.#asking.get(id)?.cancelDeadline()
        line.tell({ type: 'taken', id })
      },
      answered: (answer: string | undefined) => {
        this.#forget(id)
        line.tell({ type: 'answer', id, text: answer })
      },
      refused: (error: ErrorData) => {
        this.#forget(id)
        line.tell({ type: 'refused', id, error })
      },
    } as const
    const cancelDeadline = clock.after(timeoutMs, () => this.#late(request), { background: true })
    this.#asking.set(id, { key, cancelDeadline })
    try {
      if (requests.ask(key, id, asker, { again, length: text.length }))
        this.#add(request, [JSON.parse(text)], request)
    } catch (error) {
      asker.refused(errorToData(error))
    }
  }

  #cancel(id: number): void {
    const asking = this.#forget(id)
    if (asking !== undefined) this.#leave(asking.key, id)
    // Of a request whose time is over; others may wait for its message.
    else if (this.#known.get(id)?.key === undefined) this.#drop(id)
  }

  /** CP-2 of one who asks: others may ask the same, and have more time. */
  #late({ id, key, timeoutMs }: Request): void {
    // It is on its way, and nobody knows so far whether the journal takes it.
    if (![...this.#known.values()].some((known) => known.key === key)) return
    this.#forget(id)
    const error = this.#leave(key, id)
      ? new VertigoError('SEND_TIMED_OUT', `Not taken within ${timeoutMs} ms.`)
      : new VertigoError(
          'REQUEST_TIMED_OUT',
          `Not taken within ${timeoutMs} ms; others who ask with the same id wait for longer.`,
        )
    this.#means.line.tell({ type: 'refused', id, error: errorToData(error) })
  }

  /** It waits no more. True: nobody does, and its message is never sent. */
  #leave(key: string, id: number): boolean {
    if (!this.#means.requests.leave(key, id)) return false
    for (const [batch, known] of this.#known) if (known.key === key) this.#refuse(batch, ended())
    return true
  }

  #forget(id: number): Asking | undefined {
    const asking = this.#asking.get(id)
    this.#asking.delete(id)
    asking?.cancelDeadline()
    return asking
  }

  #add(
    { id, text, timeoutMs }: { readonly id: number; readonly text: string; readonly timeoutMs: number },
    messages: readonly unknown[],
    request: Request | undefined,
  ): void {
    const { length } = text
    const refuse = (error: unknown): void => this.#tellRefused(id, error, request?.key)
    try {
      checkFit(messages, text)
    } catch (error) {
      refuse(error)
      return
    }
    if (this.#known.size >= batchesMax || (this.#length > 0 && this.#length + length > lengthMax)) {
      refuse(new VertigoError('PORT_BUSY', 'Too much waits at the exported port already.'))
      return
    }
    if (this.#isEnding) {
      refuse(ended())
      return
    }
    this.#known.set(id, { length, key: request?.key })
    this.#length += length
    const { check } = this.#means
    const late = (): void =>
      this.#refuse(id, new VertigoError('SEND_TIMED_OUT', `Not taken within ${timeoutMs} ms.`))
    const cancelDeadline =
      request === undefined
        ? this.#means.clock.after(timeoutMs, late, { background: true })
        : (): void => undefined
    const batch: Batch = { id, messages, length, cancelDeadline, request }
    if (check === undefined) this.#push(batch)
    else
      checkAll(messages, check).then(
        () => this.#push(batch),
        (error: unknown) => {
          cancelDeadline()
          this.#refuse(id, error)
        },
      )
  }

  #push(batch: Batch): void {
    if (!this.#known.has(batch.id)) {
      batch.cancelDeadline()
      return
    }
    this.#batches.push(batch)
    this.#wake()
  }

  #send({ id, messages, request }: Batch, emit: Emit, kept: (tell: (error?: Error) => void) => void): void {
    let at = 0
    try {
      for (; at < messages.length; at++)
        if (request === undefined) emit(messages[at])
        else emit.tracked(messages[at], trackedAs(request))
    } catch (error) {
      // A selector that throws. What it threw at is not on its way, those before it are.
      this.#tellRefused(id, at === 0 ? error : partly(at, messages.length, error), request?.key)
      return
    }
    kept((error) => {
      if (error !== undefined) this.#tellRefused(id, notKept(error), request?.key)
      else if (request === undefined) this.#means.line.tell({ type: 'taken', id })
      else this.#means.requests.taken(request.key)
    })
  }

  #refuse(id: number, error: unknown): void {
    const key = this.#known.get(id)?.key
    if (this.#drop(id)) this.#tellRefused(id, error, key)
  }

  /** `key`: of a request, whose askers are told. */
  #tellRefused(id: number, error: unknown, key: string | undefined): void {
    if (key !== undefined) this.#means.requests.refused(key, error)
    else this.#means.line.tell({ type: 'refused', id, error: errorToData(error) })
  }

  #drop(id: number): boolean {
    const known = this.#known.get(id)
    if (known === undefined) return false
    this.#known.delete(id)
    this.#length -= known.length
    const at = this.#batches.findIndex((batch) => batch.id === id)
    if (at >= 0) this.#batches.splice(at, 1)[0]!.cancelDeadline()
    return true
  }
}

async function checkAll(messages: readonly unknown[], check: CheckMessage): Promise<void> {
  for (const message of messages) await check(message)
}

function trackedAs({ key, timeoutMs }: Request): TrackedOptions {
  return { id: key, wantsAnswers: true, timeoutMs: requestTreeMs(timeoutMs) }
}

function ended(): VertigoError {
  return new VertigoError('PORT_MOVED', 'The instance behind the exported port is at its end.')
}

function notKept(cause: Error): VertigoError {
  const message = 'The journal of the exported port failed while the messages were written to it.'
  return new VertigoError('SEND_OUTCOME_UNKNOWN', message, { cause })
}

function partly(taken: number, of: number, cause: unknown): VertigoError {
  const message = `Of ${of} messages ${taken} were taken; the next one cannot be sent on.`
  return new VertigoError('SEND_OUTCOME_UNKNOWN', message, { cause })
}
