import type { Cancel, Clock } from '../../base/clock.ts'
import { errorToData, VertigoError } from '../../base/errors.ts'
import type { ClientPortCommand, ClientPortLine } from '../../component/client-port.ts'
import type { PollResult } from '../../component/index.ts'

/** Checks one message. Errors: MESSAGE_INVALID. */
export type CheckMessage = (message: unknown) => void | PromiseLike<void>

export interface InputQueueMeans {
  readonly clock: Clock
  readonly line: ClientPortLine
  readonly check: CheckMessage | undefined
}

/** Batches that wait, and characters of them. Callers on all nodes share them. */
const batchesMax = 1024
const lengthMax = 8 * 1024 * 1024

interface Batch {
  readonly id: number
  readonly messages: readonly unknown[]
  readonly length: number
  readonly cancelDeadline: Cancel
}

/**
 * Batches on their way from clients into a network: CP-1 and CP-2 of `component/client-port.ts`. What waits here was taken by
 * nobody yet, and is refused where the instance ends.
 */
export class InputQueue {
  readonly #means: InputQueueMeans
  /** Those whose check has begun as well, so that they count. */
  readonly #known = new Map<number, { readonly length: number }>()
  readonly #batches: Batch[] = []
  #length = 0
  #isEnding = false
  #wake: () => void = () => undefined

  constructor(means: InputQueueMeans) {
    this.#means = means
  }

  obey(command: ClientPortCommand): void {
    if (command.type === 'send') this.#add(command)
    else if (command.type === 'cancel') this.#drop(command.id)
  }

  /** Sends whole batches: the first that waits, and those after it that fit into `max`. */
  poll(
    max: number,
    emit: (message: unknown) => void,
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

  #add({ id, text, timeoutMs }: Extract<ClientPortCommand, { readonly type: 'send' }>): void {
    const { length } = text
    if (this.#known.size >= batchesMax || (this.#length > 0 && this.#length + length > lengthMax)) {
      this.#tellRefused(id, new VertigoError('PORT_BUSY', 'Too much waits at the exported port already.'))
      return
    }
    if (this.#isEnding) {
      this.#tellRefused(id, ended())
      return
    }
    this.#known.set(id, { length })
    this.#length += length
    const { check } = this.#means
    const messages = JSON.parse(text) as readonly unknown[]
    const cancelDeadline = this.#means.clock.after(
      timeoutMs,
      () => this.#refuse(id, new VertigoError('SEND_TIMED_OUT', `Not taken within ${timeoutMs} ms.`)),
      { background: true },
    )
    const batch: Batch = { id, messages, length, cancelDeadline }
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

  #send(
    { id, messages }: Batch,
    emit: (message: unknown) => void,
    kept: (tell: (error?: Error) => void) => void,
  ): void {
    let at = 0
    try {
      for (; at < messages.length; at++) emit(messages[at])
    } catch (error) {
      // A selector that throws. What it threw at is not on its way, those before it are.
      this.#tellRefused(id, at === 0 ? error : partly(at, messages.length, error))
      return
    }
    kept((error) => {
      if (error === undefined) this.#means.line.tell({ type: 'taken', id })
      else this.#tellRefused(id, notKept(error))
    })
  }

  #refuse(id: number, error: unknown): void {
    if (this.#drop(id)) this.#tellRefused(id, error)
  }

  #tellRefused(id: number, error: unknown): void {
    this.#means.line.tell({ type: 'refused', id, error: errorToData(error) })
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
