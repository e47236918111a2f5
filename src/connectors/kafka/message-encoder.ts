import { VertigoError } from '../../base/errors.ts'
import { isRecord } from '../../base/values.ts'
import type { Use } from './errors.ts'
import { encode } from '../servers/formats.ts'
import type { EncodedMessage } from './staged.ts'

export interface EncoderOptions {
  /** Fields of messages that hold the key, the value and the headers. */
  readonly key: string | undefined
  readonly value: string | undefined
  readonly headers: string | undefined
  readonly messageBytesMax: number
  readonly use: Use
}

/** Makes Kafka's messages of a network's, and refuses what the brokers would refuse when it is too late. */
export class MessageEncoder {
  readonly #options: EncoderOptions

  constructor(options: EncoderOptions) {
    this.#options = options
  }

  /** Errors: MESSAGE_UNFIT */
  encode(message: unknown): EncodedMessage {
    const { key: keyField, value: valueField, headers: headersField, messageBytesMax } = this.#options
    const key = keyField === undefined ? undefined : this.#field(message, keyField)
    const value = valueField === undefined ? message : this.#field(message, valueField)
    const given = headersField === undefined ? undefined : this.#field(message, headersField)
    if (valueField !== undefined && value === undefined) throw this.#unfit(`lacks the field "${valueField}"`)
    const encoded = {
      key: key === undefined || key === null ? null : encode(key),
      // The whole message is never a deletion; a field may say so.
      value: value === null && valueField !== undefined ? null : encode(value),
      headers: given === undefined || given === null ? null : this.#headers(given),
    }
    const bytes = (encoded.key?.length ?? 0) + (encoded.value?.length ?? 0)
    if (bytes > messageBytesMax)
      throw this.#unfit(
        `has ${bytes} bytes, and at most ${messageBytesMax} are taken (config field "messageBytesMax")`,
      )
    return { ...encoded, bytes }
  }

  #field(message: unknown, name: string): unknown {
    if (isRecord(message)) return message[name]
    throw this.#unfit(`is no record, and its field "${name}" is asked for`)
  }

  #headers(given: unknown): Readonly<Record<string, string>> {
    if (!isRecord(given)) throw this.#unfit('has headers that are no record')
    const entries = Object.entries(given).filter(([, value]) => value !== undefined && value !== null)
    for (const [name, value] of entries)
      if (typeof value !== 'string') throw this.#unfit(`has the header "${name}", whose value is no text`)
    return Object.fromEntries(entries) as Record<string, string>
  }

  #unfit(what: string): VertigoError {
    const { component, what: topic } = this.#options.use
    return new VertigoError('MESSAGE_UNFIT', `${component}: a message for ${topic} ${what}`, {
      place: { component },
    })
  }
}
