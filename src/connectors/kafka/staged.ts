/** What is staged for a topic: plain data, in columns, so that it takes little room in a snapshot. */
export interface StagedMessages {
  /** Undefined where no message has a key. */
  readonly keys?: readonly (Uint8Array | null)[] | undefined
  /** Null: a deletion. */
  readonly values: readonly (Uint8Array | null)[]
  /** Undefined where no message has headers. */
  readonly headers?: readonly (Readonly<Record<string, string>> | null)[] | undefined
}

export interface EncodedMessage {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: Readonly<Record<string, string>> | null
  /** About what it takes in a request. */
  readonly bytes: number
}

export class MessageGatherer {
  #messages: EncodedMessage[] = []

  get count(): number {
    return this.#messages.length
  }

  add(message: EncodedMessage): void {
    this.#messages.push(message)
  }

  take(): StagedMessages {
    const messages = this.#messages
    this.#messages = []
    return {
      values: messages.map(({ value }) => value),
      keys: messages.some(({ key }) => key !== null) ? messages.map(({ key }) => key) : undefined,
      headers: messages.some(({ headers }) => headers !== null)
        ? messages.map(({ headers }) => headers)
        : undefined,
    }
  }
}

/** Of the head of a record and its batch. */
const overheadBytes = 100

export function bytesOf({ keys, values, headers }: StagedMessages, index: number): number {
  let bytes = overheadBytes + (keys?.[index]?.length ?? 0) + (values[index]?.length ?? 0)
  for (const [name, value] of Object.entries(headers?.[index] ?? {})) bytes += name.length + value.length + 4
  return bytes
}

/** Pieces of at most so many bytes, but of one message at least: from each number up to the next. */
export function* piecesOf(
  staged: StagedMessages,
  bytesMax: number,
): Generator<readonly [from: number, to: number]> {
  let from = 0
  let bytes = 0
  for (let index = 0; index < staged.values.length; index++) {
    const more = bytesOf(staged, index)
    if (index > from && bytes + more > bytesMax) {
      yield [from, index]
      from = index
      bytes = 0
    }
    bytes += more
  }
  if (from < staged.values.length) yield [from, staged.values.length]
}
