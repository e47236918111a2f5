import {
  builtInKind,
  defineSource,
  type InstanceContext,
  port,
  type SourcePositions,
} from '../../component/index.ts'
import { type Patience, withPatience } from '../servers/retry.ts'
import { loadKafka } from './client.ts'
import { kafkaSourceConfig, type KafkaSourceConfig, type ReadingPlan } from './source-config.ts'
import type { Use } from './errors.ts'
import { LogReader, type TopicInfo } from './log-reader.ts'
import { partitionOf, positionOf, splitOf } from './positions.ts'
import { positionLost } from '../servers/position-lost.ts'
import { TopicReader } from './topic-reader.ts'

/**
 * Source `kafka-source`: the messages of a topic; those of one partition in their order, and of transactions only what was
 * committed.
 *
 * Each partition is a split with its offset as position, known by the topic's id: instances divide the partitions among them,
 * without a consumer group. Nothing is committed to Kafka, so the topic's retention has to hold what the oldest kept snapshot still
 * needs: an offset before the topic's first one is an error before anything runs, and so is a topic that was made anew. Offsets that
 * compaction has taken out are passed over, and told once: what stood there has newer values.
 *
 * Partitions that are added while it follows are found within `partitionsMs`, each by the one instance that it is dealt to, now and after
 * any restart, and read from their beginning.
 *
 * Errors: `TARGET_UNFIT`, `SOURCE_POSITION_LOST`, `SOURCE_MESSAGE_INVALID`, `SERVER_UNREACHABLE`, `SERVER_REFUSED`, `PACKAGE_NOT_FOUND`.
 */
export const kafkaSource = builtInKind(
  'kafka-source',
  defineSource({
    description: 'Messages of a Kafka topic; partitions are divided among instances.',
    outputs: { out: port() },
    config: kafkaSourceConfig,
    rewinds: true,
    splits: (context) => listSplits(context),
    async setup(context) {
      const { clock, log, signal, component } = context
      const { topic, retryMs } = context.config
      const use: Use = { component, what: `the topic "${topic}"` }
      const patience: Patience = { clock, log, signal, retryMs }
      const reader = new LogReader(await loadKafka(component), context.config, use)
      try {
        const plan = await withPatience(patience, component, () => makePlan(reader, context, use))
        const { instance, instances } = context
        // As partitions are dealt where they are listed: Kafka adds new ones at the end.
        const owns = (partition: number): boolean => partition % instances === instance
        return new TopicReader({ reader, config: context.config, patience, component, use, owns, ...plan })
      } catch (error) {
        await reader.close()
        throw error
      }
    },
  }),
)

type ListingContext = Pick<
  InstanceContext<{}, KafkaSourceConfig>,
  'component' | 'config' | 'log' | 'clock'
> & {
  readonly positions: SourcePositions | undefined
}

/** All partitions. Errors: SOURCE_POSITION_LOST where positions are of another topic. */
async function listSplits({
  component,
  config: own,
  log,
  clock,
  positions,
}: ListingContext): Promise<string[]> {
  const use: Use = { component, what: `the topic "${own.topic}"` }
  // Nobody asks it to end before it is done.
  const { signal } = new AbortController()
  const reader = new LogReader(await loadKafka(component), own, use)
  try {
    const patience: Patience = { clock, log, signal, retryMs: own.retryMs }
    const { id, leaders } = await withPatience(patience, component, () => reader.topic(own.topic, true))
    const listed = Array.from(leaders.keys(), (partition) => splitOf(id, partition))
    const lost = Object.keys(positions ?? {}).find((split) => !listed.includes(split))
    if (lost !== undefined) throw madeAnew(use)
    return listed
  } finally {
    await reader.close()
  }
}

function madeAnew({ component, what }: Use): Error {
  return positionLost(component, `${what} is another one than was read: it was deleted and made anew`)
}

interface PlanContext {
  readonly config: KafkaSourceConfig
  readonly positions: SourcePositions | undefined
  readonly splits: readonly string[] | undefined
}

/** Errors: SOURCE_POSITION_LOST */
async function makePlan(reader: LogReader, context: PlanContext, use: Use): Promise<ReadingPlan> {
  const { topic, from, follow } = context.config
  const info = await reader.topic(topic, true)
  const [first, end] = [await reader.offsets(topic, 'first'), await reader.offsets(topic, 'end')]
  const stable = follow ? undefined : await reader.offsets(topic, 'stable')
  // A partition that was added since the snapshot is read whole: nothing of it was seen.
  const begin = from === 'first' || context.positions !== undefined ? first : end
  const starts = new Map<number, { readonly from: bigint; readonly end: bigint | undefined }>()
  for (const partition of partitionsOf(info, context, use)) {
    const given = context.positions?.[splitOf(info.id, partition)]
    const start = given === undefined ? begin[partition]! : positionOf(given, use)
    if (given !== undefined) checkStart(start, first[partition]!, end[partition]!, partition, use)
    starts.set(partition, { from: start, end: stable?.[partition] })
  }
  return { info, starts }
}

/** Those that this instance reads. */
function partitionsOf(info: TopicInfo, { splits = [] }: PlanContext, use: Use): number[] {
  return splits.map((split) => {
    const partition = partitionOf(split, info.id)
    if (partition === undefined || partition >= info.leaders.length) throw madeAnew(use)
    return partition
  })
}

function checkStart(
  start: bigint,
  first: bigint,
  end: bigint,
  partition: number,
  { component, what }: Use,
): void {
  if (start < first)
    throw positionLost(
      component,
      `${what} begins with offset ${first} in partition ${partition}, and offset ${start} is to be read next: what was between is deleted`,
    )
  if (start > end)
    throw positionLost(
      component,
      `${what} ends before offset ${end} in partition ${partition}, and offset ${start} is to be read next: Kafka has lost what was there`,
    )
}
