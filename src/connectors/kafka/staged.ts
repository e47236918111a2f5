import { Staging } from '../staging.ts'

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
  /** Of key and value. */
  readonly bytes: number
}

/** What was received and is not staged, or written, yet. */
export class MessageGatherer {
  readonly #staging = new Staging<EncodedMessage>()
  #count = 0

  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#staging.isFull
  }

  add(message: EncodedMessage): void {
    this.#count++
    this.#staging.add(message, overheadBytes + message.bytes + headerBytes(message.headers))
  }

  take(): StagedMessages {
    this.#count = 0
    return inColumns(this.#staging.take())
  }
}

function inColumns(messages: readonly EncodedMessage[]): StagedMessages {
  return {
    values: messages.map(({ value }) => value),
    keys: messages.some(({ key }) => key !== null) ? messages.map(({ key }) => key) : undefined,
    headers: messages.some(({ headers }) => headers !== null)
      ? messages.map(({ headers }) => headers)
      : undefined,
  }
}

/** Of the head of a record and its batch. */
const overheadBytes = 100

export function bytesOf({ keys, values, headers }: StagedMessages, index: number): number {
  const content = (keys?.[index]?.length ?? 0) + (values[index]?.length ?? 0)
  return overheadBytes + content + headerBytes(headers?.[index] ?? null)
}

function headerBytes(headers: EncodedMessage['headers']): number {
  let bytes = 0
  for (const [name, value] of Object.entries(headers ?? {})) bytes += name.length + value.length + 4
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
