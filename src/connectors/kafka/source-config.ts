import * as v from 'valibot'
import { configObject, oneOf, text, truth, wholeNumber } from '../../component/built-in-config.ts'
import { serverFields } from './config.ts'
import type { TopicInfo } from './log-reader.ts'

export const kafkaSourceConfig = configObject({
  ...serverFields,
  topic: text(),
  /** Where a network begins that has no snapshot: at the first message there is, or behind the last. Default `first`. */
  from: v.optional(oneOf('first', 'end'), 'first'),
  /** Goes on with messages as they come; the source then never ends. Else it ends behind what is there when it begins. Default true. */
  follow: v.optional(truth(), true),
  /** What values are: `text` (UTF-8), `json` or `bytes`. Default `text`. */
  value: v.optional(oneOf('text', 'json', 'bytes'), 'text'),
  /** What keys are. Default `text`. */
  key: v.optional(oneOf('text', 'json', 'bytes'), 'text'),
  /** `records` sends key, value, headers and place of each message; `values` its value alone. Default `records`. */
  sends: v.optional(oneOf('records', 'values'), 'records'),
  /** Messages that are fetched ahead, for each partition. Default 2000. */
  aheadMessages: v.optional(wholeNumber(1, 1_000_000), 2_000),
  /** Bytes that one fetch brings of a partition, about. Default 1 MiB. */
  fetchBytes: v.optional(wholeNumber(1_024, 256 * 1024 * 1024), 1024 * 1024),
})

export type KafkaSourceConfig = v.InferOutput<typeof kafkaSourceConfig>

/** A message of a topic. */
export interface KafkaMessage {
  readonly key: unknown
  /** Null for a deletion in a topic that keeps the last value of each key. */
  readonly value: unknown
  /** Values of headers as texts; of several of one name, the last. */
  readonly headers: Readonly<Record<string, string>>
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since 1970. */
  readonly timeMs: number
}

export interface ReadingPlan {
  readonly info: TopicInfo
  /** Where each partition of this instance begins, and where it ends: undefined, where it never does. */
  readonly starts: ReadonlyMap<number, { readonly from: bigint; readonly end: bigint | undefined }>
}
