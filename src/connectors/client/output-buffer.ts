import { errorToData } from '../../base/errors.ts'
import {
  clientBatchMessagesMax,
  type ClientPortCommand,
  type ClientPortLine,
} from '../../component/client-port.ts'
import { clientText } from './client-text.ts'

/** Characters of a part, unless its only message has more. */
const partLengthMax = 256 * 1024

export interface OutputBufferMeans {
  readonly line: ClientPortLine
  /** A message that nobody read was let go. */
  readonly letGo: () => void
}

/**
 * Messages on their way from a network to those who read an exported output: CP-3 of `component/client-port.ts`. At
 * most one part waits here; then the network waits, until the node pulls or nobody reads any more.
 */
export class OutputBuffer {
  readonly #means: OutputBufferMeans
  #isRead = false
  #isPulled = false
  #texts: string[] = []
  #length = 0
  readonly #empties = new Set<() => void>()

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
      default:
        break
    }
  }

  get isRead(): boolean {
    return this.#isRead
  }

  /** The promise, where there is one, settles when there is room for the next message. */
  put(message: unknown): Promise<void> | undefined {
    if (!this.#isRead) {
      this.#means.letGo()
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
      return clientText(message)
    } catch (error) {
      this.#means.line.tell({ type: 'unfit', error: errorToData(error) })
      return undefined
    }
  }
}
