import * as v from 'valibot'
import { configObject, text, wholeNumber } from '../../component/built-in-config.ts'
import { followField, formatField, fromField, sendsField } from '../servers/config.ts'
import { serverFields } from './config.ts'
import type { TopicInfo } from './log-reader.ts'

export const kafkaSourceConfig = configObject({
  ...serverFields,
  topic: text(),
  /** Where a network begins that has no snapshot: at the first message there is, or behind the last. Default `first`. */
  from: fromField,
  /** Goes on with messages as they come; the source then never ends. Else it ends behind what is there when it begins. Default true. */
  follow: followField,
  /** What values are: `text` (UTF-8), `json` or `bytes`. Default `text`. */
  value: formatField,
  /** What keys are. Default `text`. */
  key: formatField,
  /** `records` sends key, value, headers and place of each message; `values` its value alone. Default `records`. */
  sends: sendsField,
  /**
   * How often it is looked, with `follow`, whether the topic has more partitions, in milliseconds. Default 30,000: a look costs one small
   * request, and nothing is lost meanwhile, since a new partition is read from its beginning.
   */
  partitionsMs: v.optional(wholeNumber(100, 86_400_000), 30_000),
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
