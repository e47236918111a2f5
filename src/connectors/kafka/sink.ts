import type { Producer } from '@platformatic/kafka'
import * as v from 'valibot'
import type { Clock } from '../../base/clock.ts'
import { builtInKind, defineComponent, port, type Sink } from '../../component/index.ts'
import { configObject, text, wholeNumber } from '../../component/built-in-config.ts'
import { batchField } from '../servers/config.ts'
import { type Patience, withPatience } from '../servers/retry.ts'
import { WriteTimer } from '../servers/write-timer.ts'
import { baseOptions, loadKafka } from './client.ts'
import { serverFields } from './config.ts'
import { kafkaError, type Use } from './errors.ts'
import { LogReader } from './log-reader.ts'
import { MessageEncoder } from './message-encoder.ts'
import { SnapshotsTopic } from './snapshots-topic.ts'
import { MessageGatherer, piecesOf, type StagedMessages } from './staged.ts'
import { send, TransactionalWriter, type WriterOptions } from './writer.ts'

const config = configObject({
  ...serverFields,
  /** It has to exist. */
  topic: text(),
  /** Field of messages that is the key: messages of one key go to one partition. Default: none has a key. */
  key: v.optional(text()),
  /** Field of messages that is the value; null deletes what has the key. Default: the whole message. */
  value: v.optional(text()),
  /** Field of messages that holds headers: a record of texts. Default: none. */
  headers: v.optional(text()),
  /** Largest key and value together that are taken, in bytes. Default 1000000, a little less than brokers take by default. */
  messageBytesMax: v.optional(wholeNumber(1, 1024 * 1024 * 1024), 1_000_000),
  /** How long writing one snapshot may take. Default 60000; brokers allow up to 900000 by default. */
  transactionTimeoutMs: v.optional(wholeNumber(1_000, 86_400_000), 60_000),
  /** Where Kafka keeps which snapshot it has; made where it is missing. Default `vertigo-snapshots`. */
  snapshotsTopic: v.optional(text(), 'vertigo-snapshots'),
  /** Without snapshots: messages that are written together. Default 500. */
  batchMessages: batchField,
  /** Without snapshots: how long a message waits for others, in milliseconds. Default 50. */
  flushMs: v.optional(wholeNumber(0, 60_000), 50),
})

type Config = v.InferOutput<typeof config>

/**
 * Sink `kafka-sink`: writes each message to a topic: bytes as they are, texts as UTF-8, anything else as JSON.
 *
 * Where snapshots are taken, the messages of a snapshot are written after its commit, in one transaction with the snapshot's id
 * (topic `vertigo-snapshots`), by a producer that shuts out whoever wrote under the same name before. Readers that see committed
 * messages only (`isolation.level=read_committed`) see each once, whatever fails; others also see what was taken back. Else messages
 * are written in batches as they come.
 *
 * Limits: what one instance has received between two snapshots has to be written within `transactionTimeoutMs`. The topic of
 * snapshots has to be kept: without it, what is published once more cannot be told. Kafka's guarantee is that of its replicas
 * (`min.insync.replicas`).
 *
 * Errors: `TARGET_UNFIT`, `SINK_REFUSED`, `SINK_AHEAD`, `SINK_TARGET_LOST`, `SINK_FENCED`, `SINK_TRANSACTION_EXPIRED`,
 * `SINK_TRANSACTION_LOST`, `SERVER_UNREACHABLE`, `SERVER_REFUSED`, `PACKAGE_NOT_FOUND`, `MESSAGE_UNFIT`.
 */
export const kafkaSink = builtInKind(
  'kafka-sink',
  defineComponent({
    description:
      'Writes messages to a Kafka topic, each once: with the commit of snapshots, in one transaction.',
    inputs: { in: port() },
    config,
    async setup(context) {
      const { clock, log, signal, component, config: own } = context
      const use: Use = { component, what: `the topic "${own.topic}"` }
      const patience: Patience = { clock, log, signal, retryMs: own.retryMs }
      const loaded = await loadKafka(component)
      const reader = new LogReader(loaded, own, use)
      const gathered = new MessageGatherer()
      const encoder = new MessageEncoder({ ...pick(own), use })
      const add = (message: unknown): void => gathered.add(encoder.encode(message))
      try {
        await withPatience(patience, component, () => reader.topic(own.topic, true))
        if (context.publishes === 'at-once') {
          await reader.close()
          const producer = new loaded.Producer({ ...baseOptions(component, own), idempotent: true })
          return writingAtOnce({ producer, gathered, add, patience, use, config: own, clock })
        }
        const snapshots = new SnapshotsTopic(own.snapshotsTopic, loaded, own, use)
        await withPatience(patience, component, () => snapshots.create())
        const { topic, transactionTimeoutMs } = own
        const options = {
          package: loaded,
          server: own,
          topic,
          transactionTimeoutMs,
          use,
          clock,
          reader,
          snapshots,
        }
        return publishing(options, gathered, add, patience)
      } catch (error) {
        await reader.close()
        throw error
      }
    },
  }),
)

function pick({ key, value, headers, messageBytesMax }: Config) {
  return { key, value, headers, messageBytesMax }
}

type Add = (message: unknown) => void

function publishing(options: WriterOptions, gathered: MessageGatherer, add: Add, patience: Patience) {
  const writers = new Map<string, TransactionalWriter>()
  const writerOf = (name: string): TransactionalWriter => {
    let writer = writers.get(name)
    if (writer === undefined) {
      writer = new TransactionalWriter(name, options)
      writers.set(name, writer)
    }
    return writer
  }
  const sink: Sink<StagedMessages> = {
    prepare: () => (gathered.count === 0 ? undefined : gathered.take()),
    isFull: () => gathered.isFull,
    commit: (batch) => writerOf(batch.writer).publish(batch),
    recover: (writer, published) =>
      withPatience(patience, options.use.component, () => writerOf(writer).published(published)),
  }
  return {
    on: { in: add },
    sink: sink as Sink,
    async close(): Promise<void> {
      await Promise.all(Array.from(writers.values(), (writer) => writer.close()))
      await options.reader.close()
    },
  }
}

interface AtOnceOptions {
  readonly producer: Producer
  readonly gathered: MessageGatherer
  readonly add: Add
  readonly patience: Patience
  readonly use: Use
  readonly config: Config
  readonly clock: Clock
}

/** Of one request, as in transactions. */
const requestBytesMax = 512 * 1024

function writingAtOnce({ producer, gathered, add, patience, use, config: own, clock }: AtOnceOptions) {
  const write = async (): Promise<void> => {
    const staged = gathered.take()
    for (const [from, to] of piecesOf(staged, requestBytesMax)) {
      await withPatience(patience, use.component, async () => {
        try {
          await send(producer, own.topic, staged, from, to)
        } catch (error) {
          throw kafkaError(error, use)
        }
      })
    }
  }
  const timer = new WriteTimer({ write, clock, batch: own.batchMessages, flushMs: own.flushMs })
  return {
    on: {
      in(message: unknown): Promise<void> | undefined {
        add(message)
        return timer.added()
      },
    },
    drain: () => timer.finish(),
    async close(): Promise<void> {
      await timer.abandon()
      await producer.close(true)
    },
  }
}
