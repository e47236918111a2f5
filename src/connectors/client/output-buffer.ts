import { errorToData, VertigoError } from '../../base/errors.ts'
import {
  clientBatchMessagesMax,
  type ClientPortCommand,
  type ClientPortLine,
  clientTextLengthMax,
  fieldAt,
} from '../../component/client-port.ts'
import { jsonText } from '../json-text.ts'

/** Characters of a part, unless its only message has more. */
const partLengthMax = 256 * 1024
/** Answers that are awaited at one port at the same time. */
const awaitedMax = 10_000

export interface OutputBufferMeans {
  readonly line: ClientPortLine
  /** A message that nobody read was let go. */
  readonly letGo: () => void
}

/**
 * Messages on their way from a network to those who read an exported output: CP-3 and CP-4 of `component/client-port.ts`. At
 * most one part waits here; then the network waits, until the node pulls or nobody reads any more.
 */
export class OutputBuffer {
  readonly #means: OutputBufferMeans
  #isRead = false
  #isPulled = false
  #texts: string[] = []
  #length = 0
  readonly #empties = new Set<() => void>()
  /** By field, and there by the value as JSON: the awaits of it. */
  readonly #awaited = new Map<string, Map<string, number[]>>()
  readonly #awaitedBy = new Map<number, { readonly field: string; readonly value: string }>()

  constructor(means: OutputBufferMeans) {
    this.#means = means
  }

  obey(command: ClientPortCommand): void {
    switch (command.type) {
      case 'read':
        this.#isRead = true
        this.#means.line.tell({ type: 'reading', id: command.id })
        break
      case 'unread':
        this.#isRead = false
        this.#isPulled = false
        for (let at = 0; at < this.#texts.length; at++) this.#means.letGo()
        this.#empty()
        break
      case 'pull':
        this.#isPulled = true
        this.#give()
        break
      case 'await':
        this.#await(command.id, command.field, command.value)
        break
      case 'unawait':
        this.#unawait(command.id)
        break
      default:
        break
    }
  }

  /** The promise, where there is one, settles when there is room for the next message. */
  put(message: unknown): Promise<void> | undefined {
    const answered = this.#awaitedBy.size > 0 && this.#answer(message)
    if (!this.#isRead) {
      if (!answered) this.#means.letGo()
      return undefined
    }
    const text = this.#textOf(message)
    if (text === undefined) return undefined
    this.#texts.push(text)
    this.#length += text.length
    this.#give()
    if (this.#texts.length < clientBatchMessagesMax && this.#length < partLengthMax) return undefined
    return this.drained()
  }

  /** Settles when nothing waits here. */
  drained(): Promise<void> {
    if (this.#texts.length === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#empties.add(resolve)
    })
  }

  #give(): void {
    if (!this.#isPulled || this.#texts.length === 0) return
    this.#isPulled = false
    this.#means.line.tell({ type: 'messages', texts: this.#texts })
    this.#empty()
  }

  #empty(): void {
    this.#texts = []
    this.#length = 0
    const empties = [...this.#empties]
    this.#empties.clear()
    for (const resolve of empties) resolve()
  }

  /** Undefined for one that cannot be given: its readers are told. */
  #textOf(message: unknown): string | undefined {
    try {
      const text = jsonText(message)
      if (text.length <= clientTextLengthMax) return text
      throw new VertigoError(
        'CLIENT_MESSAGE_TOO_LARGE',
        `A message has ${text.length} characters as JSON; readers get ${clientTextLengthMax} at most.`,
      )
    } catch (error) {
      this.#means.line.tell({ type: 'unfit', error: errorToData(error) })
      return undefined
    }
  }

  #await(id: number, field: string, value: string): void {
    if (this.#awaitedBy.size >= awaitedMax) {
      const error = new VertigoError('PORT_BUSY', `${awaitedMax} answers are awaited at the port already.`)
      this.#means.line.tell({ type: 'refused', id, error: errorToData(error) })
      return
    }
    const values = this.#awaited.get(field) ?? new Map<string, number[]>()
    this.#awaited.set(field, values.set(value, [...(values.get(value) ?? []), id]))
    this.#awaitedBy.set(id, { field, value })
    this.#means.line.tell({ type: 'awaiting', id })
  }

  #unawait(id: number): void {
    const known = this.#awaitedBy.get(id)
    if (known === undefined) return
    this.#awaitedBy.delete(id)
    const values = this.#awaited.get(known.field)!
    const left = values.get(known.value)!.filter((other) => other !== id)
    if (left.length > 0) values.set(known.value, left)
    else values.delete(known.value)
    if (values.size === 0) this.#awaited.delete(known.field)
  }

  /** All who await the same get the first that comes. */
  #answer(message: unknown): boolean {
    const found: number[] = []
    for (const [field, values] of this.#awaited) {
      const value = fieldAt(message, field)
      if (typeof value !== 'string' && typeof value !== 'number') continue
      found.push(...(values.get(JSON.stringify(value)) ?? []))
    }
    if (found.length === 0) return false
    const text = this.#textOf(message)
    for (const id of found) {
      this.#unawait(id)
      if (text !== undefined) this.#means.line.tell({ type: 'answer', id, text })
      else this.#means.line.tell({ type: 'refused', id, error: errorToData(unfitAnswer()) })
    }
    return true
  }
}

function unfitAnswer(): VertigoError {
  return new VertigoError(
    'CLIENT_MESSAGE_TOO_LARGE',
    'The answer is too large, or cannot be written as JSON.',
  )
}
