import * as v from 'valibot'
import { configObject, oneOf, text, wholeNumber } from '../../component/built-in-config.ts'
import { followField, formatField, fromField, sendsField } from '../servers/config.ts'
import { serverFields } from './client.ts'

export const natsSourceConfig = configObject({
  ...serverFields,
  /** The stream of JetStream; it has to exist, and to keep its messages by limits (`retention: limits`). */
  stream: text(),
  /** Subjects that are read, with wildcards: each is a split, so that instances can divide them. None may overlap. Default: all, as one. */
  subjects: v.optional(
    v.pipe(v.array(text(), 'must be a list of subjects'), v.minLength(1, 'must name at least one subject')),
  ),
  /** Where a network begins that has no snapshot: at the first message there is, or behind the last. Default `first`. */
  from: fromField,
  /** Goes on with messages as they come; the source then never ends. Default true. */
  follow: followField,
  /** What the data of messages is: `text` (UTF-8), `json` or `bytes`. Default `text`. */
  value: formatField,
  /** `records` sends subject, value, headers and sequence of each message; `values` its value alone. Default `records`. */
  sends: sendsField,
  /** `purge` deletes from the stream what no kept snapshot needs any more; only where nobody else reads it. Default `keep`. */
  afterwards: v.optional(oneOf('keep', 'purge'), 'keep'),
  /** Messages that are fetched ahead, for each split. Default 1000. */
  aheadMessages: v.optional(wholeNumber(1, 100_000), 1_000),
})

export type NatsSourceConfig = v.InferOutput<typeof natsSourceConfig>

/** A message of a stream. */
export interface NatsMessage {
  readonly subject: string
  readonly value: unknown
  /** Values of headers as texts; of several of one name, the last. */
  readonly headers: Readonly<Record<string, string>>
  /** Its number in the stream. */
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly timeMs: number
}
